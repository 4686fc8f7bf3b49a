// Package packetsock opens packet sockets (packet(7)) inside a network
// namespace that is known by its descriptor alone.
//
// It differs from mdlayher/packet, which it is modelled on, in that point, and
// in telling whether the link has a carrier.
package packetsock

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/mdlayher/socket"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// ErrGone says that the interface was removed.
var ErrGone = errors.New("the interface is gone")

// Config says where a socket listens and what for.
type Config struct {
	NetNS    int                // descriptor of the network namespace, 0 for the caller's own
	Index    int                // of the interface in that namespace
	Protocol uint16             // EtherType
	Filter   []bpf.Instruction  // sees packets from the network header on
	Groups   []net.HardwareAddr // multicast groups the interface shall let through
}

// Socket sends and receives the packets of one EtherType on one interface. The
// kernel adds and strips the Ethernet header. Once open it is usable from any
// thread, whatever that thread's namespace. It keeps its namespace alive.
type Socket struct {
	conn     *socket.Conn
	index    int
	protocol uint16 // network byte order, as packet(7) wants it
}

// Listen opens a socket. The interface may still be down: the socket wakes up
// with it.
func Listen(c Config) (*Socket, error) {
	// Protocol 0 first: otherwise packets of every kind are queued between
	// socket(2) and the moment the filter is in place.
	conn, err := socket.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0, "packet", &socket.Config{NetNS: c.NetNS})
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	s := &Socket{conn: conn, index: c.Index, protocol: htons(c.Protocol)}
	if err := s.bind(c); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *Socket) bind(c Config) error {
	filter, err := bpf.Assemble(c.Filter)
	if err != nil {
		return fmt.Errorf("assemble packet filter: %w", err)
	}
	if len(filter) > 0 {
		if err := s.conn.SetBPF(filter); err != nil {
			return fmt.Errorf("attach packet filter: %w", err)
		}
	}
	for _, group := range c.Groups {
		mreq := unix.PacketMreq{Ifindex: int32(c.Index), Type: unix.PACKET_MR_MULTICAST, Alen: uint16(len(group))}
		copy(mreq.Address[:], group)
		if err := s.conn.SetsockoptPacketMreq(unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &mreq); err != nil {
			return fmt.Errorf("join group %s: %w", group, err)
		}
	}
	if err := s.conn.Bind(&unix.SockaddrLinklayer{Protocol: s.protocol, Ifindex: c.Index}); err != nil {
		return fmt.Errorf("bind packet socket to interface %d: %w", c.Index, err)
	}
	return nil
}

// Receive waits for the next packet, up to the read deadline, and returns its
// length and the link-layer address it came from. A packet that is there is
// returned also after the deadline: on a busy machine it may have come in time,
// and we too late. Receive waits for a link that went down to come back; one that
// was removed is ErrGone.
func (s *Socket) Receive(b []byte) (int, net.HardwareAddr, error) {
	n, sa, err := s.conn.Recvfrom(context.Background(), b, 0)
	// The kernel says ENETDOWN once, for both, and wakes the socket again with
	// the link (packet_notifier).
	for errors.Is(err, unix.ENETDOWN) {
		if _, cerr := s.Carrier(); errors.Is(cerr, unix.ENODEV) {
			return 0, nil, ErrGone
		}
		n, sa, err = s.conn.Recvfrom(context.Background(), b, 0)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		n, sa, err = s.queued(b)
	}
	if err != nil {
		return 0, nil, err
	}
	link, ok := sa.(*unix.SockaddrLinklayer)
	if !ok || int(link.Halen) > len(link.Addr) {
		return n, nil, nil
	}
	return n, net.HardwareAddr(link.Addr[:link.Halen]), nil
}

// queued returns a packet that has come already, else os.ErrDeadlineExceeded.
func (s *Socket) queued(b []byte) (n int, sa unix.Sockaddr, err error) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return 0, nil, err
	}
	if err := raw.Control(func(fd uintptr) { n, sa, err = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT) }); err != nil {
		return 0, nil, err
	}
	if err != nil {
		return 0, nil, os.ErrDeadlineExceeded
	}
	return n, sa, nil
}

// Send puts one packet on the wire. ENETDOWN: the link is down now. ErrGone: the
// interface was removed.
func (s *Socket) Send(b []byte, to net.HardwareAddr) error {
	sa := &unix.SockaddrLinklayer{Protocol: s.protocol, Ifindex: s.index, Halen: uint8(len(to))}
	if len(to) > len(sa.Addr) {
		return fmt.Errorf("send packet: hardware address %s is too long", to)
	}
	copy(sa.Addr[:], to)
	err := s.conn.Sendto(context.Background(), b, 0, sa)
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) { // packet_snd, dev_get_by_index
		return ErrGone
	}
	return err
}

// SetReadDeadline bounds Receive, also one that is waiting already.
func (s *Socket) SetReadDeadline(t time.Time) error { return s.conn.SetReadDeadline(t) }

// Close ends the socket and everything that waits on it. It takes 10 ms, for the
// kernel waits for a grace period of RCU (packet_release): not where somebody
// waits for a container.
func (s *Socket) Close() error { return s.conn.Close() }

func htons(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
