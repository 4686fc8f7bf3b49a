// Package doctor finds out whether containers can run on this host and reach
// their VLAN, by trying. Whatever it makes belongs to a throw-away container
// that is never committed: it goes with the examination, and if that is
// killed, with the next command.
package doctor

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
)

// Status of a finding.
type Status string

// Broken is what mvrun can't do without; a warning is what some containers
// will miss.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Broken  Status = "broken"
)

// Finding is what one check found.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	What   string `json:"what"`
	Why    string `json:"why,omitempty"` // it matters; empty if all is well
	Do     string `json:"do,omitempty"`  // what helps
}

func fine(check, what string) Finding { return Finding{Check: check, Status: OK, What: what} }

// Patient is the host, and what is asked about it.
type Patient struct {
	Store      *container.Store
	Parent     string // interface as typed; empty: that of the default route
	VLAN       string // as typed; empty: untagged
	VLANDriver string // auto, kernel or ebpf; empty: auto
	Gateway    netip.Addr
	// Wait is how long an answer from the wire may take; each of three
	// questions waits at most that long.
	Wait time.Duration
	// Program is a command that ends at once, to try a user namespace with.
	Program []string
}

// Examine makes all the checks, in the order in which one depends on the
// other. The error is that of an examination that could not be made, or was
// interrupted; what was found till then is returned beside it.
func Examine(ctx context.Context, p Patient) (found []Finding, err error) {
	h, err := p.Store.Begin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Abandon()) }()
	e := &examination{Patient: p, id: h.ID}
	for _, check := range []func(context.Context) []Finding{
		e.macvlan, e.vlan, e.firewall, e.overlay, e.cgroup, e.seccomp, e.userNamespace, e.parent, e.wire,
	} {
		found = append(found, check(ctx)...)
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
	}
	return found, nil
}

// Healthy tells whether nothing is broken.
func Healthy(found []Finding) bool {
	for _, f := range found {
		if f.Status == Broken {
			return false
		}
	}
	return true
}

type examination struct {
	Patient
	id      string // of the throw-away container
	driver  string // that a VLAN gets
	carrier *carrier
}
