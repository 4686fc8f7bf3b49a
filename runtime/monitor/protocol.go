// Package monitor is the one small process that lives as long as a container:
// it holds the container's namespaces and mounts, its log and its clients.
package monitor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
)

// kind is the first byte of a frame; four bytes of length (big endian) and the
// payload follow.
type kind byte

const (
	kindRequest  kind = 'q' // client: one Request, the first frame
	kindReply    kind = 'r' // monitor: the Reply to it
	kindNetwork  kind = 'n' // who spawned the monitor, after its request: a network.Handover; its descriptors follow
	kindStdin    kind = '0' // client: bytes for the container
	kindStdinEOF kind = '4' // client: no more of them
	kindStdout   kind = '1' // monitor: bytes of the container
	kindStderr   kind = '2'
	kindResize   kind = 'w' // client: a Size
	kindExit     kind = 'x' // monitor: an Exit, the last frame
)

// maxFrame bounds a payload in bytes. The longest is a configuration, with all
// of its environment and labels.
const maxFrame = 16 << 20

// Op is what a client asks for.
type Op string

// The operations.
const (
	OpStart   Op = "start"   // of the process that spawned the monitor only
	OpAttach  Op = "attach"  // from now on, frames of the streams
	OpWait    Op = "wait"    // nothing but the exit
	OpSignal  Op = "signal"  // send Signal to the container's first process
	OpPause   Op = "pause"   // freeze
	OpUnpause Op = "unpause" // thaw

	OpHold Op = "hold" // keep a terminal, which comes as a descriptor after the reply

	OpConnect    Op = "connect"    // add a Leg
	OpDisconnect Op = "disconnect" // leave the Leg's network
	OpRename     Op = "rename"     // call the container Name
)

// Request is what a client begins with.
type Request struct {
	Op     Op   `json:"op"`
	Attach bool `json:"attach,omitempty"` // start: go on as an attached client
	Stdin  bool `json:"stdin,omitempty"`  // attach: the client sends stdin
	Stdout bool `json:"stdout,omitempty"`
	Stderr bool `json:"stderr,omitempty"`
	Size   Size `json:"size,omitzero"` // start: of the terminal
	// Config, of a start, is that of a container that is not made yet: the
	// monitor makes it when it runs.
	Config *runtime.Config `json:"config,omitempty"`
	Signal int             `json:"signal,omitempty"`
	Leg    network.Request `json:"leg,omitzero"`
	Name   string          `json:"name,omitempty"`
	// Stop says that the signal is the user's wish to end the container: no
	// restart policy undoes it, and a paused container is let go.
	Stop bool `json:"stop,omitempty"`
	// Keep, with Stop, says that the container shall start again: one that
	// goes with its exit stays.
	Keep bool `json:"keep,omitempty"`
	// Shutdown says, with Stop, that the wish is the host's, which goes down:
	// when it is up again, the container starts again by its policy.
	Shutdown bool `json:"shutdown,omitempty"`
}

// Size of a terminal in characters.
type Size struct {
	Width  uint16 `json:"w"`
	Height uint16 `json:"h"`
}

// Reply answers a request. An empty Error is success.
type Reply struct {
	Error    string   `json:"error,omitempty"`
	Code     int      `json:"code,omitempty"` // exit code for the command, with Error
	Warnings []string `json:"warnings,omitempty"`
}

// Exit is how the container ended.
type Exit struct {
	Code int `json:"code"`
}

// conn sends and receives frames. Sends of several goroutines don't mix.
type conn struct {
	net.Conn
	mu sync.Mutex
}

func (c *conn) send(k kind, payload []byte) error {
	var head [5]byte
	head[0] = byte(k)
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	c.mu.Lock()
	defer c.mu.Unlock()
	parts := net.Buffers{head[:], payload}
	_, err := parts.WriteTo(c.Conn)
	return err
}

func (c *conn) sendJSON(k kind, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.send(k, data)
}

// receive reads one frame into buf, which grows as needed.
func (c *conn) receive(buf *[]byte) (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(c.Conn, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint32(head[1:]))
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes is over the limit", n)
	}
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	payload := (*buf)[:n]
	_, err := io.ReadFull(c.Conn, payload)
	return kind(head[0]), payload, err
}

func (c *conn) receiveJSON(want kind, v any) error {
	var buf []byte
	k, payload, err := c.receive(&buf)
	if err != nil {
		return err
	}
	if k != want {
		return fmt.Errorf("unexpected frame %q", k)
	}
	return json.Unmarshal(payload, v)
}
