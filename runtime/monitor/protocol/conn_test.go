package protocol

import (
	"net"
	"testing"
)

func FuzzReceive(f *testing.F) {
	f.Add([]byte("q\x00\x00\x00\x02{}"))
	f.Add([]byte("1\xff\xff\xff\xff"))
	f.Add([]byte("x\x00\x00\x00\x0a{\"code\":1}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		go func() {
			_, _ = theirs.Write(in)
			theirs.Close()
		}()
		c := &Conn{Conn: ours}
		var buf []byte
		for {
			_, payload, err := c.Receive(&buf)
			if err != nil {
				return
			}
			if len(payload) > MaxFrame {
				t.Fatalf("a frame of %d bytes", len(payload))
			}
		}
	})
}
