// Package kernel makes containers real, by libcontainer and cgroups: it starts and
// signals their processes, counts what they use, and ends what is left of them.
package kernel

import "github.com/mvrun/mvrun/runtime/container"

// Kernel makes the containers of a store real on this host: it starts their
// processes, counts what they use, and ends what is left of them.
type Kernel struct {
	store *container.Store
}

// Of is the kernel's side of a store.
func Of(s *container.Store) Kernel { return Kernel{s} }

// Serve lets the store end what killed monitors left running. It comes once, before
// the store is opened or a container of it is changed.
func Serve(s *container.Store) { s.KillLeftovers = Of(s).KillLeftovers }
