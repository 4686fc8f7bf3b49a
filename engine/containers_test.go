package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/runtime/container"
)

func TestRunStreams(t *testing.T) {
	e := open(t)
	out, errOut, code := output(t, e, busybox("", "sh", "-c", "cat; echo oops >&2; exit 7"), "one\ntwo\n")
	if out != "one\ntwo\n" || errOut != "oops\n" || code != 7 {
		t.Errorf("it wrote %q and %q, and ended with %d", out, errOut, code)
	}
}

func TestCreateStartStopRemove(t *testing.T) {
	e := open(t)
	ctx := t.Context()
	id, err := e.Containers.Create(ctx, busybox("c1", "sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done"))
	check(t, err)
	if got := status(t, e, "c1"); got != container.Created {
		t.Fatalf("it is %s after its creation", got)
	}
	session, _, err := e.Containers.Start(ctx, id[:12], engine.StartOptions{Attach: &engine.Attach{Stdout: true}})
	check(t, err)
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code, _ := session.Stream(engine.Streams{Stdout: w, Stderr: w})
		ended <- code
	}()
	if _, err := r.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	_, _, err = e.Containers.Start(ctx, "c1", engine.StartOptions{})
	var running *engine.AlreadyRunning
	if !errors.As(err, &running) {
		t.Errorf("a second start: %v", err)
	}
	err = e.Containers.Remove(ctx, "c1", engine.RemoveOptions{})
	var used *engine.InUse
	if !errors.As(err, &used) || used.Kind != engine.Container {
		t.Errorf("the removal of a running container: %v", err)
	}
	check(t, e.Containers.Stop(ctx, "c1", engine.StopOptions{}))
	if code, err := e.Containers.Wait(ctx, "c1"); err != nil || code != 3 || <-ended != 3 {
		t.Errorf("it ended with %d, %v", code, err)
	}
	check(t, e.Containers.Stop(ctx, "c1", engine.StopOptions{})) // it is idempotent
	check(t, e.Containers.Remove(ctx, "c1", engine.RemoveOptions{}))
	_, err = e.Containers.Get(ctx, "c1")
	var gone *engine.NotFound
	if !errors.As(err, &gone) || gone.Kind != engine.Container || gone.Ref != "c1" {
		t.Errorf("a container that is gone: %v", err)
	}
}

