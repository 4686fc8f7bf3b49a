// Command bundle writes an OCI bundle for the low-level runtimes of the
// benchmark: Debian's busybox as root file system, and a configuration with
// Docker's default capabilities, masked paths and seccomp profile, so that
// runc and crun do the work that mvrun does, less the network.
//
//	bundle DIR [native|all] COMMAND [ARG…]
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/profiles/seccomp"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: bundle DIR native|all COMMAND [ARG…]")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func write(dir, architectures string, command []string) error {
	if err := writeRoot(filepath.Join(dir, "rootfs")); err != nil {
		return err
	}
	spec := defaults(command)
	filter, err := seccomp.GetDefaultProfile(spec)
	if err != nil {
		return fmt.Errorf("read Docker's seccomp profile: %w", err)
	}
	if architectures == "native" {
		filter.Architectures = filter.Architectures[:1]
	}
	spec.Linux.Seccomp = filter
	data, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644)
}

// writeRoot links every applet to a copy of busybox.
func writeRoot(root string) error {
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp", "root"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return err
		}
	}
	list, err := exec.Command("/bin/busybox", "--list").Output()
	if err != nil {
		return fmt.Errorf("list the applets of busybox-static: %w", err)
	}
	if err := copyFile(filepath.Join(root, "bin", "busybox"), "/bin/busybox"); err != nil {
		return err
	}
	for _, applet := range strings.Fields(string(list)) {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", applet)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
