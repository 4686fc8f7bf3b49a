package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
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
