package oci

import (
	"strings"
	"testing"

	"github.com/mvrun/mvrun/runtime/container"
)

func TestChooseAppArmor(t *testing.T) {
	const loaded = "mvrun-default (enforce)\nweb server (complain)\n/usr/bin/man (enforce)\n"
	for _, test := range []struct {
		wanted, loaded string
		on             bool
		want, fails    string
	}{
		{"", loaded, true, "mvrun-default", ""},
		{"", "docker-default (enforce)\n", true, "", ""},
		{"", "", false, "", ""},
		{"web server", loaded, true, "web server", ""},
		{"/usr/bin/man", loaded, true, "/usr/bin/man", ""},
		{"web", loaded, true, "", "web is not loaded"},
		{"web", "", false, "", "no AppArmor"},
	} {
		got, err := chooseAppArmor(test.wanted, test.loaded, test.on)
		if got != test.want || (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%q of %q: %q, %v", test.wanted, test.loaded, got, err)
		}
	}
	for _, s := range []container.Security{{AppArmor: Unconfined}, {Privileged: true}} {
		if got, err := AppArmorProfile(s); got != "" || err != nil {
			t.Errorf("%+v: %q, %v", s, got, err)
		}
	}
}
