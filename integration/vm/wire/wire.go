// Package wire is what the harness and the agent in a virtual machine say to
// each other over a virtio serial port: commands with their input one way,
// output and exit codes the other way, many at a time.
//
// A serial port keeps neither message bounds nor connections, so each message
// is a frame: its length in 4 bytes, big endian, then JSON.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Kind tells what a frame is about.
type Kind string

// The kinds of frames.
const (
	Hello  Kind = "hello"  // agent: it serves from now on
	Start  Kind = "start"  // harness: run Args
	Stdin  Kind = "stdin"  // harness: more input; without data, its end
	Kill   Kind = "kill"   // harness: SIGKILL for the command's process group
	Stdout Kind = "stdout" // agent: output
	Stderr Kind = "stderr"
	Exit   Kind = "exit" // agent: ended, all output has been sent
)

// Frame is one message.
type Frame struct {
	Kind Kind     `json:"kind"`
	ID   uint32   `json:"id,omitempty"` // of the command
	Args []string `json:"args,omitempty"`
	Env  []string `json:"env,omitempty"` // added to the agent's own
	Data []byte   `json:"data,omitempty"`
	Code int      `json:"code,omitempty"` // exit code, 128+n after signal n
	// Error says why the command could not be started.
	Error string `json:"error,omitempty"`
}

// Chunk is the most data that a frame should carry, in bytes.
const Chunk = 32 << 10

// limit is the longest frame that Read accepts, in bytes. A longer one means
// that the two sides are out of step.
const limit = 1 << 20

// Read reads the next frame. At the end of the stream it returns io.EOF, in
// the middle of a frame io.ErrUnexpectedEOF.
func Read(r io.Reader) (Frame, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return Frame{}, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n == 0 || n > limit {
		return Frame{}, fmt.Errorf("read frame: %d bytes: more than 0 and at most %d are possible", n, limit)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	var f Frame
	if err := json.Unmarshal(text, &f); err != nil {
		return Frame{}, fmt.Errorf("read frame: %w", err)
	}
	return f, nil
}

// Writer sends frames, each in one write, from any number of goroutines.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Send writes one frame.
func (w *Writer) Send(f Frame) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if len(text) > limit {
		return fmt.Errorf("send frame: %d bytes: at most %d are possible", len(text), limit)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return err
}
