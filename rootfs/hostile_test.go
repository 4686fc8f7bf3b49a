package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A layer is unpacked beside the others, and so can't be led out by them; what
// comes together in the overlay mount must not lead out either.
func TestLayersStayInsideTogether(t *testing.T) {
	out := t.TempDir()
	victim := filepath.Join(out, "victim")
	if err := os.WriteFile(victim, []byte("good"), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay(t, Open(t.TempDir()), func(root string) {
		if got := names(t, out); len(got) != 1 || read(t, victim) != "good" {
			t.Errorf("the outside holds %q, the victim %q", got, read(t, victim))
		}
		// The uppermost layer's entry is a file in a directory: that hides the link.
		for _, name := range []string{"dir", "link"} {
			fi, err := os.Lstat(filepath.Join(root, name))
			if err != nil || !fi.IsDir() {
				t.Errorf("%s is %v, %v; want the third layer's directory", name, fi, err)
			}
			if got := read(t, filepath.Join(root, name, "outside")); got != "3" {
				t.Errorf("%s/outside has %q", name, got)
			}
		}
		if _, err := os.Lstat(filepath.Join(root, "hard")); err == nil {
			t.Error("a hard link through another layer's symlink was made")
		}
	},
		newLayer(t, entry{name: "dir/", typ: tar.TypeDir}, entry{name: "dir/outside", body: "1"}, entry{name: "link", typ: tar.TypeSymlink, link: out}),
		newLayer(t, entry{name: "dir", typ: tar.TypeSymlink, link: out}),
		newLayer(t, entry{name: "dir/outside", body: "3"}, entry{name: "link/outside", body: "3"}, entry{name: "link/.wh.victim"}))
	// A hard link is made in its own layer alone, where the symlink is not.
	l := newLayer(t, entry{name: "hard", typ: tar.TypeLink, link: "link/victim"})
	if _, err := Open(t.TempDir()).Unpack(t.Context(), layers(l)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Unpack of a hard link through another layer = %v, want that it leads nowhere", err)
	}
}

// A whiteout is a device until a directory takes its place. The place may be
// reached through a link by then, and the device be the host's.
func TestWhiteoutReplacedThroughALink(t *testing.T) {
	for name, link := range map[string]string{"outside": "OUT", "inside": "other"} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			if err := unix.Mknod(filepath.Join(out, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
				t.Fatal(err)
			}
			lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(newLayer(t,
				entry{name: "d/", typ: tar.TypeDir},
				entry{name: "d/.wh.null"},
				entry{name: "other/null", typ: tar.TypeChar, major: 1, minor: 3},
				entry{name: "d", typ: tar.TypeSymlink, link: strings.ReplaceAll(link, "OUT", out)},
				entry{name: "d/null/", typ: tar.TypeDir})))
			if err != nil {
				t.Fatal(err)
			}
			if fi, err := os.Lstat(filepath.Join(out, "null")); err != nil || fi.Mode()&os.ModeCharDevice == 0 {
				t.Errorf("the host's device is %v, %v", fi, err)
			}
			if n, err := unix.Getxattr(filepath.Join(lower[0], "other/null"), opaqueXattr, nil); err == nil {
				t.Errorf("the other directory was marked opaque (%d bytes)", n)
			}
		})
	}
}

// What comes last stays, as with tar.
func TestUnpackDuplicates(t *testing.T) {
	tests := map[string][]entry{
		"file twice":           {{name: "x", body: "old, longer"}, {name: "x", body: "new"}},
		"file over directory":  {{name: "x/", typ: tar.TypeDir}, {name: "x/y", body: "old"}, {name: "x", body: "new"}},
		"file over symlink":    {{name: "y", body: "kept"}, {name: "x", typ: tar.TypeSymlink, link: "y"}, {name: "x", body: "new"}},
		"file over device":     {{name: "x", typ: tar.TypeChar, major: 1, minor: 3}, {name: "x", body: "new"}},
		"file over hard link":  {{name: "y", body: "kept"}, {name: "x", typ: tar.TypeLink, link: "y"}, {name: "x", body: "new"}},
		"file over a whiteout": {{name: ".wh.x"}, {name: "x", body: "new"}},
		"two spellings":        {{name: "./x", body: "old"}, {name: "/x", body: "new"}},
	}
	for name, entries := range tests {
		t.Run(name, func(t *testing.T) {
			lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(newLayer(t, entries...)))
			if err != nil {
				t.Fatal(err)
			}
			fi, err := os.Lstat(filepath.Join(lower[0], "x"))
			if err != nil || !fi.Mode().IsRegular() || read(t, filepath.Join(lower[0], "x")) != "new" {
				t.Errorf("x is %v, %v; want the last one", fi, err)
			}
			if _, err := os.Lstat(filepath.Join(lower[0], "y")); err == nil && read(t, filepath.Join(lower[0], "y")) != "kept" {
				t.Error("the other name changed too")
			}
		})
	}
}

