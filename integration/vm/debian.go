package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// debianPackages are what the tests call inside the machines, besides the
// smallest Debian.
var debianPackages = []string{
	"systemd-sysv", "dbus", "iproute2", "iputils-ping", "tcpdump", "iperf3", "e2fsprogs", "procps", "nftables", "dnsmasq-base", "apparmor",
}

// diskSize of the root file system: room for the packages and for images.
const diskSize = "1536M"

// FetchDebian returns a file system image with Debian in it, made once.
func FetchDebian(c Cache) (string, error) {
	release, err := hostRelease()
	if err != nil {
		return "", err
	}
	return c.Get("debian-"+release, append(debianPackages, diskSize, "3"), func(path string) error {
		return makeDebian(release, path)
	})
}

// hostRelease is the host's Debian release: its kernel is the one that apt
// finds.
func hostRelease() (string, error) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "VERSION_CODENAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"`), nil
		}
	}
	return "", fmt.Errorf("find the Debian release: no VERSION_CODENAME in /etc/os-release")
}

func makeDebian(release, path string) error {
	root, err := os.MkdirTemp("", "mvrun-debian-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	_, err = command("debootstrap", "--variant=minbase", "--include="+strings.Join(debianPackages, ","), release, root)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, logOf(root))
	}
	if err := slim(root); err != nil {
		return err
	}
	_, err = command("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", root, path, diskSize)
	return err
}

// slim takes away what only costs space and start time.
func slim(root string) error {
	for _, pattern := range []string{
		"var/cache/apt/archives/*.deb", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*",
		"etc/systemd/system/timers.target.wants/*", "etc/systemd/system/sysinit.target.wants/apparmor.service", "etc/resolv.conf", "etc/machine-id",
	} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(root, "etc/resolv.conf"), nil, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "etc/machine-id"), nil, 0o444)
}

func logOf(root string) string {
	text, _ := os.ReadFile(filepath.Join(root, "debootstrap/debootstrap.log"))
	return lastLines(string(text), 20)
}
