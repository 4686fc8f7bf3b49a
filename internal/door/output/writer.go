package output

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/moby/term"
)

// Writer is a command's stdout or stderr. It remembers the first write that failed, so
// that a command which prints line by line need not look at each: a full disk is an
// error of the command all the same.
type Writer struct {
	to    io.Writer
	flags []string

	mu  sync.Mutex
	err error
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.err == nil {
			w.err = err
		}
	}
	return n, err
}

// Err is the first error that a write met.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("write the output: %w", w.err)
}

// Offer tells which flags the command has that writes here: errors are reported with
// advice that names no others.
func (w *Writer) Offer(flags []string) { w.flags = flags }

// offered tells of flags whether they were offered.
func offered(w io.Writer) func(flag string) bool {
	over, ok := w.(*Writer)
	return func(flag string) bool { return ok && slices.Contains(over.flags, flag) }
}

// Terminal is the terminal that w is or writes to, or nil.
func Terminal(w io.Writer) *os.File {
	if over, ok := w.(*Writer); ok {
		w = over.to
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(f.Fd()) {
		return f
	}
	return nil
}
