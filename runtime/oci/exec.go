package oci

import (
	"fmt"
	"strconv"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// ExecOptions are what exec's command line says.
type ExecOptions struct {
	Args       []string
	Env        []string
	User       string // empty: the container's
	WorkingDir string // empty: the container's
	TTY        bool
	Privileged bool
	Volumes    map[string]string // of the container: name to host path
}

// ExecProcess describes one more process of a running container: like its
// first, but for what the options say.
func ExecProcess(c *container.Container, o ExecOptions) (*specs.Process, error) {
	conf := c.Config
	have, err := CurrentCapabilities()
	if err != nil {
		return nil, err
	}
	security := conf.Security
	if o.Privileged {
		security.Privileged = true
	}
	caps, err := capabilities(security, have)
	if err != nil {
		return nil, err
	}
	if o.User == "" {
		o.User = conf.User
	}
	user, err := LookupUser(Tree{"/proc/" + strconv.Itoa(c.State.Init.Pid) + "/root", conf.Mounts, o.Volumes}, o.User, conf.GroupAdd)
	if err != nil {
		return nil, err
	}
	if o.WorkingDir != "" {
		conf.WorkingDir = o.WorkingDir
	}
	conf.Env = MergeEnv(conf.Env, o.Env)
	conf.TTY = conf.TTY || o.TTY
	conf.Entrypoint, conf.Cmd, conf.Init = nil, o.Args, false
	p := process(&conf, user, caps)
	if !o.Privileged {
		p.ApparmorProfile = appArmorOf(c.State.Init.Pid)
	}
	p.Terminal = o.TTY
	if len(p.Args) == 0 || p.Args[0] == "" {
		return nil, fmt.Errorf("no command given")
	}
	return p, nil
}
