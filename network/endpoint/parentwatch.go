package endpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/socket"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/trunk"
)

// parentWatch hears when the carrier of a leg's parent comes back. The link that
// the macvlan sits on won't do: with the eBPF driver it always has one. The
// kernel tells of changes about once a second (linkwatch): a shorter loss may
// go unheard.
type parentWatch struct {
	conn *socket.Conn
	up   bool
}

// Where a message's type, interface index and flags are: struct nlmsghdr, then
// struct ifinfomsg.
const (
	msgType  = 4
	msgIndex = unix.SizeofNlMsghdr + 4
	msgFlags = unix.SizeofNlMsghdr + 8
	msgSize  = unix.SizeofNlMsghdr + unix.SizeofIfInfomsg
)

// watchParent begins to listen, in the namespace of the calling thread.
func watchParent(parent netlink.Link) (*parentWatch, error) {
	conn, err := subscribe(unix.RTNLGRP_LINK, onlyLink(parent.Attrs().Index))
	if err != nil {
		return nil, fmt.Errorf("listen for link changes: %w", err)
	}
	return &parentWatch{conn, trunk.HasCarrier(parent)}, nil
}

// subscribe opens a socket for what rtnetlink tells the group, in the namespace
// of the calling thread, and that the filter, if any, lets through.
func subscribe(group int, filter []bpf.Instruction) (*socket.Conn, error) {
	conn, err := socket.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE, "netlink", nil)
	if err != nil {
		return nil, err
	}
	if len(filter) > 0 {
		var raw []bpf.RawInstruction
		if raw, err = bpf.Assemble(filter); err == nil {
			err = conn.SetBPF(raw)
		}
	}
	if err == nil {
		err = conn.Bind(&unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (group - 1)})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// closeWith closes the socket when ctx ends, which wakes who waits for it.
func closeWith(ctx context.Context, conn *socket.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { conn.Close() })
}

// onlyLink accepts messages about one link: on a host with many containers
// links come and go, and every monitor would wake for each. The filter reads
// big-endian what the kernel wrote in its own order.
func onlyLink(index int) []bpf.Instruction {
	val := binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, uint32(index)))
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: msgIndex, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: val, SkipFalse: 1},
		bpf.RetConstant{Val: 0xffff},
		bpf.RetConstant{Val: 0},
	}
}

// run calls back each time that the carrier returns, until ctx ends or the
// parent is gone.
func (w *parentWatch) run(ctx context.Context, back func()) {
	stop := closeWith(ctx, w.conn)
	defer stop()
	var b [msgSize]byte // what follows in the datagram is cut off
	for {
		n, _, err := w.conn.Recvfrom(context.Background(), b[:], 0)
		switch {
		case errors.Is(err, unix.ENOBUFS): // something was lost: better once too often
			back()
		case err != nil:
			return
		case n < msgSize:
		case binary.NativeEndian.Uint16(b[msgType:]) == unix.RTM_DELLINK:
			return
		default:
			w.heard(binary.NativeEndian.Uint32(b[msgFlags:]), back)
		}
	}
}

func (w *parentWatch) heard(flags uint32, back func()) {
	const both = unix.IFF_UP | unix.IFF_LOWER_UP
	was := w.up
	w.up = flags&both == both
	if w.up && !was {
		back()
	}
}

// close is idempotent, also on nil.
func (w *parentWatch) close() {
	if w != nil {
		w.conn.Close()
	}
}
