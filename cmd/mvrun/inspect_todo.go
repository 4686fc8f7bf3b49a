package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
)

func inspectImageObject(*cli.Context, *runtime.Store, string) (any, error) { return nil, errNoObject }
func inspectVolumeObject(*runtime.Store, string) (any, error)              { return nil, errNoObject }
func volumePath(*runtime.Store, string) string                             { return "" }
