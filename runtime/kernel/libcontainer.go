package kernel

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/cgroups"
	_ "github.com/opencontainers/cgroups/devices" // device rules need it
	"github.com/opencontainers/cgroups/manager"
	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // the C half of "init"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runc/libcontainer/utils"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// This file is the only one that knows libcontainer.

// Reexec is the entry of the process that libcontainer makes a container's
// first: our own binary run as "init". It must be called before anything else
// in main, and returns only in other processes.
func Reexec() {
	if len(os.Args) > 1 && os.Args[1] == "init" {
		dieWithMonitor()
		goWithClient()
		defaultSignals()
		libcontainer.Init()
	}
}

// KeepDescriptors keeps every descriptor above standard error, also those that
// we were started with, from the processes that we start. Files handed to one
// by name still reach it.
func KeepDescriptors() error { return utils.CloseExecFrom(3) }

// Instance is one life of a container, from its first process's start to its
// end, or one process in it.
type Instance struct {
	container *libcontainer.Container
	process   *libcontainer.Process
	memory    *oomWatch // of a container in cgroup v2, else nil
	oomKilled bool
}

// Stdio is what a process gets for its standard files. With Console, a unix
// socket, the master of a fresh terminal is sent over it, and the files are
// unused.
type Stdio struct {
	Stdin, Stdout, Stderr *os.File
	Console               *os.File
	Width, Height         uint16 // of the terminal in characters; 0 leaves it
}

// New prepares the container's state and cgroup paths. Destroy takes them
// back.
func (k Kernel) New(id string, spec *specs.Spec) (*Instance, error) {
	conf, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{
		CgroupName:       id,
		UseSystemdCgroup: k.systemdCgroups(),
		Spec:             spec,
	})
	if err != nil {
		return nil, fmt.Errorf("convert spec: %w", err)
	}
	c, err := libcontainer.Create(k.store.RunDir(id), id, conf)
	if err != nil {
		return nil, fmt.Errorf("create container: %w", err)
	}
	return &Instance{container: c}, nil
}

// Start makes the container's first process; it waits for Release before it
// becomes the program. A program that is not there or can't be executed is
// found now (ExitCode of the error is 127 or 126). The caller's thread stays
// the parent.
func (i *Instance) Start(p *specs.Process, stdio Stdio) error {
	i.process = newProcess(p, stdio)
	i.process.Init = true
	if err := i.container.Start(i.process); err != nil {
		return wrapStart(err)
	}
	if cgroups.IsCgroup2UnifiedMode() {
		conf := i.container.Config()
		if m, err := manager.New(conf.Cgroups); err == nil {
			i.memory = watchOOM(m.Path(""), conf.Cgroups.Systemd)
		}
	}
	return nil
}

// Release lets the first process become the program.
func (i *Instance) Release() error { return i.container.Exec() }

// Pid of the instance's process, as the host sees it.
func (i *Instance) Pid() int {
	pid, err := i.process.Pid()
	if err != nil {
		return 0
	}
	return pid
}

