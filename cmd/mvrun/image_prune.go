package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
)

var imagePruneCommand = &cli.Command{
	Name:  "prune",
	Usage: "remove images without a name, and what no image needs",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "all images that no container uses"},
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "don't ask"},
		&cli.StringSliceFlag{Name: "filter", Usage: "until=, label= or label!="},
	},
	Action: pruneImages,
}

func pruneImages(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	wanted, err := parseFilter(c.StringSlice("filter"), filter.Only(filter.Images(), "label", "label!", "until"))
	if err != nil {
		return err
	}
	what := "all dangling images"
	if c.Bool("all") {
		what = "all images without at least one container associated to them"
	}
	if !c.Bool("force") && !confirm(c, what) {
		return nil
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	fits, err := wanted.Bind(nil)
	if err != nil {
		return err
	}
	done, freed, err := e.Images.Prune(c.Context, c.Bool("all"), fits)
	if err != nil {
		return err
	}
	if len(done.Deleted) > 0 {
		fmt.Fprintln(c.App.Writer, "Deleted Images:")
		for _, name := range done.Untagged {
			fmt.Fprintln(c.App.Writer, "untagged:", name.Familiar())
		}
		for _, id := range done.Deleted {
			fmt.Fprintln(c.App.Writer, "deleted:", id)
		}
		fmt.Fprintln(c.App.Writer)
	}
	fmt.Fprintln(c.App.Writer, "Total reclaimed space:", humanSize(freed))
	return nil
}

// confirm asks before what is removed; anything but yes is no.
func confirm(c *cli.Context, what string) bool {
	fmt.Fprintf(c.App.Writer, "WARNING! This will remove %s.\nAre you sure you want to continue? [y/N] ", what)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
