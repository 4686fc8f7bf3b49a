package runtime

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"
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

// openInRoot opens a regular file, or an empty one when it is missing.
func openInRoot(root, path string) (io.ReadCloser, error) {
	handle, err := pathrs.OpenInRoot(root, path)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Open(os.DevNull)
	}
	if err != nil {
		return nil, fmt.Errorf("open /%s of the image: %w", path, err)
	}
	defer handle.Close()
	if info, err := handle.Stat(); err != nil || !info.Mode().IsRegular() {
		return os.Open(os.DevNull) // a fifo would block for ever
	}
	return pathrs.Reopen(handle, os.O_RDONLY)
}
