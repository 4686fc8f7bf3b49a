package hint

import (
	"errors"
	"testing"
)

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
