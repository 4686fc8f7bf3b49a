package rootfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOverlayOf127Layers(t *testing.T) {
	var ls []*tarLayer
	for i := range 127 {
		ls = append(ls, newLayer(t,
			entry{name: fmt.Sprintf("f%d", i), body: "x"},
			entry{name: "top", body: fmt.Sprint(i)}))
	}
	s := Open(t.TempDir())
	overlay(t, s, func(root string) {
		if got := len(names(t, root)); got != 128 {
			t.Errorf("%d names in the merged directory, want 128", got)
		}
		if got := read(t, filepath.Join(root, "top")); got != "126" {
			t.Errorf("top is from layer %s, want the last", got)
		}
	}, ls...)
}

// The way for kernels before 6.5 must hold as many, under long paths.
func TestOverlayByOptionsOf127Layers(t *testing.T) {
	long := filepath.Join(t.TempDir(), fmt.Sprintf("%0200d", 0))
	var lower []string
	for i := range 127 {
		dir := filepath.Join(long, fmt.Sprintf("%064d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		lower = append(lower, dir)
	}
	inMountNamespace(t, func() {
		dir := filepath.Join(t.TempDir(), "a,b:c") // the characters that mount(2) options trip over
		for _, name := range []string{"upper", "work", "merged"} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Error(err)
			}
		}
		merged := filepath.Join(dir, "merged")
		if err := optionsOverlay(merged, lower, filepath.Join(dir, "upper"), filepath.Join(dir, "work")); err != nil {
			t.Error(err)
			return
		}
		defer unix.Unmount(merged, unix.MNT_DETACH)
		if got := len(names(t, merged)); got != 127 {
			t.Errorf("%d names in the merged directory, want 127", got)
		}
	})
}

func TestOverlayWhiteouts(t *testing.T) {
	base := newLayer(t,
		entry{name: "gone", body: "1"},
		entry{name: "dir/a", body: "1"}, entry{name: "dir/b", body: "1"},
		entry{name: "opaque/old", body: "1"},
		entry{name: "opaquelast/old", body: "1"},
		entry{name: "redone/old", body: "1"},
		entry{name: "redonelate/old", body: "1"},
		entry{name: "implied/old", body: "1"},
		entry{name: "kept", body: "1"})
	top := newLayer(t,
		entry{name: ".wh.gone"},
		entry{name: "dir/.wh.a"},
		entry{name: "opaque/.wh..wh..opq"}, entry{name: "opaque/new", body: "2"},
		entry{name: "opaquelast/new", body: "2"}, entry{name: "opaquelast/.wh..wh..opq"},
		entry{name: ".wh.redone"}, entry{name: "redone/", typ: tar.TypeDir}, entry{name: "redone/new", body: "2"},
		entry{name: "redonelate/", typ: tar.TypeDir}, entry{name: "redonelate/new", body: "2"}, entry{name: ".wh.redonelate"},
		entry{name: ".wh.implied"}, entry{name: "implied/new", body: "2"},
		entry{name: "kept", body: "2"}, entry{name: ".wh.kept"},
		entry{name: ".wh..wh.plnk/1.2"}, entry{name: ".wh.never-was"})
	s := Open(t.TempDir())
	overlay(t, s, func(root string) {
		want := []string{"dir", "implied", "kept", "opaque", "opaquelast", "redone", "redonelate"}
		got := slices.DeleteFunc(names(t, root), func(n string) bool { return n == ".wh..wh.plnk" })
		if !slices.Equal(got, want) {
			t.Errorf("merged root has %q, want %q", got, want)
		}
		for dir, want := range map[string]string{"dir": "b", "opaque": "new", "opaquelast": "new", "redone": "new", "redonelate": "new", "implied": "new"} {
			if got := names(t, filepath.Join(root, dir)); !slices.Equal(got, []string{want}) {
				t.Errorf("%s has %q, want %s alone", dir, got, want)
			}
		}
		if got := read(t, filepath.Join(root, "kept")); got != "2" {
			t.Errorf("kept = %q, want the layer's own", got)
		}
	}, base, top)
}

