package rootfs

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// overlay mounts the layers (lowest first) in a mount namespace of the test's
// own and calls look with the merged directory. The namespace belongs to a
// thread that ends with it, and the kernel takes the mount with it.
func overlay(t *testing.T, s *Store, look func(root string), ls ...*tarLayer) {
	t.Helper()
	lower, err := s.Unpack(t.Context(), layers(ls...))
	if err != nil {
		t.Fatal(err)
	}
	inMountNamespace(t, func() {
		dir := t.TempDir()
		target := filepath.Join(dir, "merged")
		if err := os.Mkdir(target, 0o755); err != nil {
			t.Error(err)
			return
		}
		if err := MountOverlay(target, lower, filepath.Join(dir, "upper"), filepath.Join(dir, "work")); err != nil {
			t.Error(err)
			return
		}
		defer unix.Unmount(target, unix.MNT_DETACH)
		look(target)
	})
}

func inMountNamespace(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	skip := ""
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread dies with its namespace
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			skip = fmt.Sprintf("no mount namespace: %v", err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
	if skip != "" {
		t.Skip(skip)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	slices.Sort(out)
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}
