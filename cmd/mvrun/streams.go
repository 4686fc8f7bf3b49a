package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"

	"github.com/moby/term"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// streams are the ends of a container's standard streams at this command.
type streams struct {
	stdin, stdout, stderr bool
	tty                   bool
	in                    *os.File
	out, errOut           io.Writer
}

// streamsOf reads --attach; without it all are attached, stdin if it is open.
func streamsOf(c *cli.Context, conf *runtime.Config) *streams {
	s := &streams{stdin: conf.OpenStdin, stdout: true, stderr: true, tty: conf.TTY, in: os.Stdin, out: os.Stdout, errOut: os.Stderr}
	if list := attachedStreams(c); len(list) > 0 {
		s.stdin = s.stdin && slices.Contains(list, "stdin")
		s.stdout, s.stderr = slices.Contains(list, "stdout"), slices.Contains(list, "stderr")
	}
	return s
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

// check refuses a terminal session whose input is none.
func (s *streams) check() error {
	if s.tty && s.stdin && !term.IsTerminal(s.in.Fd()) {
		return errors.New("the input device is not a TTY: leave out -t to pipe into the container")
	}
	return nil
}

func (s *streams) request(attach bool) protocol.Request {
	req := protocol.Request{Op: protocol.OpAttach, Attach: attach, Stdin: s.stdin, Stdout: s.stdout, Stderr: s.stderr}
	if s.tty {
		req.Size = terminalSize()
	}
	return req
}

func terminalSize() protocol.Size {
	ws, err := term.GetWinsize(os.Stdout.Fd())
	if err != nil {
		return protocol.Size{}
	}
	return protocol.Size{Width: ws.Width, Height: ws.Height}
}

// follow passes the streams between the command and the container until the
// container exits, whose code it returns, or the user detaches, which is 0.
func (s *streams) follow(store *runtime.Store, id string, session *client.Session, keys []byte, proxy bool) (int, error) {
	defer session.Close()
	restore, err := s.raw()
	if err != nil {
		return 0, err
	}
	defer restore()
	if s.tty {
		defer onResize(func() { _ = session.Resize(terminalSize()) })()
	}
	if proxy {
		defer proxySignals(store, id, s.tty)()
	}
	detached := make(chan struct{})
	if s.stdin {
		go s.sendStdin(session, keys, detached)
	}
	type exit struct {
		code int
		err  error
	}
	exits := make(chan exit, 1)
	go func() {
		code, err := session.Copy(s.out, s.errOut)
		exits <- exit{code, err}
	}()
	select {
	case <-detached:
		restore()
		fmt.Fprintln(os.Stderr, "read escape sequence")
		return 0, nil
	case e := <-exits:
		if errors.Is(e.err, client.ErrLost) {
			return s.lost(store, id, e.err)
		}
		return e.code, e.err
	}
}

// lost finds out what became of a container whose monitor was killed.
func (s *streams) lost(store *runtime.Store, id string, err error) (int, error) {
	c, lerr := store.Load(id)
	if lerr != nil {
		return 0, &exitError{Code: 137, Err: err}
	}
	return 0, &exitError{Code: c.State.ExitCode, Err: err}
}

// sendStdin ends when the container does; it closes detached when the user
// typed the detach keys.
func (s *streams) sendStdin(session *client.Session, keys []byte, detached chan struct{}) {
	in := io.Reader(s.in)
	if s.tty {
		in = term.NewEscapeProxy(in, keys)
	}
	err := session.SendStdin(in)
	var escape term.EscapeError
	if errors.As(err, &escape) {
		close(detached)
	}
}

// raw lets every key through to the container; restore is idempotent.
func (s *streams) raw() (restore func(), err error) {
	if !s.tty || !s.stdin || !term.IsTerminal(s.in.Fd()) {
		return func() {}, nil
	}
	state, err := term.SetRawTerminal(s.in.Fd())
	if err != nil {
		return nil, fmt.Errorf("set terminal to raw: %w", err)
	}
	var once sync.Once
	return func() { once.Do(func() { _ = term.RestoreTerminal(s.in.Fd(), state) }) }, nil
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
func proxySignals(store *runtime.Store, id string, tty bool) (stop func()) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, proxied...)
	go func() {
		for s := range signals {
			sig := s.(unix.Signal)
			switch {
			case tty && (sig == unix.SIGTTIN || sig == unix.SIGTTOU):
			default:
				_ = client.Do(store, id, protocol.Request{Op: protocol.OpSignal, Signal: int(sig)})
			}
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
