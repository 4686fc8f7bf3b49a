// Package integration drives the built mvrun as its users do, and imports
// nothing of it. Every test has hosts of its own (see the package lab) and
// fails when something of them is left over.
package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/integration/lab"
)

func TestMain(m *testing.M) {
	lab.Init()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	code := lab.Main(m, writeScriptBin)
	if err := tellSkipped(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// tellSkipped prints what was skipped and why, and writes it to the file that
// MVRUN_SKIPPED names, for the table of make test-vm.
func tellSkipped() error {
	for _, line := range lab.Skipped() {
		fmt.Println("skipped", line)
	}
	path := os.Getenv("MVRUN_SKIPPED")
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(strings.Join(lab.Skipped(), "\n")), 0o644)
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
