package lab

import (
	"net/netip"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
)

// A bare namespace on the wire plays another machine of the LAN.

// Has gives a link an address, ADDR/LEN; HasNot takes it away.
func (n *Netns) Has(link, address string) { n.address(link, address, n.Link.AddrReplace) }

// HasNot is the end of Has.
func (n *Netns) HasNot(link, address string) { n.address(link, address, n.Link.AddrDel) }

func (n *Netns) address(link, address string, do func(netlink.Link, *netlink.Addr) error) {
	n.t.Helper()
	addr, err := netlink.ParseAddr(address)
	if err == nil {
		if netip.MustParsePrefix(address).Addr().Is6() {
			addr.Flags = 2 // IFA_F_NODAD: it is there at once
		}
		err = do(n.Find(link), addr)
	}
	if err != nil {
		n.t.Fatalf("address %s on %s: %v", address, link, err)
	}
}

// MAC is the hardware address of a link.
func (n *Netns) MAC(link string) string {
	n.t.Helper()
	return n.Find(link).Attrs().HardwareAddr.String()
}

// Run runs a program in the namespace and returns what it says; that it fails
// is no error of the test.
func (n *Netns) Run(name string, args ...string) string {
	n.t.Helper()
	var out strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := n.Do(cmd.Start); err != nil {
		n.t.Fatalf("%s: %v", name, err)
	}
	_ = cmd.Wait()
	return out.String()
}
