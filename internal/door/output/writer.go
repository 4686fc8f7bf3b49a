package output

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/moby/term"
)

// Writer is a command's stdout. It remembers the first write that failed, so that
// a command which prints line by line need not look at each: a full disk is an
// error of the command all the same.
type Writer struct {
	to io.Writer

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
