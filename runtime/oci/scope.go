package oci

import (
	"fmt"
	"strings"

	"github.com/mvrun/mvrun/runtime/container"
)

// bootUnit is the unit that starts containers with the host, and stops them
// before it goes down.
const bootUnit = "mvrun.service"

// scopeAnnotations say how systemd shall end the container's scope when the
// host goes down: after bootUnit has stopped the container the way it wants to
// be stopped, and with the container's own timeout where that unit is not in
// use. systemd's default is 90 s, and a first process without a handler ignores
// SIGTERM. (runc reads org.systemd.property.*; see systemd.scope(5).)
func scopeAnnotations(c *container.Config, cgroupsPath string) map[string]string {
	if strings.HasPrefix(cgroupsPath, "/") || cgroupsPath == "" {
		return nil // not systemd's
	}
	timeout := "uint64 18446744073709551615" // for ever
	if t := stopTimeout(c); t >= 0 {
		timeout = fmt.Sprintf("uint64 %d", max(1, t)*1_000_000)
	}
	return map[string]string{
		"org.systemd.property.Before":          "['" + bootUnit + "']",
		"org.systemd.property.TimeoutStopUSec": timeout,
	}
}

// DefaultStopTimeout is how many seconds a container has to end by itself.
const DefaultStopTimeout = 10

func stopTimeout(c *container.Config) int {
	if c.StopTimeout != nil {
		return *c.StopTimeout
	}
	return DefaultStopTimeout
}
