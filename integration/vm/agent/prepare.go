package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The places in the initramfs.
const (
	modulesDir = "/modules"        // with the file order, one name a line
	payloadDir = "/payload"        // copied over the root file system
	newRoot    = "/root"           // where that one is mounted
	agentPath  = "/usr/sbin/agent" // of ourselves in it
	rootDevice = "/dev/vda"
)

// prepare is the initramfs's work. It ends in the machine's init.
func prepare() error {
	if err := mountAll([]mount{
		{"proc", "/proc", "proc", 0, ""},
		{"sysfs", "/sys", "sysfs", 0, ""},
		{"devtmpfs", "/dev", "devtmpfs", 0, ""},
	}); err != nil {
		return err
	}
	params := parameters() // only now there is a /proc to read them from
	if err := loadModules(); err != nil {
		return err
	}
	if params["nics"] != "late" {
		if err := nameNICs(); err != nil {
			return err
		}
	}
	if err := waitFor(rootDevice); err != nil {
		return err
	}
	if err := mountAll([]mount{{rootDevice, newRoot, "ext4", unix.MS_NOATIME, ""}}); err != nil {
		return err
	}
	if err := copyTree(payloadDir, newRoot); err != nil {
		return err
	}
	os.RemoveAll(payloadDir) // it takes memory
	os.RemoveAll(modulesDir)
	return handOver(params["init"], params["name"])
}

func loadModules() error {
	order, err := os.ReadFile(filepath.Join(modulesDir, "order"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(order)) {
		name, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		f, err := os.Open(filepath.Join(modulesDir, name))
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(f.Fd()), params, 0)
		f.Close()
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("load module %s: %w", name, err)
		}
	}
	return nil
}

// deviceTime is long enough for any machine: who started it has a deadline of its
// own, which fits the host.
const deviceTime = 5 * time.Minute

// waitFor waits for a device that a driver is still finding.
func waitFor(path string) error {
	for deadline := time.Now().Add(deviceTime); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || time.Now().After(deadline) {
			return err
		}
	}
}

// handOver makes the root file system the root, as switch_root(8) does, and
// becomes the machine's init.
func handOver(init, name string) error {
	if name != "" {
		if err := unix.Sethostname([]byte(name)); err != nil {
			return err
		}
		if err := os.WriteFile(newRoot+"/etc/hostname", []byte(name+"\n"), 0o644); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		if err := unix.Mount(dir, newRoot+dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", dir, err)
		}
	}
	if err := os.Chdir(newRoot); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if init == "" {
		init = agentPath
	}
	return fmt.Errorf("start %s: %w", init, unix.Exec(init, []string{init}, environment))
}
