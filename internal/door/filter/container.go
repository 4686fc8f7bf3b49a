package filter

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

// statuses are Docker's; some of them no container is ever in here.
var statuses = []string{"created", "restarting", "running", "removing", "paused", "exited", "dead"}

// Containers are the keys of ps.
func Containers() Keys[*container.Container] {
	type ctr = *container.Container
	is := func(c ctr, ref string) bool {
		return c.Config.Name == ref || ref != "" && strings.HasPrefix(c.Config.ID, ref)
	}
	older := func(c, other ctr) bool { return c.Config.Created.Before(other.Config.Created) }
	return Keys[ctr]{
		"id":       text(func(c ctr, v string) bool { return strings.HasPrefix(c.Config.ID, v) }),
		"name":     name(func(c ctr) []string { return []string{c.Config.Name, "/" + c.Config.Name} }),
		"label":    label(func(c ctr) map[string]string { return c.Config.Labels }, true),
		"status":   oneOf(statuses, func(c ctr, v string) bool { return string(c.State.Status) == v }),
		"exited":   exited,
		"ancestor": text(func(c ctr, v string) bool { return sameImage(&c.Config, v) }),
		"network":  text(onNetwork),
		"volume": text(func(c ctr, v string) bool {
			return slices.ContainsFunc(c.Config.Mounts, func(m container.Mount) bool {
				return m.Name == v || m.Destination == v || m.Source == v
			})
		}),
		"before": relative("container", is, older),
		"since":  relative("container", is, swap(older)),
	}
}

func exited(value string) (Test[*container.Container], error) {
	code, err := strconv.Atoi(value)
	if err != nil {
		return nil, errors.New("use an exit code")
	}
	return alone(func(c *container.Container) bool {
		return c.State.Status == container.Exited && c.State.ExitCode == code
	}), nil
}

func onNetwork(c *container.Container, value string) bool {
	n := &c.Config.Network
	return slices.ContainsFunc(n.Endpoints, func(ep network.Endpoint) bool {
		return ep.Network == value || value != "" && strings.HasPrefix(ep.NetworkID, value)
	}) || len(n.Endpoints) == 0 && n.Mode == value
}

func sameImage(conf *container.Config, value string) bool {
	short := strings.TrimPrefix(conf.ImageID, "sha256:")
	value = strings.TrimPrefix(value, "sha256:")
	name := conf.Image
	if !strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ":") {
		name += ":latest"
	}
	return name == value || name == value+":latest" || len(value) >= 4 && strings.HasPrefix(short, value)
}
