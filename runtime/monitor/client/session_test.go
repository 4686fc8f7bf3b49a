package client

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// A monitor that says nothing is not waited for without end.
func TestNoReply(t *testing.T) {
	replyTimeout = 50 * time.Millisecond
	t.Cleanup(func() { replyTimeout = 30 * time.Second })
	dir := t.TempDir()
	store := &container.Store{Layout: container.Layout{Root: dir, State: dir}}
	if err := os.Mkdir(store.RunDir("c1"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := protocol.Listen(store.AttachSocket("c1"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := Do(store, "c1", protocol.Request{Op: protocol.OpPause}); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("error: %v", err)
	}
}
