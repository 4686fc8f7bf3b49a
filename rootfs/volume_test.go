package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func TestVolumeEnsureOnce(t *testing.T) {
	root := t.TempDir()
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			path, created, err := OpenVolumes(root).Ensure("data")
			if err != nil || path != filepath.Join(root, "volumes", "data", "_data") {
				t.Errorf("Ensure = %q, %v", path, err)
			}
			if created {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d of 16 say that they made the volume, want 1", made.Load())
	}
	if got := names(t, filepath.Join(root, "volumes")); len(got) != 1 {
		t.Errorf("volumes holds %q, want data alone", got)
	}
}

// Who runs mvrun may have a umask that keeps others out; containers' users are
// such others.
func TestUmask(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	root := t.TempDir()
	path, _, err := OpenVolumes(root).Ensure("data")
	if err != nil {
		t.Fatal(err)
	}
	lower, err := Open(root).Unpack(t.Context(), layers(newLayer(t, entry{name: "a/b", body: "x"}, entry{name: ".wh.c"}, entry{name: "c/d", body: "x"})))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, lower[0], filepath.Join(lower[0], "a"), filepath.Join(lower[0], "c")} {
		if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o755 {
			t.Errorf("%s has mode %v, %v; want 0755", dir, fi.Mode(), err)
		}
	}
}

func TestVolumeNames(t *testing.T) {
	v := OpenVolumes(t.TempDir())
	for _, name := range []string{"../x", "a/b", ".x", "-x", "x", "a b", "ä1", strings.Repeat("x", 256), "a\x00b", "a\n"} {
		if _, _, err := v.Ensure(name); !errors.Is(err, ErrBadVolumeName) {
			t.Errorf("Ensure(%q) = %v, want ErrBadVolumeName", name, err)
		}
		if err := v.Remove(name); !errors.Is(err, ErrNoVolume) {
			t.Errorf("Remove(%q) = %v, want ErrNoVolume", name, err)
		}
	}
	vol, created, err := v.Create(Volume{})
	if err != nil || !created || len(vol.Name) != 64 || !vol.Anonymous {
		t.Errorf("an anonymous volume is %+v, %v", vol, err)
	}
}

func TestVolumeRemove(t *testing.T) {
	v := OpenVolumes(t.TempDir())
	path, _, err := v.Ensure("data")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := v.Remove("data"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get("data"); !errors.Is(err, ErrNoVolume) {
		t.Errorf("Get after Remove = %v", err)
	}
	if list, err := v.List(); err != nil || len(list) != 0 {
		t.Errorf("List after Remove = %v, %v", list, err)
	}
}

func TestVolumeListNamesDamage(t *testing.T) {
	v := OpenVolumes(t.TempDir())
	for _, name := range []string{"good", "hurt"} {
		if _, _, err := v.Ensure(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(v.dir, "hurt", volumeRecord), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := v.List()
	if len(list) != 1 || list[0].Name != "good" {
		t.Errorf("List = %v, want good alone", list)
	}
	if err == nil || !strings.Contains(err.Error(), "hurt") {
		t.Errorf("the error is %v, want one that names hurt", err)
	}
}

func TestCopyUp(t *testing.T) {
	root, v := t.TempDir(), OpenVolumes(t.TempDir())
	dir := filepath.Join(root, "srv/www")
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub/index"), []byte("hello"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 33, 34); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o751); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/srv/www", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	path, _, err := v.Ensure("web")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds it filled
		if err := v.CopyUp("web", root, "/link"); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, filepath.Join(path, "sub/index")); got != "hello" {
		t.Errorf("index = %q", got)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Uid != 33 || st.Gid != 34 || st.Mode&0o7777 != 0o751 {
		t.Errorf("the volume's directory is %d:%d %o, %v", st.Uid, st.Gid, st.Mode, err)
	}
}

// A container may have the empty volume mounted when another one fills it: it
// must see the content, and what it writes must not be lost.
func TestCopyUpWhileMounted(t *testing.T) {
	root, v := t.TempDir(), OpenVolumes(t.TempDir())
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("image"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path, _, err := v.Ensure("shared")
	if err != nil {
		t.Fatal(err)
	}
	mounted, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer mounted.Close()
	if err := v.CopyUp("shared", root, "/"); err != nil {
		t.Fatal(err)
	}
	if got, err := mounted.Readdirnames(-1); err != nil || len(got) != 2 {
		t.Errorf("who has it mounted sees %q, %v; want a and b", got, err)
	}
}

// A killed one leaves no copy, or a whole one to be moved in, some of it moved
// already, with what others wrote meanwhile.
func TestCopyUpAfterKill(t *testing.T) {
	root, v := t.TempDir(), OpenVolumes(t.TempDir())
	path, _, err := v.Ensure("web")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"_copying/half", "_copied/a", "_copied/b", "_data/b", "_data/c"} {
		file := filepath.Join(v.dir, "web", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(v.dir, "web/_copied"), 33, 34); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := v.CopyUp("web", root, "/"); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"a": "_copied/a", "b": "_data/b", "c": "_data/c"} {
		if got := read(t, filepath.Join(path, name)); got != want {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Uid != 33 || st.Gid != 34 {
		t.Errorf("the volume's directory is %d:%d, %v", st.Uid, st.Gid, err)
	}
	if got := names(t, filepath.Join(v.dir, "web")); !slices.Equal(got, []string{"_data", "copy.lock", "volume.json"}) {
		t.Errorf("the volume has %q beside its data", got)
	}
}

func TestCopyUpStaysInside(t *testing.T) {
	out, root, v := t.TempDir(), t.TempDir(), OpenVolumes(t.TempDir())
	if err := os.WriteFile(filepath.Join(out, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(out, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	path, _, err := v.Ensure("web")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/link", "/../../../../.." + out, "/missing"} {
		if err := v.CopyUp("web", root, p); err != nil {
			t.Errorf("CopyUp(%q): %v", p, err)
		}
		if got := names(t, path); len(got) != 0 {
			t.Errorf("CopyUp(%q) brought %q in from outside", p, got)
		}
	}
}

func TestCopyUpLeavesContentAlone(t *testing.T) {
	root, v := t.TempDir(), OpenVolumes(t.TempDir())
	if err := os.WriteFile(filepath.Join(root, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path, _, err := v.Ensure("web")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := v.CopyUp("web", root, "/"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, path); len(got) != 1 || got[0] != "mine" {
		t.Errorf("the volume holds %q, want mine alone", got)
	}
}
