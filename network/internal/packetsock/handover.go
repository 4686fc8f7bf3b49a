package packetsock

import (
	"fmt"
	"os"

	"github.com/mdlayher/socket"
	"golang.org/x/sys/unix"
)

// File is a further descriptor of the socket, close-on-exec, for another process
// to Adopt. With it open, Close is quick.
func (s *Socket) File() (*os.File, error) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("pass packet socket on: %w", err)
	}
	var dup int
	if cerr := raw.Control(func(fd uintptr) { dup, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("pass packet socket on: %w", err)
	}
	return os.NewFile(uintptr(dup), "packet"), nil
}

// Adopt makes a Socket of a descriptor that File gave to another process. f stays
// the caller's.
func Adopt(f *os.File, index int, protocol uint16) (*Socket, error) {
	conn, err := socket.FileConn(f, "packet")
	if err != nil {
		return nil, fmt.Errorf("adopt packet socket: %w", err)
	}
	return &Socket{conn: conn, index: index, protocol: htons(protocol)}, nil
}
