package etcfiles

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Neighbour is a container as the others on a network know it.
type Neighbour struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Aliases []string     `json:"aliases,omitempty"`
	Addrs   []netip.Addr `json:"addrs,omitempty"`
}

// The lines between these marks in /etc/hosts are mvrun's; the others are the
// container's own, or an administrator's.
const (
	neighboursBegin = "# mvrun: containers on the same networks\n"
	neighboursEnd   = "# mvrun: end\n"
)

// WithNeighbours returns the hosts file with these neighbours in place of the
// ones that it names. Each goes by its name, its aliases and its short ID.
func WithNeighbours(hosts []byte, all []Neighbour) []byte {
	rest := withoutNeighbours(hosts)
	lines := neighbourLines(all)
	if len(lines) == 0 {
		return rest
	}
	if len(rest) > 0 && !bytes.HasSuffix(rest, []byte("\n")) {
		rest = append(rest, '\n')
	}
	return slices.Concat(rest, []byte(neighboursBegin), lines, []byte(neighboursEnd))
}

func withoutNeighbours(hosts []byte) []byte {
	begin := bytes.Index(hosts, []byte(neighboursBegin))
	if begin < 0 {
		return slices.Clone(hosts)
	}
	after := hosts[begin+len(neighboursBegin):]
	if end := bytes.Index(after, []byte(neighboursEnd)); end >= 0 {
		return slices.Concat(hosts[:begin], after[end+len(neighboursEnd):])
	}
	return slices.Clone(hosts[:begin]) // cut off by somebody
}

func neighbourLines(all []Neighbour) []byte {
	var lines []string
	for _, n := range all {
		names := append([]string{n.Name}, n.Aliases...)
		if len(n.ID) >= 12 {
			names = append(names, n.ID[:12])
		}
		for _, a := range n.Addrs {
			lines = append(lines, fmt.Sprintf("%s\t%s\n", a, strings.Join(names, " ")))
		}
	}
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), ""))
}
