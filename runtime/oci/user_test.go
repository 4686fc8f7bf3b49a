package oci

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
)

func TestLookupUser(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if u, err := LookupUser(Tree{Root: root}, "", nil); err != nil || u.UID != 0 {
		t.Errorf("without files: %+v, %v", u, err)
	}
	if _, err := LookupUser(Tree{Root: root}, "www", nil); err == nil {
		t.Error("a name without a passwd file is found")
	}
	write("passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:34::/:/bin/sh\n")
	write("group", "root:x:0:\nwww:x:34:\nlog:x:5:www\n")
	for name, want := range map[string][2]uint32{"www": {33, 34}, "33": {33, 34}, "www:log": {33, 5}, "7:8": {7, 8}, "": {0, 0}, "1000": {1000, 0}} {
		if u, err := LookupUser(Tree{Root: root}, name, nil); err != nil || u.UID != want[0] || u.GID != want[1] {
			t.Errorf("%q: %+v, %v; want %v", name, u, err, want)
		}
	}
	// The image's links must not lead out of the image, nor block.
	os.Remove(filepath.Join(root, "etc", "passwd"))
	if err := os.Symlink("/../../../../etc/passwd", filepath.Join(root, "etc", "passwd")); err != nil {
		t.Fatal(err)
	}
	if _, err := LookupUser(Tree{Root: root}, "daemon", nil); err == nil {
		t.Error("a user of the host's passwd is found")
	}
	os.Remove(filepath.Join(root, "etc", "group"))
	if err := unix.Mkfifo(filepath.Join(root, "etc", "group"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LookupUser(Tree{Root: root}, "5:6", nil); err != nil {
		t.Error(err)
	}
}

// What a container puts into the place of its passwd neither blocks us nor makes
// us read what it may not.
func TestLookupUserOfHostileFiles(t *testing.T) {
	root := t.TempDir()
	passwd := filepath.Join(root, "etc", "passwd")
	if err := errors.Join(os.Mkdir(filepath.Dir(passwd), 0o755), os.Mkdir(filepath.Join(root, "proc"), 0o755)); err != nil {
		t.Fatal(err)
	}
	real := []byte("www:x:33:34::/srv:/bin/sh\n")
	for name, spoil := range map[string]func() error{
		"fifo":      func() error { return unix.Mkfifo(passwd, 0o644) },
		"directory": func() error { return os.Mkdir(passwd, 0o755) },
		"loop":      func() error { return os.Symlink("passwd", passwd) },
		"device":    func() error { return os.Symlink("/dev/zero", passwd) },
		"leased": func() error {
			err := os.WriteFile(passwd, real, 0o644)
			f, oerr := os.Open(passwd)
			if oerr != nil {
				return oerr
			}
			t.Cleanup(func() { f.Close() })
			_, lerr := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK)
			return errors.Join(err, lerr)
		},
	} {
		if err := os.RemoveAll(passwd); err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(name, err)
		}
		began := time.Now()
		if u, err := LookupUser(Tree{Root: root}, "33", nil); err != nil || u.Home != "/" {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
	// A whole root can be one that the kernel makes up.
	if f, err := (Tree{Root: "/proc"}).open("/version"); err != nil {
		t.Error(err)
	} else if data, _ := io.ReadAll(f); len(data) > 0 {
		t.Errorf("of procfs it reads %q", data)
	}
	// What the user mounts there holds.
	mine := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(mine, real, 0o644); err != nil {
		t.Fatal(err)
	}
	tree := Tree{Root: root, Mounts: []container.Mount{{Type: "bind", Source: filepath.Dir(mine), Destination: "/etc"}, {Type: "bind", Source: mine, Destination: "/etc/passwd"}}}
	if u, err := LookupUser(tree, "www", nil); err != nil || u.UID != 33 || u.Home != "/srv" {
		t.Errorf("a mounted passwd: %+v, %v", u, err)
	}
}
