package lab

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MountRoot puts the host's root directory on a small file system of its own.
func (h *Host) MountRoot(options string) {
	h.t.Helper()
	err := os.MkdirAll(h.Root, 0o755)
	if err == nil {
		err = unix.Mount(labMount, h.Root, "tmpfs", 0, options)
	}
	if err != nil {
		h.t.Fatalf("mount a file system on %s: %v", h.Root, err)
	}
	// Cleanups run last in, first out, and the host's must find the file system.
	h.unmount = func() {
		if err := unix.Unmount(h.Root, unix.MNT_DETACH); err != nil {
			h.t.Errorf("unmount %s: %v", h.Root, err)
		}
	}
}

// RemountRoot changes the file system's options: size=…, ro or rw.
func (h *Host) RemountRoot(options string) {
	h.t.Helper()
	flags := uintptr(unix.MS_REMOUNT)
	if options == "ro" {
		flags |= unix.MS_RDONLY
	}
	data := ""
	if strings.Contains(options, "=") {
		data = options
	}
	if err := unix.Mount(labMount, h.Root, "tmpfs", flags, data); err != nil {
		h.t.Fatalf("remount %s with %s: %v", h.Root, options, err)
	}
}

// MoveTo gives the host new directories, below one with this name.
func (h *Host) MoveTo(name string) {
	h.t.Helper()
	if err := os.Mkdir(filepath.Join(h.dir, name), 0o755); err != nil {
		h.t.Fatal(err)
	}
	h.useDirs(filepath.Join(h.dir, name, "root"), filepath.Join(h.dir, name, "state"))
}
