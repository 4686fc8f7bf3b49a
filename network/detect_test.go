package network

import (
	"testing"

	"github.com/vishvananda/netlink"
)

// What is detected is what attaching then uses.
func TestDetect(t *testing.T) {
	l := newLab(t)
	must(t, DetectMacvlan())
	driver, err := DetectVLANDriver()
	must(t, err)
	kernel := tryLinks(tryKernelVLAN)
	if (driver == driverKernel) != (kernel == nil) {
		t.Errorf("driver %s, and 8021q says %v", driver, kernel)
	}
	if driver == driverEBPF {
		must(t, tryLinks(tryEBPF))
	}
	err = tryLinks(func(h host, _ netlink.Link) error {
		return h.LinkAdd(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: "try1"}, LinkType: "no-such-kind"})
	})
	if err == nil {
		t.Error("a kind that no kernel has was found")
	}
	_ = l
}