func TestOverlayKeepsMetadata(t *testing.T) {
	cap := "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" // cap_net_raw=ep
	l := newLayer(t,
		entry{name: "suid", body: "x", mode: 0o4755},
		entry{name: "hard", typ: tar.TypeLink, link: "suid", mode: 0o4755},
		entry{name: "sym", typ: tar.TypeSymlink, link: "/suid"},
		entry{name: "null", typ: tar.TypeChar, mode: 0o666, major: 1, minor: 3},
		entry{name: "fifo", typ: tar.TypeFifo, mode: 0o600},
		entry{name: "ping", body: "x", pax: map[string]string{"SCHILY.xattr.security.capability": cap}})
	s := Open(t.TempDir())
	overlay(t, s, func(root string) {
		stat := func(name string) (st unix.Stat_t) {
			if err := unix.Lstat(filepath.Join(root, name), &st); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return st
		}
		if m := stat("suid").Mode; m != unix.S_IFREG|0o4755 {
			t.Errorf("suid has mode %o", m)
		}
		if stat("hard").Ino != stat("suid").Ino {
			t.Error("the hard link is another file")
		}
		if st := stat("null"); st.Mode != unix.S_IFCHR|0o666 || st.Rdev != unix.Mkdev(1, 3) {
			t.Errorf("null has mode %o and device %x", st.Mode, st.Rdev)
		}
		if m := stat("fifo").Mode; m != unix.S_IFIFO|0o600 {
			t.Errorf("fifo has mode %o", m)
		}
		if link, err := os.Readlink(filepath.Join(root, "sym")); link != "/suid" {
			t.Errorf("sym leads to %q, %v", link, err)
		}
		buf := make([]byte, 64)
		if n, err := unix.Getxattr(filepath.Join(root, "ping"), "security.capability", buf); err != nil || string(buf[:n]) != cap {
			t.Errorf("ping's capability = %q, %v", buf[:max(n, 0)], err)
		}
	}, l)
}

func TestOverlayTakesRootsOwnMode(t *testing.T) {
	s := Open(t.TempDir())
	overlay(t, s, func(root string) {
		fi, err := os.Stat(root)
		if err != nil || fi.Mode().Perm() != 0o755 {
			t.Errorf("/ has mode %v, %v; want 0755", fi.Mode(), err)
		}
	}, newLayer(t, entry{name: "x"}))
}

// overlayfs refuses one directory twice; the upper one counts.
func TestOverlayOfTheSameLayerTwice(t *testing.T) {
	twice, between := newLayer(t, entry{name: "f", body: "twice"}, entry{name: "kept", body: "x"}), newLayer(t, entry{name: "f", body: "between"}, entry{name: ".wh.kept"})
	overlay(t, Open(t.TempDir()), func(root string) {
		if got := names(t, root); !slices.Equal(got, []string{"f", "kept"}) || read(t, filepath.Join(root, "f")) != "twice" {
			t.Errorf("the root holds %q, f %q", got, read(t, filepath.Join(root, "f")))
		}
	}, newLayer(t), twice, newLayer(t), between, newLayer(t), twice, newLayer(t))
}

func TestOverlayOfNoLayers(t *testing.T) {
	s := Open(t.TempDir())
	overlay(t, s, func(root string) {
		if got := names(t, root); len(got) != 0 {
			t.Errorf("a scratch image has %q", got)
		}
		if err := os.WriteFile(filepath.Join(root, "new"), nil, 0o644); err != nil {
			t.Error(err)
		}
	})
}

func TestMountOverlayNamesWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	err := MountOverlay(dir, []string{filepath.Join(dir, "nowhere")}, filepath.Join(dir, "u"), filepath.Join(dir, "w"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("MountOverlay = %v, want that the layer does not exist", err)
	}
}

// Whatever the kernel's defaults are, the writable layer has all of what it
// changed: commit reads that layer by itself.
func TestUpperHoldsItsOwnContent(t *testing.T) {
	for _, name := range []string{"redirect_dir", "metacopy"} {
		path := "/sys/module/overlay/parameters/" + name
		before, err := os.ReadFile(path)
		if err != nil {
			t.Skipf("this kernel has no %s: %v", name, err)
		}
		if err := os.WriteFile(path, []byte("Y"), 0o644); err != nil {
			t.Skipf("the default of %s can't be set: %v", name, err)
		}
		t.Cleanup(func() { _ = os.WriteFile(path, before, 0o644) })
	}
	l := newLayer(t, entry{name: "file", body: "content"}, entry{name: "dir/", typ: tar.TypeDir}, entry{name: "dir/in", body: "in"})
	overlay(t, Open(t.TempDir()), func(root string) {
		if err := os.Chmod(filepath.Join(root, "file"), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(filepath.Join(root, "dir"), filepath.Join(root, "dir2")); !errors.Is(err, unix.EXDEV) {
			t.Errorf("rename of a directory of the image = %v, want EXDEV: mv copies then", err)
		}
		upper := filepath.Join(filepath.Dir(root), "upper")
		if got := read(t, filepath.Join(upper, "file")); got != "content" {
			t.Errorf("the writable layer's file has %q", got)
		}
		if err := WriteDiff(t.Context(), io.Discard, upper); err != nil {
			t.Error(err)
		}
	}, l)
}

// What others mounted otherwise is refused rather than lost.
func TestDiffOfPointersIsRefused(t *testing.T) {
	upper := t.TempDir()
	file := filepath.Join(upper, "file")
	if err := os.WriteFile(file, make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(file, "trusted.overlay.metacopy", nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := WriteDiff(t.Context(), io.Discard, upper); err == nil || !strings.Contains(err.Error(), "/file") {
		t.Errorf("WriteDiff of a file without its content = %v, want it refused and named", err)
	}
}
