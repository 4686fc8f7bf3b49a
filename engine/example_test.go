package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

// A container that says hello, from a program of one's own.
func Example() {
	engine.Reexec()
	e, err := engine.Open(engine.Options{
		Root: "/var/lib/mvrun", State: "/run/mvrun", CgroupParent: "/mvrun", CgroupDriver: "auto",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	busybox, err := image.ParseRef("busybox")
	if err != nil {
		fmt.Println(err)
		return
	}
	session, warnings, err := e.Containers.Run(ctx, engine.RunOptions{
		CreateOptions: engine.CreateOptions{
			Image: busybox,
			Config: container.Config{
				Name: "hello", AutoRemove: true,
				Network: container.Network{Mode: network.None},
			},
			Command: []string{"echo", "hello"},
		},
		Attach: &engine.Attach{Stdout: true, Stderr: true},
	})
	var taken *engine.NameInUse
	var start *engine.StartError
	switch {
	case errors.As(err, &taken):
		fmt.Println("there is a container", taken.Name, "already")
		return
	case errors.As(err, &start):
		fmt.Println("it could not be started, exit code", start.Code)
		return
	case err != nil:
		fmt.Println(err)
		return
	}
	for _, w := range warnings {
		fmt.Println("warning:", w)
	}
	code, err := session.Stream(engine.Streams{Stdout: os.Stdout, Stderr: os.Stderr})
	fmt.Println("it ended with", code, err)
}
