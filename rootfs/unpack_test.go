package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

func TestUnpackOnce(t *testing.T) {
	root := t.TempDir()
	a, b := newLayer(t, entry{name: "a"}), newLayer(t, entry{name: "b"})
	var wg sync.WaitGroup
	for range 8 { // eight commands at once: each its own Store, as processes have
		wg.Go(func() {
			lower, err := Open(root).Unpack(t.Context(), layers(a, b))
			if err != nil || len(lower) != 2 {
				t.Errorf("Unpack = %v, %v", lower, err)
				return
			}
			if _, err := os.Stat(filepath.Join(lower[0], "b")); err != nil {
				t.Errorf("the topmost layer does not come first: %v", err)
			}
		})
	}
	wg.Wait()
	if a.reads.Load() != 1 || b.reads.Load() != 1 {
		t.Errorf("layers were read %d and %d times, want once", a.reads.Load(), b.reads.Load())
	}
	if got := names(t, filepath.Join(root, "layers")); len(got) != 2 {
		t.Errorf("layers holds %q, want two directories", got)
	}
}

func TestUnpackAfterKill(t *testing.T) {
	root := t.TempDir()
	l := newLayer(t, entry{name: "a"})
	tmp := filepath.Join(root, "layers", "."+l.diffID.Hex+".tmp")
	if err := os.MkdirAll(filepath.Join(tmp, "half"), 0o755); err != nil {
		t.Fatal(err)
	}
	lower, err := Open(root).Unpack(t.Context(), layers(l))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, lower[0]); len(got) != 1 || got[0] != "a" {
		t.Errorf("the layer has %q, want a", got)
	}
	if _, err := os.Stat(tmp); err == nil {
		t.Error("what the killed one left is still there")
	}
}

func TestUnpackRefuses(t *testing.T) {
	good := newLayer(t, entry{name: "a", body: strings.Repeat("x", 5000)})
	wrong := layerOf(t, good.data)
	wrong.diffID.Hex = strings.Repeat("0", 64)
	cut := layerOf(t, good.data[:3000])
	tests := map[string]struct {
		layer *tarLayer
		max   int64
		want  string
	}{
		"another diff-id":     {wrong, 0, ErrWrongDiffID.Error()},
		"cut":                 {cut, 0, "unexpected EOF"},
		"too big":             {good, 4096, ErrTooBig.Error()},
		"no tar":              {layerOf(t, bytes.Repeat([]byte("no tar "), 200)), 0, "invalid tar header"},
		"hard link to nobody": {newLayer(t, entry{name: "l", typ: tar.TypeLink, link: "../../etc/passwd"}), 0, "no such file"},
		"whiteout of ..":      {newLayer(t, entry{name: "d/.wh..."}), 0, "whiteout name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			s := Open(root)
			s.LimitUnpacked(tt.max)
			_, err := s.Unpack(t.Context(), layers(tt.layer))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Unpack = %v, want %q", err, tt.want)
			}
			if got := names(t, filepath.Join(root, "layers")); len(got) != 0 {
				t.Errorf("a failed unpacking left %q", got)
			}
		})
	}
}

