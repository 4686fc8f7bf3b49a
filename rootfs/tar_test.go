package rootfs

import (
	"archive/tar"
	"bytes"
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

func namesOf(t *testing.T, data []byte) (got []string) {
	t.Helper()
	for tr := tar.NewReader(bytes.NewReader(data)); ; {
		hdr, err := tr.Next()
		if err == io.EOF {
			slices.Sort(got)
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, hdr.Name)
	}
}

// What a container changed, written as a layer and mounted over the same base,
// is what the container had.
func TestWriteDiffRoundTrip(t *testing.T) {
	base := newLayer(t,
		entry{name: "gone", body: "1"}, entry{name: "changed", body: "1"}, entry{name: "dir/a", body: "1"}, entry{name: "dir/b", body: "1"},
		entry{name: "redone/old", body: "1"}, entry{name: "dangling", typ: tar.TypeSymlink, link: "/nowhere"}, entry{name: "etc/x", body: "1"})
	s := Open(t.TempDir())
	lower, err := s.Unpack(t.Context(), layers(base))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	upper := filepath.Join(dir, "upper")
	inMountNamespace(t, func() {
		root := filepath.Join(dir, "merged")
		steps := func() error {
			if err := os.Mkdir(root, 0o755); err != nil {
				return err
			}
			if err := MountOverlay(root, lower, upper, filepath.Join(dir, "work")); err != nil {
				return err
			}
			defer unix.Unmount(root, unix.MNT_DETACH)
			in := func(name string) string { return filepath.Join(root, name) }
			return errors.Join(
				os.Remove(in("gone")), os.Remove(in("dangling")), os.Remove(in("dir/a")), os.RemoveAll(in("redone")),
				os.Mkdir(in("redone"), 0o711), os.WriteFile(in("redone/new"), []byte("2"), 0o600),
				os.WriteFile(in("changed"), []byte("22"), 0o644), os.WriteFile(in("etc/hosts"), nil, 0o644),
				os.WriteFile(in("suid"), []byte("2"), 0o755), unix.Chmod(in("suid"), 0o4755), os.Link(in("suid"), in("hard")),
			)
		}
		if err := steps(); err != nil {
			t.Error(err)
		}
	})
	var diff bytes.Buffer
	if err := WriteDiff(t.Context(), &diff, upper); err != nil {
		t.Fatal(err)
	}
	want := []string{".wh.dangling", ".wh.gone", "changed", "dir/", "dir/.wh.a", "etc/", "hard", "redone/", "redone/.wh..wh..opq", "redone/new", "suid"}
	if got := namesOf(t, diff.Bytes()); !slices.Equal(got, want) {
		t.Errorf("the layer has %q,\nwant %q", got, want)
	}
	overlay(t, s, func(root string) {
		if got, want := names(t, root), []string{"changed", "dir", "etc", "hard", "redone", "suid"}; !slices.Equal(got, want) {
			t.Errorf("the root has %q, want %q", got, want)
		}
		if got := names(t, filepath.Join(root, "redone")); !slices.Equal(got, []string{"new"}) {
			t.Errorf("redone has %q, want new alone", got)
		}
		if fi, err := os.Stat(filepath.Join(root, "suid")); err != nil || fi.Mode()&os.ModeSetuid == 0 {
			t.Errorf("suid is %v, %v", fi.Mode(), err)
		}
	}, base, layerOf(t, diff.Bytes()))
}

func TestOpenMerged(t *testing.T) {
	a := newLayer(t, entry{name: "a", body: "1"}, entry{name: "both", body: "1"}, entry{name: "gone", body: "1"})
	b := newLayer(t, entry{name: "b", body: "2"}, entry{name: "both", body: "2"}, entry{name: ".wh.gone"})
	s := Open(t.TempDir())
	lower, err := s.Unpack(t.Context(), layers(a, b))
	if err != nil {
		t.Fatal(err)
	}
	before := read(t, "/proc/self/mountinfo")
	for name, openTree := range map[string]func([]string) (*os.File, error){
		"any kernel's": OpenMerged,
		"before 6.5": func(dirs []string) (*os.File, error) {
			fd, err := privateOverlay(dirs)
			return os.NewFile(uintptr(fd), "overlay"), err
		},
	} {
		f, err := openTree(lower)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var out bytes.Buffer
		if err := WriteTree(t.Context(), &out, fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := namesOf(t, out.Bytes()); !slices.Equal(got, []string{"a", "b", "both"}) {
			t.Errorf("%s: the tree has %q", name, got)
		}
		f.Close()
	}
	if after := read(t, "/proc/self/mountinfo"); strings.Count(after, "\n") != strings.Count(before, "\n") {
		t.Error("a mount is left")
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(newLayer(f, entry{name: "a/b", body: "x"}, entry{name: "s", typ: tar.TypeSymlink, link: "../.."}, entry{name: "s/x", body: "y"}, entry{name: ".wh.a"}).data)
	f.Add(newLayer(f, entry{name: "d/", typ: tar.TypeDir}, entry{name: "d/.wh..wh..opq"}, entry{name: "l", typ: tar.TypeLink, link: "d"}).data)
	f.Fuzz(func(t *testing.T, data []byte) {
		root := t.TempDir()
		s := Open(filepath.Join(root, "in"))
		s.LimitUnpacked(1 << 20)
		_, err := s.Unpack(t.Context(), layers(layerOf(t, data)))
		if got := names(t, root); !slices.Equal(got, []string{"in"}) {
			t.Errorf("files beside the store: %q", got)
		}
		if got := names(t, filepath.Join(root, "in", "layers")); err != nil && len(got) != 0 {
			t.Errorf("a failed unpacking left %q", got)
		}
	})
}
