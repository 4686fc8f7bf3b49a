package runtime

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// LookupUser finds a user[:group] in the root file system's own passwd and
// group files; names that are not there are errors, numbers need not be.
// rootfs may be /proc/<pid>/root. The files are opened inside of it whatever
// symbolic links the image has in their place.
func LookupUser(rootfs, name string, groups []string) (specs.User, error) {
	passwd, err := openInRoot(rootfs, "etc/passwd")
	if err != nil {
		return specs.User{}, err
	}
	defer passwd.Close()
	group, err := openInRoot(rootfs, "etc/group")
	if err != nil {
		return specs.User{}, err
	}
	defer group.Close()
	found, err := user.GetExecUser(name, &user.ExecUser{}, passwd, group)
	if err != nil {
		return specs.User{}, fmt.Errorf("find user %q in the image: %w", name, err)
	}
	u := specs.User{UID: uint32(found.Uid), GID: uint32(found.Gid)}
	gids := found.Sgids
	if len(groups) > 0 {
		again, err := openInRoot(rootfs, "etc/group")
		if err != nil {
			return specs.User{}, err
		}
		defer again.Close()
		added, err := user.GetAdditionalGroups(groups, again)
		if err != nil {
			return specs.User{}, fmt.Errorf("find --group-add in the image: %w", err)
		}
		gids = append(gids, added...)
	}
	// The primary group is a supplementary one too (CVE-2022-36109).
	for _, gid := range append([]int{found.Gid}, gids...) {
		u.AdditionalGids = append(u.AdditionalGids, uint32(gid))
	}
	return u, nil
}

// openInRoot opens a regular file below root, whatever symbolic links are on
// the way (openat2(2), RESOLVE_IN_ROOT). What is missing, or is no regular
// file, reads as empty: a device or a fifo is not opened.
func openInRoot(root, path string) (io.ReadCloser, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	fd, err := unix.Openat2(dir, path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return os.Open(os.DevNull)
	}
	if err != nil {
		return nil, fmt.Errorf("open /%s of the image: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return os.Open(os.DevNull)
	}
	return os.Open("/proc/self/fd/" + strconv.Itoa(fd))
}
