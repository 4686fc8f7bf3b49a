package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// ErrVolumeBusy says that a container is being made of the volume.
var ErrVolumeBusy = errors.New("a container is being made that uses it: try again")

// Take is Create for who makes a container of the volume: nobody removes it until
// release is called or the process ends. By then the container has a record.
func (v *Volumes) Take(want Volume) (vol Volume, created bool, release func(), err error) {
	for {
		vol, created, err = v.Create(want)
		if err != nil {
			return vol, created, nil, err
		}
		release, err = v.lock(vol.Name, unix.LOCK_SH)
		if !errors.Is(err, ErrNoVolume) { // else it was removed in between
			return vol, created, release, err
		}
	}
}

// Exclude keeps everyone from taking the volume, for looking in peace whether a
// container uses it. It waits for nobody: while it is taken, it is ErrVolumeBusy.
func (v *Volumes) Exclude(name string) (release func(), err error) {
	return v.lock(name, unix.LOCK_EX|unix.LOCK_NB)
}

// lock locks the volume's directory, if that is still the volume's.
func (v *Volumes) lock(name string, how int) (release func(), err error) {
	none := fmt.Errorf("%w: %s", ErrNoVolume, name)
	if !volumeName().MatchString(name) {
		return nil, none
	}
	dir, err := flockDir(filepath.Join(v.dir, name), how)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, none
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, fmt.Errorf("remove volume %s: %w", name, ErrVolumeBusy)
	case err != nil:
		return nil, fmt.Errorf("lock volume %s: %w", name, err)
	}
	now, err := os.Stat(dir.Name())
	if held, herr := dir.Stat(); err != nil || herr != nil || !os.SameFile(now, held) {
		dir.Close()
		return nil, none
	}
	return func() { dir.Close() }, nil
}

// flockDir opens the directory and locks it until it is closed.
func flockDir(path string, how int) (*os.File, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := jsonfile.Flock(dir, how); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}
