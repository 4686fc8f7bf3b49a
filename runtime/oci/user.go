package oci

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/user"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/sharedfile"
)

// User is who a process in a container runs as.
type User struct {
	specs.User
	Home string // never empty: libcontainer would look for it itself, and wait on what it finds
}

// Tree is where the files of a container are, for who opens one from outside:
// its root file system, which the image and the container made, and what the
// user mounts over that.
type Tree struct {
	Root    string // may be /proc/<pid>/root
	Mounts  []container.Mount
	Volumes map[string]string // volume name to host path
}

// lookupTime is how long a look into passwd and group may take: what the user
// has mounted there may be a file system that does not answer.
const lookupTime = 10 * time.Second

// LookupUser finds a user[:group] in the container's own passwd and group
// files; names that are not there are errors, numbers need not be. It takes 10 s
// at most, whatever the image or the container has made of these files.
func LookupUser(tree Tree, name string, groups []string) (User, error) {
	type answer struct {
		user User
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		u, err := lookupUser(tree, name, groups)
		done <- answer{u, err}
	}()
	select {
	case a := <-done:
		return a.user, a.err
	case <-time.After(lookupTime):
		return User{}, fmt.Errorf("find user %q in the container: its /etc/passwd or /etc/group does not answer", name)
	}
}

func lookupUser(tree Tree, name string, groups []string) (User, error) {
	passwd, err := tree.open("/etc/passwd")
	if err != nil {
		return User{}, err
	}
	defer passwd.Close()
	group, err := tree.open("/etc/group")
	if err != nil {
		return User{}, err
	}
	defer group.Close()
	found, err := user.GetExecUser(name, &user.ExecUser{Home: "/"}, bounded(passwd), bounded(group))
	if err != nil {
		return User{}, fmt.Errorf("find user %q in the image: %w", name, err)
	}
	u := User{User: specs.User{UID: uint32(found.Uid), GID: uint32(found.Gid)}, Home: home(found.Home)}
	gids := found.Sgids
	if len(groups) > 0 {
		again, err := tree.open("/etc/group")
		if err != nil {
			return User{}, err
		}
		defer again.Close()
		added, err := user.GetAdditionalGroups(groups, bounded(again))
		if err != nil {
			return User{}, fmt.Errorf("find additional groups in the image: %w", err)
		}
		gids = append(gids, added...)
	}
	// The primary group is a supplementary one too (CVE-2022-36109).
	for _, gid := range append([]int{found.Gid}, gids...) {
		u.AdditionalGids = append(u.AdditionalGids, uint32(gid))
	}
	return u, nil
}

// home is a home directory as an environment can have it.
func home(said string) string {
	if said == "" || strings.ContainsRune(said, 0) {
		return "/"
	}
	return said
}

// maxLookup is how many bytes of passwd and group are read.
const maxLookup = 16 << 20

func bounded(r io.Reader) io.Reader { return io.LimitReader(r, maxLookup) }

// open opens a regular file of the container's. What is missing, or is no
// regular file on the file system where it should be, reads as empty; so does
// one on which a program has a lease.
func (t Tree) open(path string) (io.ReadCloser, error) {
	fd, err := t.find(path)
	for _, none := range []error{fs.ErrNotExist, unix.ENOTDIR, unix.ELOOP, unix.EXDEV} {
		if errors.Is(err, none) {
			return os.Open(os.DevNull)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s of the container: %w", path, err)
	}
	defer unix.Close(fd)
	// A container's root need not be its file system's: a chroot(2) to /proc will do.
	if ofKernel(fd) {
		return os.Open(os.DevNull)
	}
	f, err := sharedfile.Reopen(fd, path)
	if errors.Is(err, sharedfile.ErrIrregular) || errors.Is(err, sharedfile.ErrHeld) {
		return os.Open(os.DevNull)
	}
	return f, err
}

// find returns an O_PATH descriptor of the file. Symbolic links lead neither out
// of the container nor, as one to /proc/kmsg would, to another file system in
// it (openat2(2)).
func (t Tree) find(path string) (fd int, err error) {
	root, inside := t.Root, path
	deepest := ""
	for _, m := range t.Mounts {
		dst := cleanDestination(m.Destination)
		rest, below := strings.CutPrefix(path, strings.TrimSuffix(dst, "/"))
		if !below || rest != "" && rest[0] != '/' || len(dst) < len(deepest) {
			continue
		}
		deepest, inside = dst, rest
		switch m.Type {
		case "bind":
			root = m.Source
		case "volume":
			root = t.Volumes[m.Name]
		default:
			return -1, fs.ErrNotExist // a tmpfs: empty at first
		}
	}
	if inside == "" { // the file itself, which the user named
		return unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
	}
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	return unix.Openat2(dir, filepath.Clean(inside)[1:], &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	})
}

// ofKernel tells whether the file is one that the kernel makes up as it is read:
// root outside may read more of those than root inside, and a read may wait, or
// act.
func ofKernel(fd int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil {
		return true
	}
	switch fs.Type {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC:
		return true
	}
	return false
}
