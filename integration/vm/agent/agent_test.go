package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParameters(t *testing.T) {
	got := parseParameters("console=ttyS0 mvrun.init=/sbin/init mvrun.name=host1 quiet mvrun.flag\n")
	want := map[string]string{"init": "/sbin/init", "name": "host1", "flag": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSlotOfNIC(t *testing.T) {
	for path, want := range map[string]string{
		"../../devices/pci0000:00/0000:00:09.0/virtio2/net/eth0": "09",
		"../../devices/pci0000:00/0000:00:1f.0/virtio2/net/eth1": "1f",
		"../../devices/virtual/net/lo":                           "",
	} {
		got := ""
		if m := pciSlot.FindStringSubmatch(path); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%s: slot %q, %q is wanted", path, got, want)
		}
	}
}
