package oci

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// capabilities works out the set of a container: the defaults, less what is
// dropped, with what is added. "ALL" is all that mvrun itself has.
func capabilities(s container.Security, have []string) (*specs.LinuxCapabilities, error) {
	add, err := capNames(s.CapAdd)
	if err != nil {
		return nil, err
	}
	drop, err := capNames(s.CapDrop)
	if err != nil {
		return nil, err
	}
	var set []string
	switch {
	case s.Privileged || slices.Contains(add, "ALL"):
		set = without(have, drop)
	case slices.Contains(drop, "ALL"):
		set = add
	default:
		set = without(defaultCaps, drop)
		for _, c := range add {
			if !slices.Contains(set, c) {
				set = append(set, c)
			}
		}
	}
	for _, c := range add {
		if c != "ALL" && !slices.Contains(have, c) {
			return nil, fmt.Errorf("add capability %s: mvrun does not have this capability itself, so it can't give it", c)
		}
	}
	// No inheritable or ambient ones (CVE-2022-24769).
	return &specs.LinuxCapabilities{Bounding: set, Effective: set, Permitted: set}, nil
}

func without(set, drop []string) (left []string) {
	for _, c := range set {
		if !slices.Contains(drop, c) && !slices.Contains(drop, "ALL") {
			left = append(left, c)
		}
	}
	return left
}

// capNames brings names such as "net_admin" into the form CAP_NET_ADMIN.
func capNames(names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		up := strings.ToUpper(n)
		if up == "ALL" {
			out = append(out, up)
			continue
		}
		if !strings.HasPrefix(up, "CAP_") {
			up = "CAP_" + up
		}
		if !slices.ContainsFunc(capability.ListKnown(), func(c capability.Cap) bool { return "CAP_"+strings.ToUpper(c.String()) == up }) {
			return nil, fmt.Errorf("invalid capability %q: use a name of capabilities(7), such as NET_ADMIN, or ALL", n)
		}
		out = append(out, up)
	}
	return out, nil
}

// CheckCapabilities says which name is no capability.
func CheckCapabilities(names []string) error {
	_, err := capNames(names)
	return err
}

// CurrentCapabilities are those that this process has.
func CurrentCapabilities() ([]string, error) {
	all, err := capability.NewPid2(0)
	if err == nil {
		err = all.Load()
	}
	if err != nil {
		return nil, fmt.Errorf("read own capabilities: %w", err)
	}
	var have []string
	for _, c := range capability.ListKnown() {
		if all.Get(capability.EFFECTIVE, c) {
			have = append(have, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	return have, nil
}
