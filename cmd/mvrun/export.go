package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime"
)

var exportCommand = &cli.Command{
	Name:      "export",
	Usage:     "write a container's root file system as a tarball, without its volumes",
	ArgsUsage: "CONTAINER",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "file to write instead of stdout"},
	},
	Action: exportContainer,
}

func exportContainer(c *cli.Context) error {
	if c.NArg() != 1 {
		return errUsage(c, "1 argument, a container")
	}
	store, err := openStore(c)
	if err != nil {
		return err
	}
	cont, err := resolveContainer(store, c.Args().First())
	if err != nil {
		return err
	}
	tree, err := openTree(store, cont)
	if err != nil {
		return err
	}
	defer tree.Close()
	ctx, stop := interruptible(c)
	defer stop()
	w, commit, abandon, err := openOutput(c.String("output"))
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	err = rootfs.WriteTree(ctx, out, fmt.Sprintf("/proc/self/fd/%d", tree.Fd()))
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		abandon()
		return err
	}
	return commit()
}

// openTree opens the container's root file system: through its monitor while it
// lives, as a writable layer may be in one mount only; else merged anew.
func openTree(store *runtime.Store, cont *runtime.Container) (*os.File, error) {
	dir := store.Dir(cont.Config.ID)
	if cont.State.Status.Live() {
		return os.Open(fmt.Sprintf("/proc/%d/root%s", cont.State.Monitor.Pid, filepath.Join(dir, "rootfs")))
	}
	dirs := cont.Config.Layers
	if upper := filepath.Join(dir, "upper"); exists(upper) {
		dirs = append([]string{upper}, dirs...)
	}
	return rootfs.OpenMerged(dirs)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
