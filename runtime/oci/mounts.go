package oci

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// mounts lists what is mounted in the container: the defaults, mvrun's own
// files, then the user's, which take the place of any of the former. Parents
// come before what lies below them.
func mounts(c *container.Config, h Host) ([]specs.Mount, error) {
	var own []specs.Mount
	for _, m := range c.Mounts {
		mount, err := userMount(m, h)
		if err != nil {
			return nil, err
		}
		own = append(own, mount)
	}

	taken := map[string]bool{}
	for _, m := range own {
		taken[m.Destination] = true
	}
	var list []specs.Mount
	for _, m := range append(defaultMounts(c), files(c, h)...) {
		if !taken[m.Destination] {
			list = append(list, m)
		}
	}
	list = append(list, own...)
	sort.SliceStable(list, func(i, j int) bool { return depth(list[i].Destination) < depth(list[j].Destination) })
	return list, nil
}

func depth(path string) int { return strings.Count(cleanDestination(path), "/") }

// files are the single files that mvrun binds in.
func files(c *container.Config, h Host) []specs.Mount {
	var list []specs.Mount
	for _, dst := range slices.Sorted(maps.Keys(h.Files)) {
		list = append(list, specs.Mount{Destination: dst, Type: "bind", Source: h.Files[dst], Options: []string{"rbind", "rprivate"}})
	}
	if c.Init {
		list = append(list, specs.Mount{Destination: initPath, Type: "bind", Source: h.InitBinary, Options: []string{"bind", "ro"}})
	}
	return list
}

func userMount(m container.Mount, h Host) (specs.Mount, error) {
	dst := cleanDestination(m.Destination)
	if m.Type == "tmpfs" {
		options := append([]string{"noexec", "nosuid", "nodev"}, m.Options...)
		if m.ReadOnly {
			options = append(options, "ro")
		}
		return specs.Mount{Destination: dst, Type: "tmpfs", Source: "tmpfs", Options: options}, nil
	}
	source := m.Source
	if m.Type == "volume" {
		if source = h.Volumes[m.Name]; source == "" {
			return specs.Mount{}, fmt.Errorf("mount volume %s on %s: no such volume", m.Name, m.Destination)
		}
	}
	propagation := m.Propagation
	if propagation == "" {
		propagation = "rprivate"
	}
	options := []string{"rbind", propagation}
	switch {
	case m.ReadOnly && h.RecursiveReadOnly && propagation == "rprivate":
		options = append(options, "rro")
	case m.ReadOnly:
		options = append(options, "ro")
	}
	return specs.Mount{Destination: dst, Type: "bind", Source: source, Options: options}, nil
}

// MakeBindSources makes the host directories of -v that are missing, as Docker
// does at every start. One of --mount must be there.
func MakeBindSources(c *container.Config) error {
	for _, m := range c.Mounts {
		if m.Type != "bind" {
			continue
		}
		_, err := os.Stat(m.Source)
		switch {
		case err == nil:
			continue
		case m.MustExist:
			return fmt.Errorf("mount %s: bind source path does not exist: %s", m.Destination, m.Source)
		}
		if err := os.MkdirAll(m.Source, 0o755); err != nil {
			return fmt.Errorf("make bind source: %w", err)
		}
	}
	return nil
}
