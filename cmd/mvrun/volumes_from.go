package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
)

// readVolumesFrom checks --volumes-from: CONTAINER[:ro|rw].
func readVolumesFrom(c *cli.Context, w *wish) error {
	w.config.VolumesFrom = c.StringSlice("volumes-from")
	for _, from := range w.config.VolumesFrom {
		if name, mode, given := strings.Cut(from, ":"); name == "" || given && mode != "ro" && mode != "rw" {
			return fmt.Errorf("invalid argument %q for --volumes-from: use CONTAINER[:ro|rw]", from)
		}
	}
	return nil
}

// volumesFrom adds what other containers have mounted of volumes and of the host,
// but where the user mounts something else. It comes before the image's volumes,
// whose places it takes.
func (cr *creation) volumesFrom() error {
	conf := &cr.wish.config
	for _, from := range conf.VolumesFrom {
		name, mode, _ := strings.Cut(from, ":")
		other, err := resolveContainer(cr.store, name)
		if err != nil {
			return fmt.Errorf("--volumes-from %s: %w", from, err)
		}
		for _, m := range other.Config.Mounts {
			taken := slices.ContainsFunc(conf.Mounts, func(have runtime.Mount) bool { return have.Destination == m.Destination })
			if taken || m.Type == "tmpfs" {
				continue
			}
			m.Anonymous, m.NoCopy = false, true // it is the other's to fill and to remove
			m.From = name
			m.ReadOnly = m.ReadOnly || mode == "ro"
			conf.Mounts = append(conf.Mounts, m)
		}
	}
	return nil
}
