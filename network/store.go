// Package network puts containers on VLANs: it keeps the networks and the
// claims on their addresses, makes the VLAN sub-interface of a trunk NIC and
// counts its users, and builds each container's macvlan in its namespace.
package network

// Store is where networks, claims and the users of VLAN links are kept. Its
// methods work on the network namespace of the calling thread.
type Store struct {
	Dir   string // <root>/networks
	State string // <state>/links

	// Exists says whether a container's configuration, or the command that is
	// making it, is still there. Claims of others are stale. nil: all exist.
	Exists func(containerID string) bool
	// Running says whether a container's monitor lives. Uses of VLAN links by
	// others are stale. nil: all run.
	Running func(containerID string) bool
}
