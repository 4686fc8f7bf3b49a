package protocol

import (
	"strings"

	"github.com/mvrun/mvrun/runtime/container"
)

// StoreArgs say to a monitor, before its command, which store it works on.
func StoreArgs(s *container.Store) []string {
	return []string{"root=" + s.Root, "state=" + s.State, "cgroup-parent=" + s.CgroupParent, "cgroup-driver=" + s.CgroupDriver}
}

// ParseArgs reads the arguments of a monitor, which are the program's name,
// StoreArgs, Command and the container's ID; ok is false for any others.
func ParseArgs(args []string) (s *container.Store, id string, ok bool) {
	s = &container.Store{}
	fields := []*string{&s.Root, &s.State, &s.CgroupParent, &s.CgroupDriver}
	prefixes := StoreArgs(s)
	if len(args) != len(fields)+3 || args[len(fields)+1] != Command {
		return nil, "", false
	}
	for i, field := range fields {
		if *field, ok = strings.CutPrefix(args[1+i], prefixes[i]); !ok {
			return nil, "", false
		}
	}
	return s, args[len(fields)+2], true
}
