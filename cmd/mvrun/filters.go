package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
)

// filters are --filter KEY=VALUE: values of one key are alternatives, but for
// labels, which all must fit; the keys must all fit.
type filters map[string][]string

var filterKeys = []string{"id", "name", "label", "status", "exited", "ancestor", "network", "before", "since", "volume"}

var statuses = []string{"created", "restarting", "running", "removing", "paused", "exited", "dead"}

func parseFilters(args []string) (filters, error) {
	f := filters{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		key = strings.TrimSpace(strings.ToLower(key))
		if !ok {
			return nil, withCode(125, fmt.Errorf("invalid argument %q for --filter: bad format of filter (expected name=value)", arg))
		}
		if !slices.Contains(filterKeys, key) {
			return nil, fmt.Errorf("invalid filter '%s': use one of %s", key, strings.Join(filterKeys, ", "))
		}
		f[key] = append(f[key], value)
	}
	for _, s := range f["status"] {
		if !slices.Contains(statuses, s) {
			return nil, fmt.Errorf("invalid filter 'status=%s': use one of %s", s, strings.Join(statuses, ", "))
		}
	}
	for _, s := range f["name"] {
		if _, err := regexp.Compile(s); err != nil {
			return nil, fmt.Errorf("invalid filter 'name=%s': %w", s, err)
		}
	}
	for _, s := range f["exited"] {
		if _, err := strconv.Atoi(s); err != nil {
			return nil, fmt.Errorf("invalid filter 'exited=%s': use an exit code", s)
		}
	}
	return f, nil
}

// anyState tells whether the filters ask for containers that don't run.
func (f filters) anyState() bool { return len(f["status"]) > 0 || len(f["exited"]) > 0 }

// apply picks the containers that fit; without all, of those that are live.
func (f filters) apply(containers []*runtime.Container, all bool) ([]*runtime.Container, error) {
	var out []*runtime.Container
	for _, c := range containers {
		if !all && !c.State.Status.Live() {
			continue
		}
		fits, err := f.fit(c, containers)
		if err != nil {
			return nil, err
		}
		if fits {
			out = append(out, c)
		}
	}
	return out, nil
}

func (f filters) fit(c *runtime.Container, all []*runtime.Container) (bool, error) {
	for key, values := range f {
		fits := key == "label"
		for _, v := range values {
			ok, err := f.one(key, v, c, all)
			if err != nil {
				return false, err
			}
			if key == "label" {
				fits = fits && ok
			} else {
				fits = fits || ok
			}
		}
		if !fits {
			return false, nil
		}
	}
	return true, nil
}

func (f filters) one(key, v string, c *runtime.Container, all []*runtime.Container) (bool, error) {
	conf := &c.Config
	switch key {
	case "id":
		return strings.HasPrefix(conf.ID, v), nil
	case "name":
		re, err := regexp.Compile(v)
		if err != nil {
			return false, fmt.Errorf("invalid filter 'name=%s': %w", v, err)
		}
		return re.MatchString(conf.Name) || re.MatchString("/"+conf.Name), nil
	case "label":
		k, want, given := strings.Cut(v, "=")
		have, ok := conf.Labels[k]
		return ok && (!given || have == want), nil
	case "status":
		return string(c.State.Status) == v, nil
	case "exited":
		code, _ := strconv.Atoi(v)
		return c.State.Status == runtime.Exited && c.State.ExitCode == code, nil
	case "ancestor":
		return sameImage(conf, v), nil
	case "network":
		return slices.ContainsFunc(conf.Network.Endpoints, func(ep network.Endpoint) bool {
			return ep.Network == v || strings.HasPrefix(ep.NetworkID, v)
		}) || len(conf.Network.Endpoints) == 0 && conf.Network.Mode == v, nil
	case "volume":
		return slices.ContainsFunc(conf.Mounts, func(m runtime.Mount) bool {
			return m.Name == v || m.Destination == v || m.Source == v
		}), nil
	}
	return f.relative(key, v, c, all)
}

// relative is before= and since=, another container.
func (f filters) relative(key, v string, c *runtime.Container, all []*runtime.Container) (bool, error) {
	for _, other := range all {
		if other.Config.Name == v || strings.HasPrefix(other.Config.ID, v) {
			if key == "before" {
				return c.Config.Created.Before(other.Config.Created), nil
			}
			return c.Config.Created.After(other.Config.Created), nil
		}
	}
	return false, fmt.Errorf("invalid filter '%s=%s': no such container", key, v)
}

func sameImage(conf *runtime.Config, v string) bool {
	short := strings.TrimPrefix(conf.ImageID, "sha256:")
	v = strings.TrimPrefix(v, "sha256:")
	name := conf.Image
	if !strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ":") {
		name += ":latest"
	}
	return name == v || name == v+":latest" || len(v) >= 4 && strings.HasPrefix(short, v)
}
