package image

import (
	"slices"
	"testing"
)

func TestExposedPorts(t *testing.T) {
	for s, want := range map[string][]string{
		"80":         {"80/tcp"},
		"53/udp":     {"53/udp"},
		"8000-8002":  {"8000/tcp", "8001/tcp", "8002/tcp"},
		"80-81/sctp": {"80/sctp", "81/sctp"},
		"65535":      {"65535/tcp"},
		"":           nil,
		"abc":        nil,
		"80:80":      nil,
		"82-80":      nil,
		"65536":      nil,
		"80/bogus":   nil,
		"-1":         nil,
	} {
		if got, err := ExposedPorts(s); !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("ExposedPorts(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}
