package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

// inside marks the test that runs in a network namespace of its own.
const inside = "MVRUN_ENGINE_TEST"

// The tests drive the engine in this process, and real containers with it: this
// program is executed anew as their monitors and their init.
func TestMain(m *testing.M) {
	engine.Reexec()
	if os.Geteuid() == 0 && os.Getenv(inside) == "" {
		fmt.Fprintln(os.Stderr, enterNamespace())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// enterNamespace executes the tests anew with no network but a trunk to nobody.
func enterNamespace() error {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: trunk}, PeerName: "wire"}
	if err := netlink.LinkAdd(cable); err != nil {
		return err
	}
	peer, err := netlink.LinkByName("wire")
	if err != nil {
		return err
	}
	for _, link := range []netlink.Link{lo, cable, peer} {
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	return unix.Exec("/proc/self/exe", os.Args, append(os.Environ(), inside+"=1"))
}

const trunk = "trunk0"

// open returns an engine over directories of the test's own. What the test has
// left of containers is removed, and nothing else may be left.
func open(t *testing.T) *engine.Engine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("containers need root")
	}
	// Not t.TempDir: the paths of Unix sockets may have only 107 bytes.
	dir, err := os.MkdirTemp("", "engine-")
	check(t, err)
	parent := "/mvrun-" + filepath.Base(dir)
	e, err := engine.Open(engine.Options{
		Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state"), CgroupParent: parent, CgroupDriver: "cgroupfs",
	})
	check(t, err)
	t.Cleanup(func() {
		all, errs := e.Containers.List(t.Context())
		for _, err := range errs {
			t.Error(err)
		}
		for _, c := range all {
			check(t, e.Containers.Remove(context.Background(), c.Config.ID, engine.RemoveOptions{Force: true, Volumes: true}))
		}
		left, err := os.ReadDir(filepath.Join(dir, "state"))
		check(t, err)
		left = slices.DeleteFunc(left, func(e os.DirEntry) bool { return e.Name() == "links" || e.Name() == "names" })
		if len(left) > 0 {
			t.Errorf("left in the state directory: %v", left)
		}
		removeCgroups(parent)
		check(t, os.RemoveAll(dir))
	})
	return e
}

func removeCgroups(parent string) {
	for _, pattern := range []string{"/sys/fs/cgroup/*" + parent, "/sys/fs/cgroup" + parent + "*"} {
		dirs, _ := filepath.Glob(pattern)
		for _, dir := range dirs {
			_ = unix.Rmdir(dir)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ref reads a reference that is known to be one.
func ref(s string) image.Ref {
	r, err := image.ParseRef(s)
	if err != nil {
		panic(err)
	}
	return r
}

// busybox asks for a container of the image that is built in.
func busybox(name string, command ...string) engine.CreateOptions {
	return engine.CreateOptions{
		Image: ref("busybox"), Pull: engine.PullOptions{Policy: registry.PullMissing},
		Config:  container.Config{Name: name, Network: container.Network{Mode: network.None}},
		Command: command,
	}
}

// output runs a container to its end, and returns what it wrote.
func output(t *testing.T, e *engine.Engine, o engine.CreateOptions, stdin string) (stdout, stderr string, code int) {
	t.Helper()
	attach := &engine.Attach{Stdin: stdin != "", Stdout: true, Stderr: true}
	o.Config.OpenStdin, o.Config.StdinOnce = attach.Stdin, attach.Stdin
	session, warnings, err := e.Containers.Run(t.Context(), engine.RunOptions{CreateOptions: o, Attach: attach})
	check(t, err)
	if len(warnings) > 0 {
		t.Log(warnings)
	}
	var out, errOut bytes.Buffer
	st := engine.Streams{Stdout: &out, Stderr: &errOut}
	if attach.Stdin {
		st.Stdin = strings.NewReader(stdin)
	}
	code, err = session.Stream(st)
	check(t, err)
	return out.String(), errOut.String(), code
}

// running starts a container that does nothing until it is told to end, and
// returns when it would hear of that.
func running(t *testing.T, e *engine.Engine, name string) (id string) {
	t.Helper()
	o := busybox(name, "sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done")
	session, _, err := e.Containers.Run(t.Context(), engine.RunOptions{CreateOptions: o, Attach: &engine.Attach{Stdout: true}})
	check(t, err)
	r, w := io.Pipe()
	go func() { _, _ = session.Stream(engine.Streams{Stdout: w, Stderr: io.Discard}) }()
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	check(t, session.Close())
	return session.ID
}

func status(t *testing.T, e *engine.Engine, name string) container.Status {
	t.Helper()
	c, err := e.Containers.Get(t.Context(), name)
	check(t, err)
	return c.State.Status
}

// patience is for what must happen, however slow the machine is.
const patience = time.Minute
