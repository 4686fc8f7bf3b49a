package lab

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// iflaMacvlanBCCutoff is IFLA_MACVLAN_BC_CUTOFF of linux/if_link.h.
const iflaMacvlanBCCutoff = 9

// SetMulticastCut sets to how many receivers a macvlan's multicast frames go at
// once.
func (n *Netns) SetMulticastCut(link string, cut int32) error {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("macvlan"))
	info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(iflaMacvlanBCCutoff, nl.Uint32Attr(uint32(cut)))
	_, err := n.linkRequest(unix.RTM_NEWLINK, link, info)
	return err
}

// MulticastCut reads it back from the kernel, which does not tell its default,
// 1.
func (n *Netns) MulticastCut(link string) int32 {
	answers, err := n.linkRequest(unix.RTM_GETLINK, link, nil)
	if err != nil {
		n.t.Fatalf("read %s: %v", link, err)
	}
	for _, b := range answers {
		b = b[unix.SizeofIfInfomsg:]
		for _, kind := range []uint16{unix.IFLA_LINKINFO, nl.IFLA_INFO_DATA, iflaMacvlanBCCutoff} {
			attrs, err := nl.ParseRouteAttr(b)
			if b = nil; err != nil {
				break
			}
			for _, a := range attrs {
				if a.Attr.Type&^unix.NLA_F_NESTED == kind {
					b = a.Value
				}
			}
		}
		if len(b) == 4 {
			return int32(nl.NativeEndian().Uint32(b))
		}
	}
	return 1
}

func (n *Netns) linkRequest(kind int, link string, info nl.NetlinkRequestData) (answers [][]byte, err error) {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	if l := n.Find(link); l != nil {
		msg.Index = int32(l.Attrs().Index)
	} else {
		return nil, fmt.Errorf("no link %s", link)
	}
	err = n.Do(func() (err error) {
		req := nl.NewNetlinkRequest(kind, unix.NLM_F_ACK)
		req.AddData(msg)
		if info != nil {
			req.AddData(info)
		}
		answers, err = req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
	return answers, err
}
