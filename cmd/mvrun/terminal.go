package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"

	"github.com/moby/term"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/engine"
)

// terminal is this command's end of a container's standard streams: which of
// them are wanted, and how.
type terminal struct {
	stdin, stdout, stderr bool
	tty                   bool
	keys                  []byte // detach the command, where there is a terminal
	proxy                 bool   // signals go on to the container
}

// terminalOf reads the flags that run, start and attach share.
func terminalOf(c *cli.Context) (t terminal, err error) {
	t = terminal{stdin: true, stdout: true, stderr: true, proxy: c.Bool("sig-proxy")}
	if list := attachedStreams(c); len(list) > 0 {
		t.stdin = slices.Contains(list, "stdin")
		t.stdout, t.stderr = slices.Contains(list, "stdout"), slices.Contains(list, "stderr")
	}
	t.keys, err = detachKeys(c)
	return t, err
}

// attachedStreams are the names that --attach gives, as checkAttach let pass.
func attachedStreams(c *cli.Context) (list []string) {
	for _, name := range c.StringSlice("attach") {
		list = append(list, strings.ToLower(name))
	}
	return list
}

func checkAttach(c *cli.Context) error {
	for i, name := range attachedStreams(c) {
		if !slices.Contains([]string{"stdin", "stdout", "stderr"}, name) {
			return fmt.Errorf("--attach %s: valid streams are STDIN, STDOUT and STDERR", c.StringSlice("attach")[i])
		}
	}
	return nil
}

// of makes it that of a container, whose input may be closed.
func (t *terminal) of(openStdin, tty bool) {
	t.stdin, t.tty = t.stdin && openStdin, tty
}

// check refuses a terminal session whose input is none.
func (t *terminal) check() error {
	if t.tty && t.stdin && !term.IsTerminal(os.Stdin.Fd()) {
		return errors.New("the input device is not a TTY: leave out -t to pipe into the container")
	}
	return nil
}

func (t *terminal) attach() *engine.Attach {
	return &engine.Attach{Stdin: t.stdin, Stdout: t.stdout, Stderr: t.stderr, Size: t.size()}
}

// size is that of the terminal, if the process is to have one.
func (t *terminal) size() engine.Size {
	if !t.tty {
		return engine.Size{}
	}
	ws, err := term.GetWinsize(os.Stdout.Fd())
	if err != nil {
		return engine.Size{}
	}
	return engine.Size{Width: ws.Width, Height: ws.Height}
}

func (t *terminal) streams() engine.Streams {
	st := engine.Streams{Stdout: os.Stdout, Stderr: os.Stderr}
	if t.stdin {
		st.Stdin = os.Stdin
	}
	if t.tty {
		st.DetachKeys = t.keys
	}
	return st
}

// follow passes the streams until the container exits, whose code becomes the
// command's, or the user detaches.
func (t *terminal) follow(session *engine.Session) error {
	if t.proxy {
		defer proxySignals(session, t.tty)()
	}
	return t.during(
		func(size engine.Size) { _ = session.Resize(size) },
		func() (int, error) { return session.Stream(t.streams()) })
}

// during has the terminal in raw mode, and its size told to resize, while wait
// waits for a process, whose exit code becomes the command's.
func (t *terminal) during(resize func(engine.Size), wait func() (int, error)) error {
	restore, err := t.raw()
	if err != nil {
		return err
	}
	defer restore()
	if t.tty {
		defer onResize(func() { resize(t.size()) })()
	}
	code, err := wait()
	restore()
	var lost *engine.Lost
	switch {
	case errors.Is(err, engine.ErrDetached):
		fmt.Fprintln(os.Stderr, "read escape sequence")
		return nil
	case errors.As(err, &lost):
		return &exitError{Code: lost.ExitCode, Err: err}
	}
	return exitWith(code, err)
}

// exitWith turns a container's exit code into the command's.
func exitWith(code int, err error) error {
	if err != nil {
		return withCode(125, err)
	}
	if code != 0 {
		return &exitError{Code: code}
	}
	return nil
}

// raw lets every key through to the container; restore is idempotent.
func (t *terminal) raw() (restore func(), err error) {
	in := os.Stdin.Fd()
	if !t.tty || !t.stdin || !term.IsTerminal(in) {
		return func() {}, nil
	}
	state, err := term.SetRawTerminal(in)
	if err != nil {
		return nil, fmt.Errorf("set terminal to raw: %w", err)
	}
	var once sync.Once
	return func() { once.Do(func() { _ = term.RestoreTerminal(in, state) }) }, nil
}

// onResize calls tell now and whenever the terminal's size changes.
func onResize(tell func()) (stop func()) {
	tell()
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	go func() {
		for range changes {
			tell()
		}
	}()
	return func() { signal.Stop(changes) }
}

// proxied are all signals but those that are the command's own business. A
// broken pipe ends the command, as it does any in a pipeline.
var proxied = func() (list []os.Signal) {
	own := []unix.Signal{unix.SIGCHLD, unix.SIGURG, unix.SIGPIPE, unix.SIGWINCH, unix.SIGKILL, unix.SIGSTOP}
	for n := unix.Signal(1); n <= lastSignal; n++ {
		if !slices.Contains(own, n) {
			list = append(list, n)
		}
	}
	return list
}()

// proxySignals passes the signals that this command gets on to the container.
func proxySignals(session *engine.Session, tty bool) (stop func()) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, proxied...)
	go func() {
		for s := range signals {
			sig := s.(unix.Signal)
			if tty && (sig == unix.SIGTTIN || sig == unix.SIGTTOU) {
				continue
			}
			_ = session.Signal(sig)
		}
	}()
	return func() { signal.Stop(signals) }
}

const defaultDetachKeys = "ctrl-p,ctrl-q"

func detachKeysFlag() cli.Flag {
	return &cli.StringFlag{Name: "detach-keys", Value: defaultDetachKeys, Usage: "keys that leave the container running"}
}

func sigProxyFlag() cli.Flag {
	return &cli.BoolFlag{Name: "sig-proxy", Value: true, Usage: "pass signals on to the container"}
}

func detachKeys(c *cli.Context) ([]byte, error) {
	if c.String("detach-keys") == "" {
		return term.ToBytes(defaultDetachKeys)
	}
	keys, err := term.ToBytes(c.String("detach-keys"))
	if err != nil {
		return nil, fmt.Errorf("--detach-keys %s: invalid detach keys: %w", c.String("detach-keys"), err)
	}
	return keys, nil
}
