package hint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/network"
)

// An address that somebody has: start can't choose another.
func TestTaken(t *testing.T) {
	err := fmt.Errorf("start c1: %w", &network.AddressTaken{By: network.ByNeighbour, Err: network.ErrTaken})
	for flags, want := range map[string]string{
		"ip conflict-probe": "choose another --ip, or look for that machine; --conflict-probe off starts all the same",
		"ip ip6":            "choose another --ip, or look for that machine",
		"attach":            "look for that machine",
	} {
		if got := Of(err, func(flag string) bool { return slices.Contains(strings.Fields(flags), flag) }); got != want {
			t.Errorf("%s: %q, want %q", flags, got, want)
		}
	}
}

// Advice names only flags that the command has.
func TestOf(t *testing.T) {
	var (
		taken  = errors.New("taken")
		denied = errors.New("denied")
		other  = errors.New("other")
	)
	old := rooms
	t.Cleanup(func() { rooms = old })
	rooms = []func(error) string{
		func(err error) string {
			if errors.Is(err, taken) {
				return "choose another --ip, or start all the same with --conflict-probe off"
			}
			return ""
		},
		func(err error) string {
			if errors.Is(err, denied) {
				return "try `mvrun login --username you`, or look-- at --nothing"
			}
			return ""
		},
	}
	for _, c := range []struct {
		err   error
		flags map[string]bool
		want  string
	}{
		{taken, map[string]bool{"ip": true, "conflict-probe": true}, "choose another --ip, or start all the same with --conflict-probe off"},
		{errors.Join(other, taken), map[string]bool{"ip": true, "conflict-probe": true}, "choose another --ip, or start all the same with --conflict-probe off"},
		{taken, map[string]bool{"ip": true}, ""},
		{taken, nil, ""},
		{denied, map[string]bool{"nothing": true}, "try `mvrun login --username you`, or look-- at --nothing"},
		{denied, nil, ""},
		{other, map[string]bool{"ip": true}, ""},
	} {
		if got := Of(c.err, func(flag string) bool { return c.flags[flag] }); got != c.want {
			t.Errorf("%v with %v: %q, want %q", c.err, c.flags, got, c.want)
		}
	}
}
