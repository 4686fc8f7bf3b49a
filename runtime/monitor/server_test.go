package monitor

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// scarce is a listener that has no descriptor left for the first connections.
type scarce struct {
	net.Listener
	fail int
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.fail > 0 {
		s.fail--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", unix.EMFILE)}
	}
	return s.Listener.Accept()
}

// Want of descriptors passes; only a closed socket is the end of it.
func TestServeGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "attach.sock")
	l, err := protocol.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ended, answered := make(chan struct{}), make(chan struct{})
	go func() {
		eachConn(t.Context(), &scarce{l, 2}, systemClock{}, func(c *protocol.Conn) { c.Close(); close(answered) })
		close(ended)
	}()
	c, err := protocol.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !within(answered, 5*time.Second) {
		t.Error("nobody answers any more")
	}
	l.Close()
	if !within(ended, 5*time.Second) {
		t.Error("it goes on without a socket")
	}
}
