package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/sys/signal"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/oci"
)

// wish is what a create or run command line asks for, before the image has
// had its say.
type wish struct {
	image      image.Ref
	config     container.Config
	cmd        []string
	entrypoint *string // nil: the image's
	legs       []network.Request
}

// parseWish reads the command line. Nothing has been touched yet when it
// refuses.
func parseWish(c *cli.Context) (*wish, error) {
	if c.NArg() == 0 {
		return nil, errUsage(c, "at least 1 argument, an image")
	}
	ref, err := image.ParseRef(c.Args().First())
	if err != nil {
		return nil, err
	}
	w := &wish{image: ref, cmd: c.Args().Tail()}
	for _, read := range []func(*cli.Context, *wish) error{
		readProcess, readEnvironment, readMounts, readVolumesFrom, readSecurity, readLimits, readNetwork, readAllow, readLifecycle,
	} {
		if err := read(c, w); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// options are the wish, with how to come by its image. finish ends the display of
// a pull.
func (w *wish) options(c *cli.Context) (o engine.CreateOptions, finish func(), err error) {
	o = engine.CreateOptions{Image: w.image, Config: w.config, Command: w.cmd, Entrypoint: w.entrypoint, Endpoints: w.legs}
	quiet := c.Bool("quiet")
	// What it says goes to stderr: stdout is the container's.
	if o.Pull, finish, err = pullOptions(c, c.App.ErrWriter, quiet); err != nil {
		return o, finish, err
	}
	policy := registry.Policy(c.String("pull"))
	o.Pull.Policy = policy
	o.Pull.Pulling = func() {
		spareMemory()
		if quiet {
			return
		}
		if policy == registry.PullMissing {
			fmt.Fprintf(c.App.ErrWriter, "Unable to find image '%s' locally\n", w.image.TypedWithTag())
		}
		fmt.Fprintln(c.App.ErrWriter, pullingFrom(w.image))
	}
	return o, finish, nil
}

func readProcess(c *cli.Context, w *wish) error {
	conf := &w.config
	if err := checkAttach(c); err != nil {
		return err
	}
	conf.Name = strings.TrimPrefix(c.String("name"), "/")
	if conf.Name != "" {
		if err := container.CheckName(conf.Name); err != nil {
			return err
		}
	}
	conf.TTY, conf.OpenStdin = c.Bool("tty"), c.Bool("interactive")
	conf.User, conf.GroupAdd = c.String("user"), c.StringSlice("group-add")
	if conf.Init = c.Bool("init"); conf.Init {
		if err := kernel.CheckInit(); err != nil {
			return err
		}
	}
	if dir := c.String("workdir"); dir != "" {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("the working directory %q is invalid, it needs to be an absolute path", dir)
		}
		conf.WorkingDir = filepath.Clean(dir)
	}
	if c.IsSet("entrypoint") {
		e := c.String("entrypoint")
		w.entrypoint = &e
	}
	return nil
}

func readEnvironment(c *cli.Context, w *wish) error {
	env, err := environment(c.StringSlice("env"), c.StringSlice("env-file"))
	if err != nil {
		return err
	}
	w.config.Env = env
	w.config.Labels, err = labels(c.StringSlice("label"), c.StringSlice("label-file"))
	return err
}

func readSecurity(c *cli.Context, w *wish) error {
	s := &w.config.Security
	s.CapAdd, s.CapDrop = c.StringSlice("cap-add"), c.StringSlice("cap-drop")
	if err := oci.CheckCapabilities(append(append([]string{}, s.CapAdd...), s.CapDrop...)); err != nil {
		return err
	}
	s.Privileged = c.Bool("privileged")
	s.Options, s.Devices = c.StringSlice("security-opt"), c.StringSlice("device")
	for _, d := range s.Devices {
		if _, _, err := oci.ParseDevice(d); err != nil {
			return err
		}
	}
	for _, opt := range s.Options {
		if err := securityOption(s, opt); err != nil {
			return err
		}
	}
	w.config.ReadOnly = c.Bool("read-only")
	return nil
}

func securityOption(s *container.Security, opt string) error {
	key, value, given := strings.Cut(opt, "=")
	if !given {
		key, value, given = strings.Cut(opt, ":")
	}
	switch {
	case key == "no-new-privileges" && (!given || value == "true"):
		s.NoNewPrivileges = true
	case key == "no-new-privileges" && value == "false":
	case key == "seccomp" && (value == oci.Unconfined || value == "builtin"):
		s.Seccomp = value
	case key == "seccomp" && value != "":
		profile, err := os.ReadFile(value)
		if err != nil {
			return fmt.Errorf("--security-opt %s: opening seccomp profile failed: %w", opt, err)
		}
		if err := oci.CheckSeccomp(string(profile)); err != nil {
			return fmt.Errorf("--security-opt %s: %w", opt, err)
		}
		s.Seccomp = string(profile)
	case key == "apparmor" && value != "":
		s.AppArmor = value
		if _, err := oci.AppArmorProfile(*s); err != nil {
			return fmt.Errorf("--security-opt %s: %w", opt, err)
		}
	case key == "label" && value == "disable":
	default:
		return fmt.Errorf("--security-opt %s: invalid option: use no-new-privileges, seccomp=unconfined|FILE or apparmor=unconfined|PROFILE", opt)
	}
	return nil
}

func readLifecycle(c *cli.Context, w *wish) (err error) {
	conf := &w.config
	conf.AutoRemove = c.Bool("rm")
	if conf.Restart, err = container.ParseRestartPolicy(c.String("restart")); err != nil {
		return err
	}
	if conf.AutoRemove && conf.Restart.Name != container.RestartNo {
		return errors.New("conflicting options: --restart and --rm")
	}
	if s := c.String("stop-signal"); s != "" {
		if _, err := signal.ParseSignal(s); err != nil {
			return fmt.Errorf("--stop-signal %s: %w", s, err)
		}
		conf.StopSignal = s
	}
	if c.IsSet("stop-timeout") {
		t := c.Int("stop-timeout")
		conf.StopTimeout = &t
	}
	file, err := configOf(c)
	if err != nil {
		return err
	}
	if conf.Log.Driver = c.String("log-driver"); conf.Log.Driver == "" {
		conf.Log.Driver = file.Log.Driver
	}
	switch conf.Log.Driver {
	case "", "none":
	case "json-file", "local":
		conf.Log.Driver = ""
	default:
		return fmt.Errorf("--log-driver %s: mvrun keeps logs itself: use none, or leave it out", conf.Log.Driver)
	}
	for _, opt := range append(logDefaults(file), c.StringSlice("log-opt")...) {
		if err := logOption(&conf.Log, opt); err != nil {
			return err
		}
	}
	switch c.String("pull") {
	case "missing", "always", "never":
	default:
		return fmt.Errorf("--pull %s: use missing, always or never", c.String("pull"))
	}
	for _, text := range c.StringSlice("expose") {
		ports, err := image.ExposedPorts(text)
		if err != nil {
			return fmt.Errorf("--expose: %w", err)
		}
		conf.Exposed = append(conf.Exposed, ports...)
	}
	return nil
}

func logOption(l *container.LogOptions, opt string) (err error) {
	key, value, _ := strings.Cut(opt, "=")
	switch key {
	case "max-size":
		if value == "-1" {
			l.MaxSize = -1
			return nil
		}
		l.MaxSize, err = units.RAMInBytes(value)
		if err == nil && l.MaxSize < 1024 {
			err = errors.New("at least 1k is needed")
		}
	case "max-file":
		l.MaxFile, err = strconv.Atoi(value)
		if err == nil && l.MaxFile < 1 {
			err = errors.New("at least 1 is needed")
		}
	default:
		return fmt.Errorf("--log-opt %s: unknown option: use max-size or max-file", opt)
	}
	if err != nil {
		return fmt.Errorf("--log-opt %s: %w", opt, err)
	}
	return nil
}