// Whatever an archive says, nothing outside the layer's directory changes.
func TestUnpackStaysInside(t *testing.T) {
	tests := map[string][]entry{
		"dot dot":          {{name: "../../outside", body: "evil"}},
		"absolute":         {{name: "/outside", body: "evil"}},
		"through symlink":  {{name: "d", typ: tar.TypeSymlink, link: "OUT"}, {name: "d/outside", body: "evil"}},
		"dot dot symlink":  {{name: "d", typ: tar.TypeSymlink, link: "../../.."}, {name: "d/outside", body: "evil"}},
		"symlink to file":  {{name: "f", typ: tar.TypeSymlink, link: "OUT/victim"}, {name: "f", body: "evil"}},
		"hard link out":    {{name: "d", typ: tar.TypeSymlink, link: "OUT"}, {name: "l", typ: tar.TypeLink, link: "d/victim"}, {name: "l", body: "evil"}},
		"whiteout out":     {{name: "d", typ: tar.TypeSymlink, link: "OUT"}, {name: "d/.wh.victim"}},
		"opaque out":       {{name: "d", typ: tar.TypeSymlink, link: "OUT"}, {name: "d/.wh..wh..opq"}},
		"symlink over dir": {{name: "d/", typ: tar.TypeDir}, {name: "d", typ: tar.TypeSymlink, link: "OUT"}, {name: "d/outside", body: "evil"}},
		"mode of symlink":  {{name: "d", typ: tar.TypeSymlink, link: "OUT/victim", mode: 0o777}},
		"link to symlink":  {{name: "s", typ: tar.TypeSymlink, link: "OUT/victim"}, {name: "h", typ: tar.TypeLink, link: "s"}, {name: "h", body: "evil"}},
	}
	for name, entries := range tests {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			victim := filepath.Join(out, "victim")
			if err := os.WriteFile(victim, []byte("good"), 0o600); err != nil {
				t.Fatal(err)
			}
			for i := range entries {
				entries[i].link = strings.ReplaceAll(entries[i].link, "OUT", out)
			}
			root := t.TempDir()
			_, _ = Open(root).Unpack(t.Context(), layers(newLayer(t, entries...))) // refusing is as good as keeping inside
			if got := names(t, out); len(got) != 1 {
				t.Errorf("the outside holds %q, want the victim alone", got)
			}
			fi, err := os.Stat(victim)
			if err != nil || read(t, victim) != "good" || fi.Mode().Perm() != 0o600 {
				t.Errorf("the victim changed: %v, %v", fi, err)
			}
			if n, err := unix.Getxattr(out, opaqueXattr, nil); err == nil {
				t.Errorf("the outside was marked opaque (%d bytes)", n)
			}
			for dir := filepath.Dir(root); len(dir) > 1; dir = filepath.Dir(dir) {
				if _, err := os.Stat(filepath.Join(dir, "outside")); err == nil {
					t.Errorf("something was written to %s", dir)
				}
			}
		})
	}
}

func TestUnpackDropsOverlayMarks(t *testing.T) {
	l := newLayer(t, entry{name: "d/", typ: tar.TypeDir, pax: map[string]string{
		"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.trusted.overlay.opaque": "y",
		"SCHILY.xattr.user.kept": "1",
	}})
	lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(l))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(lower[0], "d")
	for _, name := range []string{"trusted.overlay.redirect", opaqueXattr} {
		if _, err := unix.Getxattr(dir, name, nil); !errors.Is(err, unix.ENODATA) {
			t.Errorf("%s of the image was kept: %v", name, err)
		}
	}
	if _, err := unix.Getxattr(dir, "user.kept", nil); err != nil {
		t.Errorf("user.kept: %v", err)
	}
}

func TestUnpackWaitsForItsLock(t *testing.T) {
	root := t.TempDir()
	l := newLayer(t, entry{name: "a"})
	if err := os.Mkdir(filepath.Join(root, "layers"), 0o700); err != nil {
		t.Fatal(err)
	}
	held, err := jsonfile.OpenLocked(filepath.Join(root, "layers", "."+l.diffID.Hex+".lock"), true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Open(root).Unpack(ctx, layers(l)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Unpack of a locked layer = %v, want that the time is over", err)
	}
	held.Close()
	if _, err := Open(root).Unpack(t.Context(), layers(l)); err != nil {
		t.Error(err)
	}
}

func BenchmarkUnpackHit(b *testing.B) {
	var ls []*tarLayer
	for i := range 10 {
		ls = append(ls, newLayer(b, entry{name: string(rune('a' + i))}))
	}
	root := b.TempDir()
	if _, err := Open(root).Unpack(b.Context(), layers(ls...)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Open(root).Unpack(b.Context(), layers(ls...)); err != nil {
			b.Fatal(err)
		}
	}
}
