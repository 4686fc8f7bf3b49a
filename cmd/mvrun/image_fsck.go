package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

var imageFsckCommand = &cli.Command{
	Name:  "fsck",
	Usage: "check every image against its digests",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "repair", Usage: "fetch what is damaged again from where it came"},
		&cli.BoolFlag{Name: "remove", Usage: "repair, and remove what can't be fetched again"},
		insecureFlag(),
	},
	Action: fsckImages,
}

func fsckImages(c *cli.Context) error {
	if c.NArg() != 0 {
		return errUsage(c, "no arguments")
	}
	store, images, err := openImages(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	damage, err := images.Check(ctx)
	if err != nil {
		return err
	}
	for _, d := range damage {
		fmt.Fprintln(c.App.Writer, "damaged:", d)
	}
	if len(damage) == 0 {
		return nil
	}
	if !c.Bool("repair") && !c.Bool("remove") {
		return fmt.Errorf("%d of the store's blobs are damaged: use --repair to fetch them again, --remove to let go of what can't be fetched", len(damage))
	}
	opt, finish, err := pullOptions(c, store.Root, c.App.ErrWriter, true)
	if err != nil {
		return err
	}
	defer finish()
	done, err := images.Repair(ctx, damage, c.Bool("remove"), opt)
	for _, line := range done {
		fmt.Fprintln(c.App.Writer, line)
	}
	return err
}
