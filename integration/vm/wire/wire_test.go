package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFramesComeThroughInOrder(t *testing.T) {
	sent := []Frame{
		{Kind: Hello},
		{Kind: Start, ID: 7, Args: []string{"sh", "-c", "echo \x01"}, Env: []string{"A=1"}},
		{Kind: Stdin, ID: 7, Data: bytes.Repeat([]byte{0, 255, '\n'}, Chunk/3)},
		{Kind: Exit, ID: 7, Code: 137},
		{Kind: Exit, ID: 8, Code: 127, Error: "no such file"},
	}
	var port bytes.Buffer
	w := NewWriter(&port)
	for _, f := range sent {
		if err := w.Send(f); err != nil {
			t.Fatal(err)
		}
	}
	var got []Frame
	for {
		f, err := Read(&port)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("sent (-) and read (+) differ:\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want string
	}{
		"nothing":        {"", "EOF"},
		"half a length":  {"\x00\x00", "unexpected EOF"},
		"half a frame":   {"\x00\x00\x00\x09{\"kin", "unexpected EOF"},
		"only a length":  {"\x00\x00\x00\x09", "unexpected EOF"},
		"empty frame":    {"\x00\x00\x00\x00", "0 bytes"},
		"console output": {"[    0.000000] Linux version", "at most"},
		"not JSON":       {"\x00\x00\x00\x03abc", "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, one with %q is wanted", err, c.want)
			}
		})
	}
}

func TestSendRefusesWhatReadWould(t *testing.T) {
	if err := NewWriter(io.Discard).Send(Frame{Kind: Stdout, Data: make([]byte, limit)}); err == nil {
		t.Error("a frame above the limit was sent")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x10{\"kind\":\"hello\"}"))
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		frame, err := Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := NewWriter(&out).Send(frame); err != nil {
			return // base64 and escapes can be longer than what was read
		}
		again, err := Read(&out)
		if diff := cmp.Diff(frame, again); err != nil || diff != "" {
			t.Errorf("%v: read again:\n%s", err, diff)
		}
		if n := binary.BigEndian.Uint32(in); int(n) > len(in)-4 {
			t.Errorf("a frame of %d bytes came out of %d", n, len(in))
		}
	})
}
