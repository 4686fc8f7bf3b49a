package network

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// iflaMacvlanBCCutoff is IFLA_MACVLAN_BC_CUTOFF of linux/if_link.h (Linux 6.4),
// which the netlink library does not know.
const iflaMacvlanBCCutoff = 9

// limitBroadcasts sets how many receivers a multicast frame may have to be
// delivered at once; above that it goes through the queue of the interface
// below, which is bounded. -1 has all of them delivered at once.
func (a *attaching) limitBroadcasts() error {
	if a.ep.BCLimit == nil {
		return nil
	}
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(a.link.Attrs().Index)
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("macvlan"))
	value := make([]byte, 4)
	nl.NativeEndian().PutUint32(value, uint32(*a.ep.BCLimit))
	info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(iflaMacvlanBCCutoff, value)
	err := a.ns.Do(func() error {
		req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
		req.AddData(msg)
		req.AddData(info)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("bclim: this kernel can't set it (it came with Linux 6.4): %w", err)
	}
	if err != nil {
		return fmt.Errorf("set bclim: %w", err)
	}
	return nil
}
