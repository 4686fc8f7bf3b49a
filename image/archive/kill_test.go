package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/mvrun/mvrun/image/archive"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/image/store"
)

// TestMain makes the test binary a command that the kill tests can kill.
func TestMain(m *testing.M) {
	if job := os.Getenv("MVRUN_TEST_JOB"); job != "" {
		if err := runJob(job, os.Getenv("MVRUN_TEST_ROOT"), os.Getenv("MVRUN_TEST_ARG")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runJob(job, root, arg string) error {
	s := store.Open(root, archive.Busybox)
	var err error
	ctx := context.Background()
	switch job {
	case "pull":
		_, err = registry.Pull(ctx, s, it.Ref(arg), registry.PullOptions{})
	case "load":
		f, oerr := os.Open(arg)
		if oerr != nil {
			return oerr
		}
		_, err = archive.Load(ctx, s, f, archive.Options{})
	case "remove":
		_, err = s.Remove(it.Ref(arg), true, nil)
	}
	return err
}

// killed runs the job and kills it (SIGKILL) after the delay. It reports whether
// the job was done before.
func killed(t *testing.T, job, root, arg string, after time.Duration) (done bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MVRUN_TEST_JOB="+job, "MVRUN_TEST_ROOT="+root, "MVRUN_TEST_ARG="+arg)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if stderr.Len() > 0 {
		t.Errorf("%s failed instead of being killed: %s", job, stderr.String())
	}
	return err == nil
}

// slowly sends bodies in small pieces, so that there are moments to be killed at.
type slowly struct{ http.ResponseWriter }

func (w slowly) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		k := min(len(p), 32<<10)
		m, err := w.ResponseWriter.Write(p[:k])
		n += m
		if err != nil {
			return n, err
		}
		p = p[k:]
		time.Sleep(2 * time.Millisecond)
	}
	return n, nil
}

// Whatever moment a pull is killed at, the image is there whole or not at all,
// and the same command again brings it.
func TestKilledPull(t *testing.T) {
	reg := it.NewRegistry(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 500_000, 3))
	reg.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		reg.Inner.ServeHTTP(slowly{w}, r)
		return true
	})
	root := t.TempDir()
	s := store.Open(root, archive.Busybox)
	kills := 0
	for after := 5 * time.Millisecond; ; after += 7 * time.Millisecond {
		done := killed(t, "pull", root, ref, after)
		images, err := s.List()
		if err != nil {
			t.Fatalf("killed after %v: %v", after, err)
		}
		if len(images) > 0 {
			it.Whole(t, s, ref)
		} else if done {
			t.Fatal("the pull was done and there is no image")
		}
		if done {
			break
		}
		kills++
	}
	if kills < 3 {
		t.Errorf("the pull was killed %d times only: it is too fast for this test", kills)
	}
	if _, _, err := s.Prune(true, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := it.Blobs(t, s); got != 0 {
		t.Errorf("%d blobs are left of no image", got)
	}
}

func TestKilledLoadAndRemove(t *testing.T) {
	from, root := it.Open(t), t.TempDir()
	for i := range 5 {
		it.ImportImage(t, from, fmt.Sprintf("i%d", i), string(make([]byte, 2_000_000+i)))
	}
	tarball := root + "/archive.tar"
	f, err := os.Create(tarball)
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Save(t.Context(), from, f, refs([]string{"i0", "i1", "i2", "i3", "i4"})); err != nil {
		t.Fatal(err)
	}
	f.Close()
	s := store.Open(root, archive.Busybox)
	sound := func(what string, after time.Duration) {
		t.Helper()
		damage, err := s.Check(t.Context())
		if err != nil || len(damage) > 0 {
			t.Fatalf("%s killed after %v: the store has %v, %v", what, after, damage, err)
		}
	}
	for after := 4 * time.Millisecond; ; after += 9 * time.Millisecond {
		done := killed(t, "load", root, tarball, after)
		sound("load", after)
		if done {
			break
		}
	}
	for i := range 5 {
		for after := 2 * time.Millisecond; ; after += 2 * time.Millisecond {
			ref := fmt.Sprintf("i%d", i)
			if _, err := s.Find(it.Ref(ref)); err != nil {
				break
			}
			killed(t, "remove", root, ref, after)
			sound("remove", after)
		}
	}
	if _, _, err := s.Prune(true, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := it.Blobs(t, s); got != 0 {
		t.Errorf("%d blobs are left of no image", got)
	}
	it.Nothing(t, s)
}
