package monitor

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
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
	l, err := listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ended, answered := make(chan struct{}), make(chan struct{})
	go func() {
		eachConn(&scarce{l, 2}, func(c *conn) { c.Close(); close(answered) })
		close(ended)
	}()
	c, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !waitOr(answered, 5*time.Second) {
		t.Error("nobody answers any more")
	}
	l.Close()
	if !waitOr(ended, 5*time.Second) {
		t.Error("it goes on without a socket")
	}
}

// A monitor that says nothing is not waited for without end.
func TestNoReply(t *testing.T) {
	replyTimeout = 50 * time.Millisecond
	t.Cleanup(func() { replyTimeout = 30 * time.Second })
	dir := t.TempDir()
	store := &runtime.Store{Root: dir, State: dir}
	if err := os.Mkdir(store.RunDir("c1"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := listen(store.AttachSocket("c1"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := Do(store, "c1", Request{Op: OpPause}); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("error: %v", err)
	}
}
