// Package integration drives the built mvrun as its users do, and imports
// nothing of it. Every test has hosts of its own (see the package lab) and
// fails when something of them is left over.
package integration

import (
	"os"
	"testing"

	"github.com/mvrun/mvrun/integration/lab"
)

func TestMain(m *testing.M) {
	lab.Init()
	os.Exit(lab.Main(m, writeScriptBin))
}

// host is the usual start of a test: a host of its own with a trunk.
func host(t *testing.T) *lab.Host {
	t.Helper()
	t.Parallel()
	h, _ := lab.OneHost(t)
	return h
}

// field is one value of a container's description.
func field(t *testing.T, h *lab.Host, container, template string) string {
	t.Helper()
	return h.OK("inspect", "-f", template, container)
}
