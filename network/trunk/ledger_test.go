package trunk

import (
	"strings"
	"testing"

	"github.com/mvrun/mvrun/network"
)

func TestLedgerNames(t *testing.T) {
	for _, u := range []User{
		{Key{Parent: 4, VID: 100, Service: true}, "0123abcd", "bridge", "eth0"},
		{Key{Parent: 4, VID: 10}, "0123abcd", "bridge", "eth0"},
		{Key{Parent: 4}, "0123abcd", network.Passthru, "odd@name"},
	} {
		if got, ok := parseUser(u.file()); !ok || got != u {
			t.Errorf("%s: %+v", u.file(), got)
		}
	}
	for _, s := range []string{"", ".lock", "4.10.json", "4.json", "4.x@a@b@c", "@@@", "4.99999@a@b@c"} {
		if u, ok := parseUser(s); ok {
			t.Errorf("%q is %+v", s, u)
		}
	}
}

func TestLinkName(t *testing.T) {
	for _, c := range []struct {
		seg  network.Segment
		n    int
		want string // empty: a shortened one
	}{
		{network.Segment{Parent: "enp0s9", VID: 10}, 0, "enp0s9.10"},
		{network.Segment{Parent: "enp0s20f0u2c", VID: 10}, 0, "enp0s20f0u2c.10"},
		{network.Segment{Parent: "enp0s20f0u2c2", VID: 10}, 0, ""},
		{network.Segment{Parent: "abcdefghijklmno", VID: 4094}, 0, ""},
		{network.Segment{Parent: "abcdefghijklmno", VID: 4094}, 7, ""},
		{network.Segment{Parent: "enp0s9", VID: 10}, 1, ""},
	} {
		got := linkName(c.seg, c.n)
		wants(t, got, network.CheckIfName(got), "")
		if c.want != "" && got != c.want {
			t.Errorf("%s: %s", c.seg, got)
		}
		if c.want == "" && (!strings.HasPrefix(got, c.seg.Parent[:4]) || !strings.HasSuffix(got, strings.TrimPrefix(c.seg.String(), c.seg.Parent))) {
			t.Errorf("%s: %s shows neither parent nor VLAN", c.seg, got)
		}
	}
	if linkName(network.Segment{Parent: "enp0s20f0u2c2", VID: 10}, 0) == linkName(network.Segment{Parent: "enp0s20f0u2c3", VID: 10}, 0) {
		t.Error("two parents, one name")
	}
}

// wants checks that the error says want, or that there is none for "".
func wants(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want …%s…", name, err, want)
	}
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: more than one line: %q", name, err)
	}
}