// sparse is a layer of a few kilobytes with a file of size bytes, as GNU tar
// writes those with holes (PAX format 1.0).
func sparse(t *testing.T, size int64) *tarLayer {
	t.Helper()
	l := newLayer(t, entry{name: "x", body: "1\n0\n0\n" + strings.Repeat("\x00", 506), pax: map[string]string{
		"ZNU.sparse.major": "1", "ZNU.sparse.minor": "0", "ZNU.sparse.name": "huge", "ZNU.sparse.realsize": fmt.Sprint(size),
	}})
	// The writer refuses the right keys, since it can't keep their promise.
	return layerOf(t, bytes.ReplaceAll(l.data, []byte("ZNU.sparse."), []byte("GNU.sparse.")))
}

func TestUnpackLimits(t *testing.T) {
	var tiny []entry
	for i := range 5_000 {
		tiny = append(tiny, entry{name: fmt.Sprint("f", i)})
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &disk); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		layer *tarLayer
		max   int64
		want  error
	}{
		"tiny files":                       {newLayer(t, tiny...), 2 << 20, ErrTooBig},  // a header each
		"tiny files on a disk":             {newLayer(t, tiny...), 19 << 20, ErrTooBig}, // a block each
		"tiny files that fit":              {newLayer(t, tiny...), 20 << 20, nil},
		"deep names":                       {newLayer(t, entry{name: strings.Repeat("d/", 1900) + "f"}), 4 << 20, ErrTooBig},
		"sparse file":                      {sparse(t, 1<<40), 1 << 30, ErrTooBig},
		"sparse file whose size wraps":     {sparse(t, 1<<63-1), 1 << 30, ErrTooBig},
		"sparse file bigger than the disk": {sparse(t, int64(disk.Blocks)*disk.Bsize), 0, unix.ENOSPC},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			s := Open(root)
			s.LimitUnpacked(tt.max)
			if _, err := s.Unpack(t.Context(), layers(tt.layer)); !errors.Is(err, tt.want) {
				t.Errorf("Unpack = %v, want %v", err, tt.want)
			}
			if got := names(t, filepath.Join(root, "layers")); tt.want != nil && len(got) != 0 {
				t.Errorf("a refused layer left %q", got)
			}
		})
	}
	if _, err := Open(t.TempDir()).Unpack(t.Context(), layers(newLayer(t, tiny...))); err != nil {
		t.Errorf("tiny files without a limit: %v", err)
	}
}

func TestUnpackEmptyLayers(t *testing.T) {
	for name, l := range map[string]*tarLayer{"no entry": newLayer(t), "no byte": layerOf(t, nil)} {
		lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(l))
		if err != nil || len(names(t, lower[0])) != 0 {
			t.Errorf("%s: Unpack = %v, want an empty directory", name, err)
		}
	}
}

// Setuid programs and devices of images are in directories that root alone gets
// into.
func TestLayersAreOutOfSight(t *testing.T) {
	root := t.TempDir()
	if _, err := Open(root).Unpack(t.Context(), layers(newLayer(t, entry{name: "su", body: "x", mode: 0o4755}))); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(filepath.Join(root, "layers"))
	if err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("layers has mode %v, %v; want 0700", fi.Mode(), err)
	}
}

// Few files are written one by one, many with their file system; a hard link is
// no file more, and a symlink is not followed.
func TestToSync(t *testing.T) {
	l := []entry{{name: "d/", typ: tar.TypeDir}, {name: "d/f", body: "x"}, {name: "s", typ: tar.TypeSymlink, link: "/etc/passwd"}}
	for i := range 100 {
		l = append(l, entry{name: fmt.Sprint("h", i), typ: tar.TypeLink, link: "d/f"})
	}
	lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(newLayer(t, l...)))
	if err != nil {
		t.Fatal(err)
	}
	if paths, err := toSync(lower[0]); err != nil || len(paths) != 3 {
		t.Errorf("toSync = %q, %v; want the two directories and the file", paths, err)
	}
	for i := range fewFiles {
		l = append(l, entry{name: fmt.Sprint("f", i)})
	}
	lower, err = Open(t.TempDir()).Unpack(t.Context(), layers(newLayer(t, l...)))
	if err != nil {
		t.Fatal(err)
	}
	if paths, err := toSync(lower[0]); err != nil || paths != nil {
		t.Errorf("toSync of many = %d, %v; want none", len(paths), err)
	}
}
