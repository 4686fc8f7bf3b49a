package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A volume that a container is being made of is not removed, and one that is
// being removed is not taken.
func TestTakenVolumesStay(t *testing.T) {
	v := OpenVolumes(t.TempDir())
	vol, created, release, err := v.Take(Volume{Name: "data"})
	if err != nil || !created {
		t.Fatalf("Take = %v, %v", created, err)
	}
	_, again, second, err := v.Take(Volume{Name: "data"}) // any number may
	if err != nil || again {
		t.Fatalf("the second Take = %v, %v", again, err)
	}
	release()
	if _, err := v.Exclude("data"); !errors.Is(err, ErrVolumeBusy) {
		t.Errorf("Exclude of a taken volume = %v, want ErrVolumeBusy", err)
	}
	second()
	alone, err := v.Exclude("data")
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan bool)
	go func() {
		_, created, release, err := v.Take(Volume{Name: "data"})
		if err == nil {
			release()
		}
		taken <- created
	}()
	select {
	case <-taken:
		t.Fatal("a volume was taken while it was being removed")
	case <-time.After(50 * time.Millisecond):
	}
	if err := v.Remove("data"); err != nil {
		t.Fatal(err)
	}
	alone()
	if !<-taken {
		t.Error("who waited got the volume that was removed")
	}
	if _, err := os.Stat(vol.Path); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"none", "../data", ""} {
		if _, err := v.Exclude(name); !errors.Is(err, ErrNoVolume) {
			t.Errorf("Exclude(%q) = %v, want ErrNoVolume", name, err)
		}
	}
}

// What the killed left goes, but for what is being made.
func TestVolumesOfTheKilled(t *testing.T) {
	v := OpenVolumes(t.TempDir())
	left := func() {
		t.Helper()
		for _, name := range []string{".gone-1/_data", ".new-1"} {
			if err := os.MkdirAll(filepath.Join(v.dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	left()
	making, err := flockDir(v.dir, unix.LOCK_SH)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Ensure("one"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, v.dir); len(got) != 3 {
		t.Errorf("while another volume is made there are %q", got)
	}
	making.Close()
	if _, _, err := v.Ensure("two"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, v.dir); len(got) != 2 {
		t.Errorf("after it there are %q, want the volumes alone", got)
	}
	left()
	if err := v.Remove("two"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, v.dir); len(got) != 1 {
		t.Errorf("after a removal there are %q, want one volume", got)
	}
}
