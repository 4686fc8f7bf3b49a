package trunk

import (
	"os"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/network"
)

// What is detected is what attaching then uses.
func TestDetect(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if err := DetectMacvlan(); err != nil {
		t.Fatal(err)
	}
	driver, err := DetectVLANDriver()
	if err != nil {
		t.Fatal(err)
	}
	kernel := tryLinks(tryKernelVLAN)
	if (driver == network.DriverKernel) != (kernel == nil) {
		t.Errorf("driver %s, and 8021q says %v", driver, kernel)
	}
	if driver == network.DriverEBPF {
		if err := tryLinks(tryEBPF); err != nil {
			t.Error(err)
		}
	}
	err = tryLinks(func(h Handle, _ netlink.Link) error {
		return h.LinkAdd(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: "try1"}, LinkType: "no-such-kind"})
	})
	if err == nil {
		t.Error("a kind that no kernel has was found")
	}
}
