package endpoint

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// iflaMacvlanBCCutoff is IFLA_MACVLAN_BC_CUTOFF of linux/if_link.h (Linux 6.4),
// which the netlink library does not know.
const iflaMacvlanBCCutoff = 9

// defaultBroadcastLimit is the kernel's (drivers/net/macvlan.c, bc_cutoff).
const defaultBroadcastLimit = 1

// limitBroadcasts sets how many receivers a multicast frame may have to be
// delivered at once; above that it goes through the queue of the interface
// below, which is bounded. -1 has all of them delivered at once.
func (d *device) limitBroadcasts() error {
	if d.ep.BCLimit == nil {
		return nil
	}
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(d.link.Attrs().Index)
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("macvlan"))
	value := make([]byte, 4)
	nl.NativeEndian().PutUint32(value, uint32(*d.ep.BCLimit))
	info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(iflaMacvlanBCCutoff, value)
	err := d.ns.Do(func() error {
		req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
		req.AddData(msg)
		req.AddData(info)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
	var got int32
	if err == nil {
		err = d.ns.Do(func() (err error) { got, err = broadcastLimit(d.link.Attrs().Index); return err })
	}
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) || err == nil && got != *d.ep.BCLimit {
		// An older kernel passes over an attribute that it does not know.
		return errors.New("bclim: this kernel can't set it: it came with Linux 6.4")
	}
	if err != nil {
		return fmt.Errorf("set bclim: %w", err)
	}
	return nil
}

// broadcastLimit reads the limit back from a macvlan of the thread's namespace.
// The kernel leaves out the one that it begins with.
func broadcastLimit(index int) (int32, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil {
		return 0, fmt.Errorf("read link: %w", err)
	}
	for _, b := range answers {
		value := b[min(len(b), unix.SizeofIfInfomsg):]
		for _, kind := range []uint16{unix.IFLA_LINKINFO, nl.IFLA_INFO_DATA, iflaMacvlanBCCutoff} {
			value = attribute(value, kind)
		}
		if len(value) >= 4 {
			return int32(nl.NativeEndian().Uint32(value)), nil
		}
	}
	return defaultBroadcastLimit, nil
}

// attribute is the value of one among those in b; nil if it is not there.
func attribute(b []byte, kind uint16) []byte {
	all, err := nl.ParseRouteAttr(b)
	if err != nil {
		return nil
	}
	for _, a := range all {
		if a.Attr.Type&^unix.NLA_F_NESTED == kind {
			return a.Value
		}
	}
	return nil
}
