// Package rtnl reads tables from the kernel by rtnetlink.
package rtnl

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// tries is how often a table is read. Each one is a few microseconds; only a
// host whose links change without pause needs more than two.
const tries = 50

// Dump reads a whole table. The kernel marks a dump during which the table
// changed (NLM_F_DUMP_INTR): it may have left out entries, or have given some
// twice, so the table is read again. A table that changes at each of many tries
// is an error; half of one is never taken for the whole.
func Dump[T any](read func() ([]T, error)) ([]T, error) {
	for range tries {
		all, err := read()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	return nil, fmt.Errorf("it changed during each of %d tries to read it: %w", tries, netlink.ErrDumpInterrupted)
}
