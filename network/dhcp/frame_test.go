package dhcp

import (
	"encoding/hex"
	"slices"
	"testing"
)

func TestWrap(t *testing.T) {
	got := hex.EncodeToString(wrap([]byte("abc"), addr("10.0.0.5"), addr("10.0.0.1")))
	want := "4500001f00000000401166c9" + "0a000005" + "0a000001" + // IPv4
		"00440043" + "000b" + "26e9" + "616263" // UDP
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUnwrap(t *testing.T) {
	// What a client sends has the ports the other way round.
	packet := func(change func(b []byte) []byte) []byte {
		b := wrap([]byte("abc"), addr("10.0.0.1"), addr("10.0.0.5"))
		b[21], b[23] = serverPort, clientPort
		return change(b)
	}
	same := func(b []byte) []byte { return b }
	tests := []struct {
		name   string
		packet []byte
		want   string
	}{
		{"plain", packet(same), "abc"},
		{"padded to an Ethernet frame", packet(func(b []byte) []byte { return append(b, make([]byte, 30)...) }), "abc"},
		{"IP options", packet(func(b []byte) []byte {
			b[0], b[3] = 0x46, b[3]+4
			return slices.Insert(b, 20, 1, 1, 1, 0)
		}), "abc"},
		{"without the UDP checksum", packet(func(b []byte) []byte { b[26], b[27] = 0, 0; return b }), "abc"},
		{"to another port", packet(func(b []byte) []byte { b[23] = serverPort; return b }), ""},
		{"TCP", packet(func(b []byte) []byte { b[9] = 6; return b }), ""},
		{"first fragment", packet(func(b []byte) []byte { b[6] = 0x20; return b }), ""},
		{"later fragment", packet(func(b []byte) []byte { b[7] = 1; return b }), ""},
		{"IPv6", packet(func(b []byte) []byte { b[0] = 0x65; return b }), ""},
		{"cut off", packet(func(b []byte) []byte { return b[:29] }), ""},
		{"UDP longer than IP", packet(func(b []byte) []byte { b[25]++; return b }), ""},
		{"header longer than the packet", packet(func(b []byte) []byte { b[0] = 0x4f; return b }), ""},
		{"nothing", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := unwrap(tt.packet)
			if string(got) != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("unwrap = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add(wrap([]byte("abc"), addr("10.0.0.1"), addr("10.0.0.5")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if payload, err := unwrap(b); err == nil && len(payload) > len(b)-ipHeaderLen-udpHeaderLen {
			t.Errorf("%d bytes out of %d", len(payload), len(b))
		}
	})
}
