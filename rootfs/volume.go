package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/hexid"
	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Errors of volumes that callers tell apart.
var (
	ErrNoVolume      = errors.New("no such volume")
	ErrBadVolumeName = errors.New("a volume's name has two characters or more, of [a-zA-Z0-9_.-], the first a letter or digit")
)

// Volume is a directory that outlives containers.
type Volume struct {
	Name      string            `json:"name"`
	Created   time.Time         `json:"created"`
	Labels    map[string]string `json:"labels,omitempty"`
	Anonymous bool              `json:"anonymous,omitempty"`
	Path      string            `json:"-"` // what is mounted
}

// Volumes is the directory of volumes, <root>/volumes/<name>/ with a record and
// the content in _data.
type Volumes struct {
	dir string
}

// OpenVolumes returns the volumes under root. It touches nothing.
func OpenVolumes(root string) *Volumes { return &Volumes{filepath.Join(root, "volumes")} }

// The expression is compiled when it is needed: most commands have no volumes.
var volumeName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$`)
})

const (
	volumeRecord = "volume.json"
	volumeData   = "_data"
)

// Ensure returns the path of the volume's content and makes the volume if it is
// not there. It is idempotent.
func (v *Volumes) Ensure(name string) (path string, created bool, err error) {
	vol, created, err := v.Create(Volume{Name: name})
	return vol.Path, created, err
}

// Create makes the volume, or returns the one of that name as it is. Without a
// name, the volume is anonymous and gets one. A volume is there with its record
// and its directory, or not at all.
func (v *Volumes) Create(want Volume) (vol Volume, created bool, err error) {
	if want.Name == "" {
		want.Name, want.Anonymous = hexid.New(), true
	}
	if !volumeName().MatchString(want.Name) {
		return Volume{}, false, fmt.Errorf("create volume %q: %w", want.Name, ErrBadVolumeName)
	}
	if vol, err := v.Get(want.Name); !errors.Is(err, ErrNoVolume) {
		return vol, false, err
	}
	want.Created = time.Now().UTC()
	if err := v.make(want); err != nil {
		if errors.Is(err, os.ErrExist) { // another command was faster
			vol, err := v.Get(want.Name)
			return vol, false, err
		}
		return Volume{}, false, fmt.Errorf("create volume %s: %w", want.Name, err)
	}
	want.Path = v.data(want.Name)
	return want, true, nil
}

func (v *Volumes) make(want Volume) error {
	if err := os.MkdirAll(v.dir, 0o711); err != nil {
		return err
	}
	_ = v.sweep() // what can't go now is in nobody's way
	making, err := flockDir(v.dir, unix.LOCK_SH)
	if err != nil {
		return err
	}
	defer making.Close()
	tmp, err := os.MkdirTemp(v.dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // gone after the rename
	if err := mkdir(filepath.Join(tmp, volumeData)); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o711); err != nil {
		return err
	}
	if err := jsonfile.Write(filepath.Join(tmp, volumeRecord), want, 0o600); err != nil {
		return err
	}
	return unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, filepath.Join(v.dir, want.Name), unix.RENAME_NOREPLACE)
}

func (v *Volumes) data(name string) string { return filepath.Join(v.dir, name, volumeData) }

// Get reads one volume. An unknown one is ErrNoVolume.
func (v *Volumes) Get(name string) (Volume, error) {
	if !volumeName().MatchString(name) {
		return Volume{}, fmt.Errorf("%w: %s", ErrNoVolume, name)
	}
	vol := Volume{Name: name, Path: v.data(name)}
	err := jsonfile.Read(filepath.Join(v.dir, name, volumeRecord), &vol)
	if errors.Is(err, os.ErrNotExist) {
		return Volume{}, fmt.Errorf("%w: %s", ErrNoVolume, name)
	}
	if err != nil {
		return vol, fmt.Errorf("read volume %s: %w", name, err)
	}
	vol.Name = name // where it lies is what it is called
	return vol, nil
}

// List returns the volumes by name. Damaged ones are named in the error, beside
// which the others are returned.
func (v *Volumes) List() ([]Volume, error) {
	entries, err := os.ReadDir(v.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var vols []Volume
	var damage []error
	for _, e := range entries {
		if hidden(e) {
			continue
		}
		vol, err := v.Get(e.Name())
		if err != nil {
			damage = append(damage, err)
			continue
		}
		vols = append(vols, vol)
	}
	slices.SortFunc(vols, func(a, b Volume) int { return strings.Compare(a.Name, b.Name) })
	return vols, errors.Join(damage...)
}

// Remove removes the volume with its content. That no container uses it is the
// caller's to know. An unknown one is ErrNoVolume.
func (v *Volumes) Remove(name string) error {
	if !volumeName().MatchString(name) {
		return fmt.Errorf("%w: %s", ErrNoVolume, name)
	}
	_ = v.sweep()
	// Out of sight in one step: half a volume must not be found.
	gone := filepath.Join(v.dir, ".gone-"+hexid.New())
	err := os.Rename(filepath.Join(v.dir, name), gone)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNoVolume, name)
	}
	if err == nil {
		err = os.RemoveAll(gone)
	}
	if err != nil {
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	return nil
}

// sweep removes what killed commands left half-made or half-removed, unless a
// volume is being made.
func (v *Volumes) sweep() error {
	entries, err := os.ReadDir(v.dir)
	if err != nil || !slices.ContainsFunc(entries, hidden) {
		return err
	}
	alone, err := flockDir(v.dir, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return err
	}
	defer alone.Close()
	var errs []error
	for _, e := range entries {
		if hidden(e) {
			errs = append(errs, os.RemoveAll(filepath.Join(v.dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// hidden tells what is no volume yet, or no more.
func hidden(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }
