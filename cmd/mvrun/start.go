package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

var startCommand = &cli.Command{
	Name:      "start",
	Usage:     "start stopped containers",
	ArgsUsage: "CONTAINER…",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "attach", Aliases: []string{"a"}, Usage: "attach to the output, and pass signals on"},
		&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "attach to stdin too"},
		detachKeysFlag(), sigProxyFlag(),
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		if c.Bool("attach") || c.Bool("interactive") {
			if c.NArg() > 1 {
				return errors.New("you cannot start and attach multiple containers at once")
			}
			return startAttached(c, store, c.Args().First())
		}
		return each(c, func(ref string) error { return startOne(c, store, ref) })
	},
}

// each does one thing for every argument: prints the argument when it is done,
// or says what went wrong and goes on with the next.
func each(c *cli.Context, do func(ref string) error) error {
	var first error
	for _, ref := range c.Args().Slice() {
		err := do(ref)
		if err == nil {
			fmt.Fprintln(c.App.Writer, ref)
			continue
		}
		if first != nil {
			report(c.App.ErrWriter, first)
		}
		first = err
	}
	return first
}

func startOne(c *cli.Context, store *runtime.Store, ref string) error {
	id, err := store.Resolve(ref)
	if err != nil {
		return err
	}
	_, err = startContainer(c, store, id, protocol.Request{})
	if errors.Is(err, errAlreadyRunning) {
		return nil
	}
	return err
}

var errAlreadyRunning = errors.New("container is already running")

// settle is how long a container that is neither live nor free may take to
// become one of them: somebody is starting, ending or cleaning it.
const settle = 15 * time.Second

// lockStopped takes the lock of a container that does not run.
// errAlreadyRunning if it does.
func lockStopped(store *runtime.Store, id string) (*runtime.Handle, error) {
	for deadline := time.Now().Add(settle); ; time.Sleep(5 * time.Millisecond) {
		cont, err := store.Load(id)
		if err != nil {
			return nil, err
		}
		h, err := store.Lock(id)
		switch {
		case err == nil && cont.State.Status.Live():
			// Its monitor died since we looked: look again, and clean up.
			if err := h.HandOver(); err != nil {
				return nil, err
			}
		case err == nil:
			return h, nil
		case !errors.Is(err, runtime.ErrRunning):
			return nil, err
		case cont.State.Status.Live() && answers(store, id):
			return nil, fmt.Errorf("%s: %w", cont.Config.Name, errAlreadyRunning)
		case time.Now().After(deadline):
			return nil, fmt.Errorf("container %s is busy: another command has it; try again", cont.Config.Name)
		}
	}
}

// answers tells a monitor from one that has just been killed and still has the
// lock: the kernel takes a moment to take a process apart.
func answers(store *runtime.Store, id string) bool {
	err := client.Do(store, id, protocol.Request{Op: protocol.OpSignal})
	return !errors.Is(err, client.ErrNotRunning) && !errors.Is(err, client.ErrLost)
}

// startContainer starts a container that is there. A start that fails leaves
// it as it was, with the reason in its state.
func startContainer(c *cli.Context, store *runtime.Store, id string, req protocol.Request) (*client.Session, error) {
	early := client.Prepare()
	h, err := lockStopped(store, id)
	if err != nil {
		return nil, err
	}
	conf, err := h.Config()
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	session, warnings, err := early.Spawn(h, storeFlags(store)).Start(&conf, req)
	if err != nil {
		return nil, errors.Join(err, h.StartFailed(err))
	}
	for _, text := range warnings {
		warn(c.App.ErrWriter, "%s", text)
	}
	return session, nil
}

func startAttached(c *cli.Context, store *runtime.Store, ref string) error {
	id, err := store.Resolve(ref)
	if err != nil {
		return err
	}
	cont, err := store.Load(id)
	if err != nil {
		return err
	}
	keys, err := detachKeys(c)
	if err != nil {
		return err
	}
	s := streamsOf(c, &cont.Config)
	s.stdin = s.stdin && c.Bool("interactive")
	if err := s.check(); err != nil {
		return err
	}
	session, err := startContainer(c, store, id, s.request(true))
	if errors.Is(err, errAlreadyRunning) {
		session, err = client.Dial(store, id, s.request(true))
	}
	if err != nil {
		return withCode(codeOfStart(err), err)
	}
	code, err := s.follow(store, id, session, keys, c.Bool("sig-proxy"))
	if err != nil {
		return err
	}
	return exitWith(code, nil)
}

// codeOfStart is the exit code of a start that fails: Docker's is 1, unless
// the program could not be run.
func codeOfStart(err error) int {
	if code := codeOf(err); code != 125 {
		return code
	}
	return 1
}