// Wait waits for the process and returns its exit code, 128+n after signal n.
func (i *Instance) Wait() int {
	state, _ := i.process.Wait() // the error repeats what the state tells
	if i.process.Init {
		i.oomKilled = i.countOOM() > 0
	}
	if state == nil {
		return 255
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}

// Signal sends the signal to the process.
func (i *Instance) Signal(sig unix.Signal) error { return i.process.Signal(sig) }

// OOMKilled tells whether the kernel had killed a process of the container for
// want of memory when Wait returned.
func (i *Instance) OOMKilled() bool { return i.oomKilled }

func (i *Instance) countOOM() uint64 {
	if i.memory != nil {
		return i.memory.kills(i.Pid())
	}
	conf := i.container.Config()
	m, err := manager.New(conf.Cgroups)
	if err != nil {
		return 0
	}
	n, _ := m.OOMKillCount()
	return n
}

// Pause freezes the container's processes; Resume lets them go on.
func (i *Instance) Pause() error  { return i.container.Pause() }
func (i *Instance) Resume() error { return i.container.Resume() }

// Kill kills every process of the container, also one that Start or Release waits
// for. A process that joins the cgroup at the same time may escape: repeat it.
func (i *Instance) Kill() {
	m, err := manager.New(i.container.Config().Cgroups)
	if err != nil {
		return
	}
	_ = m.Freeze(cgroups.Thawed) // a frozen process of cgroup v1 does not die
	for _, pid := range livePids(m) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// Destroy kills what is left of the container and removes its state and its
// cgroup. It is idempotent.
func (i *Instance) Destroy() error {
	conf := i.container.Config()
	if err := killCgroup(conf.Cgroups); err != nil {
		return err
	}
	return i.container.Destroy()
}

// Exec starts one more process in the running container; the caller is its
// parent.
func (k Kernel) Exec(id string, p *specs.Process, stdio Stdio) (*Instance, error) {
	c, err := libcontainer.Load(k.store.RunDir(id), id)
	if errors.Is(err, libcontainer.ErrNotExist) {
		return nil, fmt.Errorf("container %s is not running", k.store.NameOf(id))
	}
	if err != nil {
		return nil, fmt.Errorf("load container: %w", err)
	}
	i := &Instance{container: c, process: newProcess(p, stdio)}
	return i, wrapStart(c.Start(i.process))
}

// initName is what libcontainer's init is called until it is the program.
const initName = "runc:[2:INIT]"

// AwaitProgram returns when exec's process has become the program, or has ended:
// before that it goes with its parent.
func (i *Instance) AwaitProgram() {
	for {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", i.Pid()))
		if err != nil || strings.TrimSpace(string(name)) != initName {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func newProcess(p *specs.Process, stdio Stdio) *libcontainer.Process {
	lp := &libcontainer.Process{
		Args: p.Args, Env: p.Env, UID: int(p.User.UID), GID: int(p.User.GID), Cwd: p.Cwd,
		NoNewPrivileges: &p.NoNewPrivileges,
		AppArmorProfile: p.ApparmorProfile,
		ConsoleSocket:   stdio.Console,
		ConsoleWidth:    stdio.Width, ConsoleHeight: stdio.Height,
		LogLevel: "4", // else the C half logs everything
	}
	if stdio.Console == nil {
		lp.Stdin, lp.Stdout, lp.Stderr = stdio.Stdin, stdio.Stdout, stdio.Stderr
	}
	for _, gid := range p.User.AdditionalGids {
		lp.AdditionalGroups = append(lp.AdditionalGroups, int(gid))
	}
	if c := p.Capabilities; c != nil {
		lp.Capabilities = &configs.Capabilities{
			Bounding: c.Bounding, Effective: c.Effective, Permitted: c.Permitted,
			Inheritable: c.Inheritable, Ambient: c.Ambient,
		}
	}
	for _, r := range p.Rlimits {
		lp.Rlimits = append(lp.Rlimits, configs.Rlimit{Type: rlimitNumbers[r.Type], Hard: r.Hard, Soft: r.Soft})
	}
	return lp
}

// KillLeftovers ends what a dead monitor left: the processes in the
// container's cgroup, its first process, and the cgroup. Idempotent; a container
// that left nothing is none to kill.
func (k Kernel) KillLeftovers(id string, init container.Process) error {
	if init.Alive() {
		_ = unix.Kill(init.Pid, unix.SIGKILL)
	}
	if err := killCgroup(k.cgroup(id)); err != nil {
		return fmt.Errorf("kill leftovers of container %s: %w", container.ShortID(id), err)
	}
	for deadline := time.Now().Add(killWait); init.Alive(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("kill leftovers of container %s: process %d does not end", container.ShortID(id), init.Pid)
		}
	}
	return nil
}

// cgroup describes the container's cgroup when its own record is lost.
func (k Kernel) cgroup(id string) *cgroups.Cgroup {
	c := &cgroups.Cgroup{Resources: &cgroups.Resources{}, Systemd: k.systemdCgroups()}
	if c.Systemd {
		c.Parent, c.ScopePrefix, c.Name = systemdSlice, systemdPrefix, id
	} else {
		c.Path = k.store.CgroupParent + "/" + id
	}
	return c
}

// killWait is how long a SIGKILL may take to show: a process in an
// uninterruptible sleep can outlast any.
const killWait = 10 * time.Second

// killCgroup kills every process of the cgroup until there is none, and
// removes it. A cgroup that is not there is none to kill.
func killCgroup(c *cgroups.Cgroup) error {
	m, err := manager.New(c)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(killWait); ; time.Sleep(time.Millisecond) {
		pids := livePids(m)
		if len(pids) == 0 {
			break
		}
		_ = m.Freeze(cgroups.Thawed) // a frozen process of cgroup v1 does not die
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v do not end", pids)
		}
	}
	return m.Destroy()
}

// livePids looks into every hierarchy: who was killed between joining two of
// them is in one only.
func livePids(m cgroups.Manager) []int {
	seen := map[int]bool{}
	var pids []int
	for _, path := range m.GetPaths() {
		list, err := cgroups.GetAllPids(path)
		if err != nil {
			continue
		}
		for _, pid := range list {
			if !seen[pid] {
				seen[pid] = true
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// wrapStart finds out what libcontainer's text says of the program: the error
// comes from another process, as words.
func wrapStart(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if strings.Contains(text, "unshare remaining namespaces: Invalid argument") {
		return &container.StartError{Code: 125, Err: errors.New("this kernel lacks a kind of namespace that containers need: pid, ipc, uts and mount (CONFIG_NAMESPACES)")}
	}
	at := strings.Index(text, `exec: "`)
	if at < 0 {
		at = strings.Index(text, "chdir to cwd") // that of exec -w; run makes its own
	}
	if at < 0 {
		return &container.StartError{Code: 125, Err: err}
	}
	short := errors.New(text[at:])
	for _, e := range []struct {
		words string
		code  int
	}{
		{"executable file not found", 127},
		{"no such file or directory", 127},
		{"not a directory", 127},
		{"permission denied", 126},
		{"is a directory", 126},
		{"exec format error", 126},
	} {
		if strings.Contains(text[at:], e.words) {
			return &container.StartError{Code: e.code, Err: short}
		}
	}
	return &container.StartError{Code: 125, Err: err}
}
