package topology

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/rtnl"
)

// links lists the links of a namespace.
func links(h *netlink.Handle) ([]netlink.Link, error) {
	all, err := rtnl.Dump(h.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	return all, nil
}

// addresses of all links of a namespace, by index. Link-local ones of IPv6 say
// nothing that the MAC address does not.
func addresses(h *netlink.Handle) map[int][]netip.Prefix {
	all, err := rtnl.Dump(func() ([]netlink.Addr, error) { return h.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil
	}
	found := map[int][]netip.Prefix{}
	for _, a := range all {
		ip, ok := netip.AddrFromSlice(a.IP)
		ones, _ := a.Mask.Size()
		if ip = ip.Unmap(); ok && !(ip.Is6() && ip.IsLinkLocalUnicast()) {
			found[a.LinkIndex] = append(found[a.LinkIndex], netip.PrefixFrom(ip, ones))
		}
	}
	for _, list := range found {
		slices.SortFunc(list, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	}
	return found
}

func interfaceOf(link netlink.Link, addrs map[int][]netip.Prefix) Interface {
	a := link.Attrs()
	i := Interface{
		Name: a.Name, Index: a.Index, Below: a.ParentIndex, Kind: link.Type(), MTU: a.MTU,
		Up:      a.Flags&net.FlagUp != 0,
		Carrier: a.Flags&net.FlagUp != 0 && a.RawFlags&unix.IFF_LOWER_UP != 0,
		Addrs:   addrs[a.Index], Counters: &Counters{},
	}
	if len(a.HardwareAddr) == 6 {
		i.MAC = a.HardwareAddr.String()
	}
	if s := a.Statistics; s != nil {
		*i.Counters = Counters{
			s.RxBytes, s.TxBytes, s.RxPackets, s.TxPackets, s.RxErrors, s.TxErrors, s.RxDropped, s.TxDropped,
		}
	}
	return i
}

// isChild tells the kinds that share their parent's wire under a MAC address
// or an IP address of their own.
func isChild(link netlink.Link) bool {
	return slices.Contains([]string{"macvlan", "macvtap", "ipvlan", "ipvtap"}, link.Type())
}
