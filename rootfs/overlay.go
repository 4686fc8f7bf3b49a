package rootfs

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// MountOverlay mounts the layers (topmost first) with a writable layer on
// target, in the caller's mount namespace. upper and work are made if missing,
// on one file system; upper gets the topmost layer's owner and mode, as it is
// the container's / that they become.
//
// It takes as many layers as the kernel does (500): by one fsconfig(2) a layer
// where the kernel has lowerdir+ (Linux 6.5), else by descriptors, as the one
// page of options of mount(2) holds few real paths.
func MountOverlay(target string, lower []string, upper, work string) error {
	if err := makeUpper(lower, upper, work); err != nil {
		return err
	}
	err := fsopenOverlay(target, lower, upper, work)
	if errors.Is(err, errNoLowerdirPlus) {
		err = optionsOverlay(target, lower, upper, work)
	}
	if errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("this kernel has no overlay file system: load its module or use a kernel that has it (CONFIG_OVERLAY_FS): %w", err)
	}
	if err != nil {
		return fmt.Errorf("mount overlay on %s: %w", target, err)
	}
	return nil
}

func makeUpper(lower []string, upper, work string) error {
	if len(lower) == 0 {
		return errors.New("mount overlay: no layer given")
	}
	if err := os.Mkdir(work, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	err := os.Mkdir(upper, 0o700)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(lower[0], &st); err != nil {
		return fmt.Errorf("look up layer %s: %w", lower[0], err)
	}
	if err := os.Chown(upper, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	return unix.Chmod(upper, st.Mode&0o7777)
}

// ownContent has the writable layer hold all of what it changes, whatever the
// kernel's defaults are: with redirect_dir a renamed directory is a pointer to the
// one below, with metacopy a file whose mode was changed has no content. Commit
// and export read that layer by itself.
var ownContent = [][2]string{{"redirect_dir", "off"}, {"metacopy", "off"}}

var errNoLowerdirPlus = errors.New("overlay without lowerdir+")

func fsopenOverlay(target string, lower []string, upper, work string) error {
	fs, err := configureOverlay(lower)
	if err != nil {
		return err
	}
	defer unix.Close(fs)
	for _, o := range [][2]string{{"upperdir", upper}, {"workdir", work}} {
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil {
			return fmt.Errorf("set %s=%s: %w", o[0], o[1], err)
		}
	}
	for _, o := range ownContent {
		// A kernel that does not know the option does not do what it turns off.
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("set %s=%s: %w", o[0], o[1], err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return err
	}
	mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(mnt)
	return unix.MoveMount(mnt, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// configureOverlay opens a file system context with the layers in it.
func configureOverlay(lower []string) (fs int, err error) {
	fs, err = unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) {
		return -1, errNoLowerdirPlus
	}
	if err != nil {
		return -1, fmt.Errorf("open overlay: %w", err)
	}
	if unix.FsconfigSetString(fs, "lowerdir+", "") == nil {
		// An overlay without a parser of its own for fsconfig(2), as before 6.5,
		// takes anything here, and would refuse it, and log that, at the end.
		unix.Close(fs)
		return -1, errNoLowerdirPlus
	}
	err = unix.FsconfigSetString(fs, "source", "overlay")
	for _, dir := range lower {
		if err != nil {
			break
		}
		if err = unix.FsconfigSetString(fs, "lowerdir+", dir); errors.Is(err, unix.EINVAL) {
			err = errNoLowerdirPlus // mount(2) tells whether that was all
		} else if err != nil {
			err = fmt.Errorf("add layer %s: %w", dir, err)
		}
	}
	if err != nil {
		unix.Close(fs)
		return -1, err
	}
	return fs, nil
}

// optionsOverlay is for kernels before 6.5. The options must fit one page
// (mount(2)): /proc/self/fd/N is the shortest name that a directory has
// wherever the caller stands.
func optionsOverlay(target string, lower []string, upper, work string) error {
	var dirs []string
	for _, dir := range lower {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open layer %s: %w", dir, err)
		}
		defer unix.Close(fd)
		dirs = append(dirs, fmt.Sprintf("/proc/self/fd/%d", fd))
	}
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`)
	options := "lowerdir=" + strings.Join(dirs, ":")
	if upper != "" {
		options += ",upperdir=" + escape.Replace(upper) + ",workdir=" + escape.Replace(work)
	}
	if upper != "" {
		own := options
		for _, o := range ownContent {
			own += "," + o[0] + "=" + o[1]
		}
		if len(own) < os.Getpagesize() {
			// Before Linux 4.19 there is no metacopy, and mount(2) refuses its name.
			if err := unix.Mount("overlay", target, "overlay", 0, own); !errors.Is(err, unix.EINVAL) {
				return err
			}
		}
	}
	if len(options) >= os.Getpagesize() {
		return fmt.Errorf("%d layers are too many for this kernel", len(lower))
	}
	return unix.Mount("overlay", target, "overlay", 0, options)
}
