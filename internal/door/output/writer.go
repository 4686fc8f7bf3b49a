package output

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/moby/term"
)

// Writer is a command's stdout or stderr. It remembers the first write that
// failed, so that a command which prints line by line need not look at each: a
// full disk is an error of the command all the same.
//
// On a terminal it shows control characters as escapes (Printable), since what
// images and containers choose, labels or commands, must not command the
// terminal. In a pipe or a file bytes stay as they are.
type Writer struct {
	to       io.Writer
	terminal bool
	flags    []string

	mu  sync.Mutex
	err error
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w, terminal: Terminal(w) != nil} }

// Raw is for what may command the terminal: a container's own output, and colours
// of ours. What fails is remembered by w all the same.
func Raw(w io.Writer) io.Writer {
	if over, ok := w.(*Writer); ok {
		return raw{over}
	}
	return w
}

type raw struct{ over *Writer }

func (r raw) Write(p []byte) (int, error) { return r.over.write(p) }

func (w *Writer) Write(p []byte) (int, error) {
	if !w.terminal {
		return w.write(p)
	}
	if _, err := w.write(Printable(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w *Writer) write(p []byte) (int, error) {
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
	if r, ok := w.(raw); ok {
		w = r.over
	}
	if over, ok := w.(*Writer); ok {
		w = over.to
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(f.Fd()) {
		return f
	}
	return nil
}

// Printable replaces what a terminal would obey by escapes such as \x1b: control
// characters but for newline and tab, also those of eight bits (C1), bytes that are
// no UTF-8, and what turns the direction of writing (Unicode's Bidi_Control).
func Printable(p []byte) []byte {
	clean := func(r rune, size int) bool {
		return r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && (r != utf8.RuneError || size > 1)
	}
	out := make([]byte, 0, len(p))
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		switch {
		case clean(r, size):
			out = append(out, p[:size]...)
		case size == 1:
			out = fmt.Appendf(out, `\x%02x`, p[0])
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		p = p[size:]
	}
	return out
}
