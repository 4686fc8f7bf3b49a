package container

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func testStore(t *testing.T) *Store {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the store kills leftovers by their cgroups: root only")
	}
	dir := t.TempDir()
	s := &Store{Layout: Layout{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}, CgroupParent: "/mvrun-store-test", CgroupDriver: "cgroupfs"}
	s.KillLeftovers = func(id string, init Process) error {
		if !init.Alive() {
			return nil
		}
		return unix.Kill(init.Pid, unix.SIGKILL)
	}
	open(t, s)
	return s
}

// open is what every command begins with.
func open(t *testing.T, s *Store) {
	t.Helper()
	if unfinished, err := s.Open(); unfinished != nil || err != nil {
		t.Fatal(unfinished, err)
	}
}

// reserve begins a container of that name, or none of it.
func reserve(s *Store, name string) (*Handle, string, error) {
	h, err := s.Begin()
	if err != nil {
		return nil, "", err
	}
	if name, err = h.ClaimName(name); err != nil {
		return nil, "", errors.Join(err, h.Abandon())
	}
	return h, name, nil
}

// make one container, as create does.
func testContainer(t *testing.T, s *Store, name string) string {
	t.Helper()
	h, name, err := reserve(s, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.WritePending(&Config{ID: h.ID, Name: name, Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.Commit(&Config{Name: name}), h.Close()); err != nil {
		t.Fatal(err)
	}
	return h.ID
}

// kept lists all that the store holds, but for locks that stay.
func kept(t *testing.T, s *Store) (all []string) {
	t.Helper()
	for _, dir := range []string{s.Root, s.State} {
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Base(path) != ".lock" && filepath.Base(path) != "events.log" {
				all = append(all, path)
			}
			return nil
		})
	}
	return all
}

