package network

import (
	"errors"
	"fmt"
)

// What a caller may want to tell apart.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	ErrInUse    = errors.New("has active endpoints")
	// ErrTaken says that an address belongs to somebody else on the LAN.
	ErrTaken = errors.New("is already in use")
)

// Holder is a MAC address for people, with the container that it is of.
func Holder(mac, container string) string {
	if container == "" {
		return mac
	}
	return fmt.Sprintf("%s (container %s)", mac, container)
}
