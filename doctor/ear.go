package doctor

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// ear counts the frames that come in from the wire on one interface. Those of
// the host's own containers go out, and don't count.
type ear struct{ fd int }

func listen(index int) (*ear, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	var all [2]byte
	binary.BigEndian.PutUint16(all[:], unix.ETH_P_ALL)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16(all[:]), Ifindex: index}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen on interface %d: %w", index, err)
	}
	return &ear{fd}, nil
}

// heard is the number of frames since listen, up to what the socket holds.
func (e *ear) heard() (n int) {
	var b [1]byte
	for range 10_000 {
		_, from, err := unix.Recvfrom(e.fd, b[:], unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		if err != nil {
			return n
		}
		if link, ok := from.(*unix.SockaddrLinklayer); ok && link.Pkttype != unix.PACKET_OUTGOING {
			n++
		}
	}
	return n
}

func (e *ear) close() { unix.Close(e.fd) }
