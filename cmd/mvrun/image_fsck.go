package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	imagestore "github.com/mvrun/mvrun/image/store"
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
	if err := takesNone(c); err != nil {
		return err
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	damage, err := check(ctx, c.App.Writer, e)
	if err != nil || len(damage) == 0 {
		return err
	}
	if !c.Bool("repair") && !c.Bool("remove") {
		return fmt.Errorf("%d of the store's blobs are damaged: use --repair to fetch them again, --remove to let go of what can't be fetched", len(damage))
	}
	opt, finish, err := pullOptions(c, c.App.ErrWriter, true)
	if err != nil {
		return err
	}
	defer finish()
	for range 3 { // a damaged manifest hides its layers' damage
		done, err := e.Images.Repair(ctx, damage, c.Bool("remove"), opt)
		for _, line := range done {
			fmt.Fprintln(c.App.Writer, line)
		}
		if err != nil {
			return err
		}
		if damage, err = check(ctx, c.App.Writer, e); err != nil || len(damage) == 0 {
			return err
		}
	}
	return fmt.Errorf("%d of the store's blobs are damaged again after their repair: is the disk sound?", len(damage))
}

// check looks for damage and names it.
func check(ctx context.Context, w io.Writer, e *engine.Engine) ([]imagestore.Damage, error) {
	damage, err := e.Images.Check(ctx)
	for _, d := range damage {
		fmt.Fprintln(w, "damaged:", d)
	}
	return damage, err
}