// A container that heeds no signal is killed when its time is up.
func TestStopKills(t *testing.T) {
	e := open(t)
	_, _, err := e.Containers.Run(t.Context(), engine.RunOptions{CreateOptions: busybox("c1", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")})
	check(t, err)
	soon := 50 * time.Millisecond
	check(t, e.Containers.Stop(t.Context(), "c1", engine.StopOptions{Timeout: &soon}))
	if code, err := e.Containers.Wait(t.Context(), "c1"); err != nil || code != 137 {
		t.Errorf("it ended with %d, %v", code, err)
	}
}

func TestNamesAreClaimed(t *testing.T) {
	e := open(t)
	_, err := e.Containers.Create(t.Context(), busybox("c1", "true"))
	check(t, err)
	var taken *engine.NameInUse
	if _, err = e.Containers.Create(t.Context(), busybox("c1", "true")); !errors.As(err, &taken) || taken.Name != "c1" {
		t.Errorf("a second c1: %v", err)
	}
	// The name is refused before the image is looked for.
	other := busybox("c1")
	other.Image = ref("127.0.0.1:9/nosuch/image")
	if _, _, err = e.Containers.Run(t.Context(), engine.RunOptions{CreateOptions: other}); !errors.As(err, &taken) {
		t.Errorf("a c1 of an image that can't be had: %v", err)
	}
	check(t, e.Containers.Rename(t.Context(), "c1", "c2"))
	if _, err := e.Containers.Get(t.Context(), "c2"); err != nil {
		t.Error(err)
	}
	all, errs := e.Containers.List(t.Context())
	if len(all) != 1 || len(errs) != 0 {
		t.Errorf("there are %d containers, %v", len(all), errs)
	}
}

func TestStartErrors(t *testing.T) {
	e := open(t)
	for command, code := range map[string]int{"/nosuch": 127, "/etc/passwd": 126} {
		_, _, err := e.Containers.Run(t.Context(), engine.RunOptions{CreateOptions: busybox("", command)})
		var start *engine.StartError
		if !errors.As(err, &start) || start.Code != code {
			t.Errorf("%s: %v, not code %d", command, err, code)
		}
	}
	if all, errs := e.Containers.List(t.Context()); len(all) != 0 || len(errs) != 0 {
		t.Errorf("there are %d containers, %v", len(all), errs)
	}
}

func TestExec(t *testing.T) {
	e := open(t)
	ctx := t.Context()
	running(t, e, "c1")
	var out bytes.Buffer
	p, err := e.Containers.Exec(ctx, "c1", engine.ExecOptions{
		Args: []string{"sh", "-c", "tr a-z A-Z; echo $WHO; exit 5"}, Env: []string{"WHO=me"},
		Streams: engine.Streams{Stdin: strings.NewReader("loud\n"), Stdout: &out, Stderr: &out},
	})
	check(t, err)
	if code, err := p.Wait(); err != nil || code != 5 || out.String() != "LOUD\nme\n" {
		t.Errorf("it wrote %q and ended with %d, %v", out.String(), code, err)
	}
	_, err = e.Containers.Exec(ctx, "c1", engine.ExecOptions{Args: []string{"/nosuch"}})
	var start *engine.StartError
	if !errors.As(err, &start) || start.Code != 127 {
		t.Errorf("a program that is not there: %v", err)
	}
	check(t, e.Containers.Pause(ctx, "c1"))
	_, err = e.Containers.Exec(ctx, "c1", engine.ExecOptions{Args: []string{"true"}})
	var paused *engine.Paused
	if !errors.As(err, &paused) {
		t.Errorf("an exec in a paused container: %v", err)
	}
	check(t, e.Containers.Unpause(ctx, "c1"))
	check(t, e.Containers.Kill(ctx, "c1", unix.SIGKILL))
	_, err = e.Containers.Exec(ctx, "c1", engine.ExecOptions{Args: []string{"true"}})
	var stopped *engine.NotRunning
	if !errors.As(err, &stopped) {
		t.Errorf("an exec in a killed container: %v", err)
	}
}

// A session attached later has what the container writes from then on, and
// leaves it running when it is closed.
func TestAttach(t *testing.T) {
	e := open(t)
	id := running(t, e, "c1")
	s, err := e.Containers.Attach(t.Context(), "c1", engine.Attach{Stdout: true, Stderr: true})
	check(t, err)
	ended := make(chan int, 1)
	go func() {
		code, _ := s.Stream(engine.Streams{Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}})
		ended <- code
	}()
	second, err := e.Containers.Attach(t.Context(), id, engine.Attach{Stdout: true})
	check(t, err)
	check(t, second.Close())
	check(t, s.Signal(unix.SIGTERM))
	select {
	case code := <-ended:
		if code != 3 {
			t.Errorf("it ended with %d", code)
		}
	case <-time.After(patience):
		t.Error("it does not end")
	}
}

// A wait ends with its context, and the container does not.
func TestWaitEnds(t *testing.T) {
	e := open(t)
	running(t, e, "c1")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := e.Containers.Wait(ctx, "c1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the wait ended with %v", err)
	}
	if got := status(t, e, "c1"); got != container.Running {
		t.Errorf("the container is %s", got)
	}
}

func TestPruneAndVolumes(t *testing.T) {
	e := open(t)
	ctx := t.Context()
	o := busybox("c1", "sh", "-c", "echo kept > /data/file")
	o.Config.Mounts = []container.Mount{{Type: "volume", Name: "v1", Destination: "/data"}}
	if _, _, code := output(t, e, o, ""); code != 0 {
		t.Fatalf("it ended with %d", code)
	}
	removed := map[string]error{}
	note := func(name string, err error) { removed[name] = err }
	e.Volumes.Remove(ctx, []string{"v1", "v2"}, note)
	var used *engine.InUse
	var gone *engine.NotFound
	if !errors.As(removed["v1"], &used) || !errors.As(removed["v2"], &gone) {
		t.Errorf("the removal of a used volume and of none: %v", removed)
	}
	running(t, e, "c2")
	all, _ := e.Containers.List(ctx)
	done := e.Containers.Prune(ctx, all)
	if len(done.IDs) != 1 || len(done.Errs) != 0 {
		t.Errorf("pruned: %+v", done)
	}
	e.Volumes.Remove(ctx, []string{"v1"}, note)
	check(t, removed["v1"])
}

func TestBoot(t *testing.T) {
	e := open(t)
	o := busybox("c1", "sleep", "1000")
	o.Config.Restart = container.RestartPolicy{Name: container.RestartAlways}
	_, _, err := e.Containers.Run(t.Context(), engine.RunOptions{CreateOptions: o})
	check(t, err)
	var said []engine.Outcome
	note := func(o engine.Outcome) { said = append(said, o) }
	e.Shutdown(t.Context(), note)
	if got := status(t, e, "c1"); got != container.Exited {
		t.Errorf("it is %s after a shutdown", got)
	}
	check(t, e.Boot(t.Context(), 0, note))
	if got := status(t, e, "c1"); got != container.Running {
		t.Errorf("it is %s after boot", got)
	}
	if len(said) != 2 || said[0].Name != "c1" || said[0].Err != nil || said[1].Name != "c1" || said[1].Err != nil {
		t.Errorf("told: %+v", said)
	}
}

func TestLogsAndEvents(t *testing.T) {
	e := open(t)
	ctx := t.Context()
	if _, _, code := output(t, e, busybox("c1", "sh", "-c", "echo one; echo two; echo three >&2"), ""); code != 0 {
		t.Fatalf("it ended with %d", code)
	}
	var out, errOut bytes.Buffer
	check(t, e.Containers.Logs(ctx, "c1", engine.LogsOptions{Tail: -1, Stdout: &out, Stderr: &errOut}))
	if out.String() != "one\ntwo\n" || errOut.String() != "three\n" {
		t.Errorf("its log: %q, %q", out.String(), errOut.String())
	}
	silent := busybox("c2", "true")
	silent.Config.Log.Driver = "none"
	_, err := e.Containers.Create(ctx, silent)
	check(t, err)
	if err := e.Containers.Logs(ctx, "c2", engine.LogsOptions{}); !errors.Is(err, engine.ErrNoLog) {
		t.Errorf("the log of a container that keeps none: %v", err)
	}
	var said []string
	check(t, e.Events(ctx, engine.EventsOptions{
		Until:  time.Now(),
		Wanted: func(ev container.Event) bool { return ev.Name == "c1" },
	}, func(ev container.Event) error {
		said = append(said, ev.Action)
		return nil
	}))
	if got := strings.Join(said, " "); got != "create start die" {
		t.Errorf("events: %s", got)
	}
	cont, err := e.Containers.Get(ctx, "c1")
	check(t, err)
	if s := e.Containers.Sample(ctx, cont); !s.At.IsZero() {
		t.Errorf("a container that has ended uses %+v", s)
	}
}
