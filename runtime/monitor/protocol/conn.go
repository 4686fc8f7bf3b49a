package protocol

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
)

// Kind is the first byte of a frame; four bytes of length (big endian) and the
// payload follow.
type Kind byte

// The kinds of frames.
const (
	KindRequest  Kind = 'q' // client: one Request, the first frame
	KindReply    Kind = 'r' // monitor: the Reply to it
	KindNetwork  Kind = 'n' // the command that started the monitor, after its request: a prestart.Record; its descriptors follow
	KindStdin    Kind = '0' // client: bytes for the container
	KindStdinEOF Kind = '4' // client: end of stdin
	KindStdout   Kind = '1' // monitor: bytes of the container
	KindStderr   Kind = '2'
	KindResize   Kind = 'w' // client: a Size
	KindExit     Kind = 'x' // monitor: an Exit, the last frame
)

// MaxFrame bounds a payload in bytes. The longest is a configuration, with all
// of its environment and labels.
const MaxFrame = 16 << 20

// Conn sends and receives frames. Several goroutines may send at once, one may
// receive.
type Conn struct {
	net.Conn
	mu sync.Mutex // one frame at a time
}

// Send sends one frame.
func (c *Conn) Send(k Kind, payload []byte) error {
	var head [5]byte
	head[0] = byte(k)
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	c.mu.Lock()
	defer c.mu.Unlock()
	parts := net.Buffers{head[:], payload}
	_, err := parts.WriteTo(c.Conn)
	return err
}

// SendJSON sends one frame whose payload is v as JSON.
func (c *Conn) SendJSON(k Kind, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.Send(k, data)
}

// Receive reads one frame into buf, which grows as needed. The payload is valid
// until the next call.
func (c *Conn) Receive(buf *[]byte) (Kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(c.Conn, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint32(head[1:]))
	if n > MaxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes is over the limit", n)
	}
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	payload := (*buf)[:n]
	_, err := io.ReadFull(c.Conn, payload)
	return Kind(head[0]), payload, err
}

// ReceiveJSON reads one frame, which must be of the kind, into v.
func (c *Conn) ReceiveJSON(want Kind, v any) error {
	var buf []byte
	k, payload, err := c.Receive(&buf)
	if err != nil {
		return err
	}
	if k != want {
		return fmt.Errorf("unexpected frame %q", k)
	}
	return json.Unmarshal(payload, v)
}
