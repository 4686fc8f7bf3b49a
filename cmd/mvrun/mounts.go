package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime/container"
)

var volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

var propagations = []string{"private", "rprivate", "shared", "rshared", "slave", "rslave"}

// consistencies are what Docker Desktop's shared folders may keep less strictly. A bind
// is the host's directory itself, so each is kept to the full.
var consistencies = []string{"consistent", "cached", "delegated"}

func readMounts(c *cli.Context, w *wish) error {
	var all []container.Mount
	for _, v := range c.StringSlice("volume") {
		m, err := parseVolume(v)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	for _, v := range c.StringSlice("mount") {
		m, err := parseMount(v)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	for _, v := range c.StringSlice("tmpfs") {
		dst, options, _ := strings.Cut(v, ":")
		m := container.Mount{Type: "tmpfs", Destination: dst}
		if options != "" {
			m.Options = strings.Split(options, ",")
		}
		all = append(all, m)
	}
	seen := map[string]bool{}
	for i := range all {
		m := &all[i]
		if !filepath.IsAbs(m.Destination) {
			return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", m.Destination)
		}
		m.Destination = filepath.Clean(m.Destination)
		if m.Destination == "/" {
			return errors.New("invalid specification: destination can't be '/'")
		}
		if seen[m.Destination] {
			return fmt.Errorf("duplicate mount point: %s", m.Destination)
		}
		seen[m.Destination] = true
	}
	w.config.Mounts = all
	return nil
}

// parseVolume reads -v: TARGET, NAME:TARGET or PATH:TARGET, and options.
func parseVolume(v string) (container.Mount, error) {
	parts := strings.Split(v, ":")
	m := container.Mount{Type: "volume"}
	switch {
	case len(parts) > 3 || slices.Contains(parts, ""):
		return m, fmt.Errorf("invalid volume specification: '%s': use [SOURCE:]TARGET[:OPTIONS]", v)
	case len(parts) == 1:
		m.Destination, m.Anonymous = parts[0], true
		return m, nil
	}
	source := parts[0]
	m.Destination = parts[1]
	switch {
	case filepath.IsAbs(source):
		m.Type, m.Source = "bind", filepath.Clean(source)
	case strings.HasPrefix(source, "."):
		path, err := filepath.Abs(source)
		if err != nil {
			return m, err
		}
		m.Type, m.Source = "bind", path
	case !volumeName.MatchString(source):
		return m, fmt.Errorf("invalid volume specification: '%s': %q includes invalid characters for a volume name: use [a-zA-Z0-9][a-zA-Z0-9_.-], or an absolute path for a host directory", v, source)
	default:
		m.Name = source
	}
	if len(parts) == 3 {
		m.Mode = parts[2]
		options := strings.Split(parts[2], ",")
		if slices.Contains(options, "ro") && slices.Contains(options, "rw") {
			return m, fmt.Errorf("invalid volume specification: '%s': invalid mode: ro and rw", v)
		}
		for _, opt := range options {
			if err := mountOption(&m, opt); err != nil {
				return m, fmt.Errorf("invalid volume specification: '%s': %w", v, err)
			}
		}
	}
	return m, nil
}

func mountOption(m *container.Mount, opt string) error {
	switch {
	case opt == "ro":
		m.ReadOnly = true
	case opt == "nocopy":
		m.NoCopy = true
	case opt == "shared" || opt == "rshared":
		return fmt.Errorf("invalid mode: %s: mvrun's mounts never show on the host; use rslave to see the host's", opt)
	case slices.Contains(propagations, opt):
		m.Propagation = opt
	case opt == "z" || opt == "Z":
		return fmt.Errorf("invalid mode: %s: mvrun labels nothing for SELinux: leave it out, and label the directory yourself where a policy asks for it", opt)
	case opt == "rw" || opt == "copy" || slices.Contains(consistencies, opt): // as it is anyway
	default:
		return fmt.Errorf("invalid mode: %s", opt)
	}
	return nil
}

// parseMount reads --mount, a line of comma-separated values.
func parseMount(v string) (container.Mount, error) {
	m := container.Mount{Type: "volume"}
	fields, err := csv.NewReader(strings.NewReader(v)).Read()
	if err != nil {
		return m, fmt.Errorf("invalid argument %q for --mount: %w", v, err)
	}
	for _, field := range fields {
		key, value, given := strings.Cut(field, "=")
		if err := mountField(&m, strings.ToLower(key), value, given); err != nil {
			return m, fmt.Errorf("invalid argument %q for --mount: %w", v, err)
		}
	}
	if err := checkMount(&m); err != nil {
		return m, fmt.Errorf("invalid argument %q for --mount: %w", v, err)
	}
	return m, nil
}

func mountField(m *container.Mount, key, value string, given bool) (err error) {
	switch key {
	case "type":
		m.Type = value
	case "source", "src":
		m.Source = value
	case "target", "destination", "dst":
		m.Destination = value
	case "readonly", "ro":
		m.ReadOnly, err = switchValue(value, given)
	case "volume-nocopy":
		m.NoCopy, err = switchValue(value, given)
	case "bind-propagation":
		if !slices.Contains(propagations, value) {
			return fmt.Errorf("invalid propagation %q", value)
		}
		return mountOption(m, value)
	case "tmpfs-size":
		var n int64
		n, err = units.RAMInBytes(value)
		m.Options = append(m.Options, "size="+strconv.FormatInt(n, 10))
	case "tmpfs-mode":
		if _, err = strconv.ParseUint(value, 8, 12); err == nil {
			m.Options = append(m.Options, "mode="+value)
		}
	case "consistency":
		if !slices.Contains(consistencies, value) {
			return fmt.Errorf("invalid value for consistency: %q: use one of %s", value, strings.Join(consistencies, ", "))
		}
	default:
		return fmt.Errorf("unexpected key '%s'", key)
	}
	if err != nil {
		return fmt.Errorf("invalid value for %s: %q", key, value)
	}
	return nil
}

func switchValue(value string, given bool) (bool, error) {
	if !given {
		return true, nil
	}
	return strconv.ParseBool(value)
}

func checkMount(m *container.Mount) error {
	if m.Destination == "" {
		return errors.New("target is required")
	}
	if len(m.Options) > 0 && m.Type != "tmpfs" {
		return errors.New("tmpfs options go with type=tmpfs only")
	}
	switch m.Type {
	case "tmpfs":
		if m.Source != "" {
			return errors.New("a tmpfs has no source")
		}
	case "volume":
		m.Name, m.Source = m.Source, ""
		m.Anonymous = m.Name == ""
		if !m.Anonymous && !volumeName.MatchString(m.Name) {
			return fmt.Errorf("invalid volume name %q: use [a-zA-Z0-9][a-zA-Z0-9_.-]", m.Name)
		}
	case "bind":
		m.MustExist = true
		switch _, err := os.Stat(m.Source); {
		case m.Source == "":
			return errors.New("source is required")
		case !filepath.IsAbs(m.Source):
			return fmt.Errorf("invalid mount path: '%s' mount path must be absolute", m.Source)
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("bind source path does not exist: %s", m.Source)
		case err != nil:
			return err
		}
	default:
		return fmt.Errorf("mount type unknown: %q: use bind, volume or tmpfs", m.Type)
	}
	return nil
}