func TestCreateResolveRemove(t *testing.T) {
	s := testStore(t)
	id := testContainer(t, s, "bbox1")
	for _, ref := range []string{"bbox1", "/bbox1", id, id[:12], id[:20]} {
		if got, err := s.Resolve(ref); err != nil || got != id {
			t.Errorf("resolve %q: %q, %v", ref, got, err)
		}
	}
	for _, ref := range []string{"", "/", "bbox", "nosuch", "..", "../names/bbox1", "zz", strings.Repeat("f", 64)} {
		if got, err := s.Resolve(ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("resolve %q: %q, %v", ref, got, err)
		}
	}
	if _, _, err := reserve(s, "bbox1"); !errors.Is(err, ErrNameInUse) {
		t.Errorf("second bbox1: %v", err)
	}
	h, err := s.Lock(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(id); !errors.Is(err, ErrRunning) {
		t.Errorf("second lock: %v", err)
	}
	if err := h.Remove(); err != nil {
		t.Fatal(err)
	}
	if left := kept(t, s); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// A command killed while it makes a container leaves nothing that the next
// command does not take away.
func TestKilledCreation(t *testing.T) {
	s := testStore(t)
	for _, stage := range []string{"reserved", "pending"} {
		h, name, err := reserve(s, "bbox1")
		if err != nil {
			t.Fatal(stage, err)
		}
		if stage == "pending" {
			if err := h.WritePending(&Config{ID: h.ID, Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		open(t, s) // somebody else's command, while we live
		if _, err := os.Stat(s.Dir(h.ID)); err != nil {
			t.Fatalf("%s: another command took the container of a living one: %v", stage, err)
		}
		h.File().Close() // what a kill -9 does to the lock
		open(t, s)
		if left := kept(t, s); len(left) > 0 {
			t.Errorf("%s: left over: %v", stage, left)
		}
	}
}

// A name whose owner died is free at once, without any clean-up before.
func TestStaleName(t *testing.T) {
	s := testStore(t)
	h, _, err := reserve(s, "bbox1")
	if err != nil {
		t.Fatal(err)
	}
	h.File().Close()
	again, _, err := reserve(s, "bbox1")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Abandon(); err != nil {
		t.Fatal(err)
	}
}

func TestOneNameOneWinner(t *testing.T) {
	s := testStore(t)
	var wg sync.WaitGroup
	won := make(chan *Handle, 40)
	for range cap(won) {
		wg.Go(func() {
			h, name, err := reserve(s, "bbox1")
			if err == nil { // the others wait for the container to be there
				err = errors.Join(h.WritePending(&Config{ID: h.ID, Name: name}), h.Commit(&Config{Name: name}))
				won <- h
			}
			if err != nil && !errors.Is(err, ErrNameInUse) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Errorf("%d winners", len(won))
	}
}

// A removal cut short at any step is finished by the next command.
func TestKilledRemoval(t *testing.T) {
	s := testStore(t)
	id := testContainer(t, s, "bbox1")
	if err := os.Rename(s.Dir(id), filepath.Join(s.containers(), removing+id)); err != nil {
		t.Fatal(err)
	}
	open(t, s)
	if left := kept(t, s); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// A container whose monitor was killed is shown as ended, and what it left
// running is killed.
func TestDeadMonitor(t *testing.T) {
	s := testStore(t)
	id := testContainer(t, s, "bbox1")
	orphan := exec.Command("sleep", "1000")
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()
	init, err := Identify(orphan.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Lock(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.WriteState(State{Status: Running, Init: init, StartedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	c, err := s.Load(id)
	if err != nil || c.State.Status != Running {
		t.Fatalf("with the monitor alive: %+v, %v", c, err)
	}
	h.File().Close()
	if c, err = s.Load(id); err != nil || c.State.Status != Exited || c.State.ExitCode != 137 || c.State.Error == "" {
		t.Errorf("with the monitor dead: %+v, %v", c, err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the orphan lives")
	}
}

// A process that only has the pid of a dead one is not killed for it.
func TestReusedPid(t *testing.T) {
	own, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !own.Alive() {
		t.Error("we are not alive")
	}
	for _, p := range []Process{{}, {own.Pid, own.Start + 1, own.Boot}, {own.Pid, own.Start, "another boot"}} {
		if p.Alive() {
			t.Errorf("%+v is alive", p)
		}
	}
	zombie := exec.Command("true")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, zombie.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	z, err := Identify(zombie.Process.Pid)
	if err != nil || z.Alive() {
		t.Errorf("a zombie is alive: %+v, %v", z, err)
	}
	_ = zombie.Wait()
}

// One damaged container is named and does not hide the others.
func TestCorruptRecords(t *testing.T) {
	s := testStore(t)
	good, bad := testContainer(t, s, "good"), testContainer(t, s, "bad")
	for _, content := range []string{"", "{", "null", "null garbage", `{"id": 5}`, `{"id": "other"}`} {
		if err := os.WriteFile(s.configPath(bad), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		all, errs := s.List()
		if len(all) != 1 || all[0].Config.ID != good {
			t.Errorf("%q: %d containers", content, len(all))
		}
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), "container bad") {
			t.Errorf("%q: errors %v", content, errs)
		}
	}
	if id, err := s.Resolve("bad"); err != nil || id != bad {
		t.Errorf("resolve: %q, %v", id, err)
	}
	h, err := s.Lock(bad)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := reserve(s, "bad"); err != nil {
		t.Errorf("the name is not free: %v", err)
	}
}

func TestHostID(t *testing.T) {
	s := testStore(t)
	ids := make(chan string, 20)
	var wg sync.WaitGroup
	for range cap(ids) {
		wg.Go(func() {
			id, err := s.HostID()
			if err != nil {
				t.Error(err)
			}
			ids <- id
		})
	}
	wg.Wait()
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first || len(id) != 32 {
			t.Errorf("%q and %q", first, id)
		}
	}
}

// What is not ours in our directories is left alone.
func TestForeignDirectories(t *testing.T) {
	s := testStore(t)
	for _, dir := range []string{filepath.Join(s.containers(), "mybackup"), filepath.Join(s.containers(), "lost+found"), filepath.Join(s.State, strings.Repeat("z", 64))} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		open(t, s)
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
}

// A container that has run and lost its configuration is told of, and kept.
func TestLostConfig(t *testing.T) {
	s := testStore(t)
	id := testContainer(t, s, "bbox1")
	h, err := s.Lock(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.WriteState(State{Status: Exited}), h.Close(), os.Remove(s.configPath(id))); err != nil {
		t.Fatal(err)
	}
	if unfinished, err := s.Open(); unfinished == nil || err != nil {
		t.Errorf("said %v, %v", unfinished, err)
	}
	if _, err := os.Stat(s.statePath(id)); err != nil {
		t.Error(err)
	}
}

// Nobody but root may reach what containers leave on the disk.
func TestDirectoriesAreShut(t *testing.T) {
	s := testStore(t)
	id := testContainer(t, s, "bbox1")
	for _, dir := range []string{s.containers(), s.Dir(id), s.State} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
}
