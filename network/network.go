// Package network has the nouns of containers on VLANs, and the parsers of
// their words: segments, networks, what is asked of an endpoint, what was
// decided on it and what it has become in the kernel. It does no I/O. Its rooms
// do: trunk makes sub-interfaces and counts their users, store keeps networks
// and claims and plans endpoints, endpoint builds them in their namespace,
// hostaccess gives the host an interface beside the containers'.
package network

import (
	"crypto/sha256"
	"encoding/hex"
)

// The networks that are always there and belong to no segment.
const (
	None = "none" // a container with nothing but lo
	Host = "host" // a container in the host's own network namespace
)

// Predefined are the networks that no store needs to hold.
func Predefined() []Config {
	list := []Config{{Name: Host, Driver: "host"}, {Name: None, Driver: "null"}}
	for i := range list {
		sum := sha256.Sum256([]byte("mvrun predefined network " + list[i].Name))
		list[i].ID = hex.EncodeToString(sum[:])
	}
	return list
}
