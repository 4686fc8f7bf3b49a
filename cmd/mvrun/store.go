package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
)

// openStore opens the directories that the global options name.
func openStore(c *cli.Context) (*runtime.Store, error) {
	if err := requireRoot(); err != nil {
		return nil, err
	}
	s, err := storeOf(c)
	if err != nil {
		return nil, err
	}
	unfinished, err := s.Open()
	if unfinished != nil {
		warn(c.App.ErrWriter, "clean up after a killed command: %v", unfinished)
	}
	return s, err
}

// openContainer opens the store and loads the container that ref names.
func openContainer(c *cli.Context, ref string) (*runtime.Store, *runtime.Container, error) {
	store, err := openStore(c)
	if err != nil {
		return nil, nil, err
	}
	id, err := store.Resolve(ref)
	if err != nil {
		return nil, nil, err
	}
	cont, err := store.Load(id)
	return store, cont, err
}

func storeOf(c *cli.Context) (*runtime.Store, error) {
	root, err := filepath.Abs(c.String("root"))
	if err != nil {
		return nil, err
	}
	state, err := filepath.Abs(c.String("state"))
	if err != nil {
		return nil, err
	}
	parent := c.String("cgroup-parent")
	if !strings.HasPrefix(parent, "/") || filepath.Clean(parent) != parent {
		return nil, fmt.Errorf("--cgroup-parent %s: use a clean absolute path such as /mvrun", parent)
	}
	driver := c.String("cgroup-driver")
	if !slices.Contains([]string{"auto", "cgroupfs", "systemd"}, driver) {
		return nil, fmt.Errorf("--cgroup-driver %s: use auto, cgroupfs or systemd", driver)
	}
	return &runtime.Store{Root: root, State: state, CgroupParent: parent, CgroupDriver: driver}, nil
}

// storeFlags repeat the global options for a monitor.
func storeFlags(s *runtime.Store) []string {
	return []string{"--root", s.Root, "--state", s.State, "--cgroup-parent", s.CgroupParent, "--cgroup-driver", s.CgroupDriver}
}

// requireRoot says why nothing will work without root, before anything fails
// for want of it.
func requireRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("must be run as root: containers need mounts, namespaces and a real NIC; use sudo")
	}
	return nil
}
