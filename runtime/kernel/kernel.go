// Package kernel makes containers real, by libcontainer and cgroups: it starts and
// signals their processes, counts what they use, and ends what is left of them.
package kernel

import "github.com/mvrun/mvrun/runtime/container"

// Kernel makes the containers of a store real on this host: it starts their
// processes, counts what they use, and ends what is left of them.
type Kernel struct {
	store *container.Store
}

// Of is the kernel's side of a store. Until this was asked for once, the store
// has nobody to end what killed monitors left running.
func Of(s *container.Store) Kernel {
	k := Kernel{s}
	s.KillLeftovers = k.KillLeftovers
	return k
}
