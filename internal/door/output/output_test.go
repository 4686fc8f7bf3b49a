package output

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	failed := errors.New("stop c1: no such container")
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{nil, 0, ""},
		{failed, 1, "mvrun: stop c1: no such container\n"},
		{WithCode(125, failed), 125, "mvrun: stop c1: no such container\n"},
		{WithCode(125, WithCode(127, failed)), 127, "mvrun: stop c1: no such container\n"},
		{fmt.Errorf("run: %w", WithCode(126, failed)), 126, "mvrun: run: stop c1: no such container\n"},
		{&Exit{Code: 3}, 3, ""}, // the container's own
		{errors.Join(failed, errors.New("undo: busy")), 1, "mvrun: stop c1: no such container; undo: busy\n"},
	} {
		var out bytes.Buffer
		if code := Report(&out, c.err); code != c.code || out.String() != c.text {
			t.Errorf("%v: %d %q, want %d %q", c.err, code, out.String(), c.code, c.text)
		}
	}
	if WithCode(125, nil) != nil {
		t.Error("no error became one")
	}
}

func TestWarn(t *testing.T) {
	var out bytes.Buffer
	Warn(&out, "%s\nand %d more", "c1 is damaged", 2)
	if want := "mvrun: warning: c1 is damaged; and 2 more\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// The first failure stays, also when later writes succeed.
func TestWriterRemembersTheFirstError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	w := NewWriter(full)
	if w.Err() != nil {
		t.Error("an error before a write")
	}
	fmt.Fprintln(w, "lost")
	w.to = &bytes.Buffer{}
	fmt.Fprintln(w, "written")
	if err := w.Err(); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("%v", err)
	}
	if Terminal(w) != nil {
		t.Error("a buffer is no terminal")
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext\n":              "plain\ttext\n",
		"\x1b]0;owned\a\r\x7f":       `\x1b]0;owned\x07\x0d\x7f`,
		"grün ✓ \ufffd":              "grün ✓ \ufffd",
		"\u009b31m \x9b31m \xe2\x9c": `\u009b31m \x9b31m \xe2\x9c`,
		"a\u202eb\u2066c\u200fd":     `a\u202eb\u2066c\u200fd`,
	} {
		if got := string(Printable([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWriterEscapesOnTerminalsAlone(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	fmt.Fprint(w, "\x1b[1m")
	w.terminal = true
	if n, err := fmt.Fprint(w, "\x1b[2m"); n != 4 || err != nil {
		t.Error(n, err)
	}
	fmt.Fprint(Raw(w), "\x1b[3m")
	if want := "\x1b[1m\\x1b[2m\x1b[3m"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
