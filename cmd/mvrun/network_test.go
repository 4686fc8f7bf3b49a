package main

import (
	"strings"
	"testing"

	"github.com/mvrun/mvrun/network"
)

func TestNetworkOptions(t *testing.T) {
	var cfg network.Config
	parent, err := readNetworkOptions(&cfg, []string{"parent=enp0s9.10", "macvlan_mode=vepa", "vlan_driver=ebpf", "com.docker.network.driver.mtu=1400"})
	if err != nil || parent != "enp0s9.10" || cfg.Mode != "vepa" || cfg.VLANDriver != "ebpf" || cfg.MTU != 1400 || cfg.Options["parent"] != "enp0s9.10" {
		t.Errorf("%q, %+v, %v", parent, cfg, err)
	}
	for opt, want := range map[string]string{"colour=red": "no such option", "mtu=big": "number of bytes", "mtu=-1": "number of bytes", "": "no such option"} {
		if _, err := readNetworkOptions(&cfg, []string{opt}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", opt, err)
		}
	}
}
