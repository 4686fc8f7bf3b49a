package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/mvrun/mvrun/integration/pace"
)

// kernelPackage is Debian's kernel without drivers for hardware. It depends on
// the package of the version that is current.
const kernelPackage = "linux-image-cloud-amd64"

// Kernel is an unpacked kernel package.
type Kernel struct {
	Image   string // vmlinuz
	Modules string // lib/modules/<release>
}

// FetchKernel returns Debian's current kernel, downloaded once and not
// installed.
func FetchKernel(c Cache) (Kernel, error) {
	name, err := kernelVersion()
	if err != nil {
		return Kernel{}, err
	}
	dir, err := c.Get("kernel", []string{name}, func(path string) error { return unpackPackage(name, path) })
	if err != nil {
		return Kernel{}, err
	}
	image, err := one(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err != nil {
		return Kernel{}, err
	}
	modules, err := one(filepath.Join(dir, "lib/modules", "*"))
	return Kernel{image, modules}, err
}

var dependsOnImage = regexp.MustCompile(`(?m)^Depends: (linux-image-[^ ,]+) \(= ([^)]+)\)`)

// kernelVersion is the package and version behind kernelPackage, for
// apt-get: "name=version".
func kernelVersion() (string, error) {
	text, err := command("apt-cache", "show", "--no-all-versions", kernelPackage)
	if err != nil { // a fresh machine has no lists yet
		if _, err := command("apt-get", "update", "-qq"); err != nil {
			return "", err
		}
		if text, err = command("apt-cache", "show", "--no-all-versions", kernelPackage); err != nil {
			return "", err
		}
	}
	return imageOf(text)
}

func imageOf(show string) (string, error) {
	m := dependsOnImage.FindStringSubmatch(show)
	if m == nil {
		return "", fmt.Errorf("find the kernel behind %s: no such dependency in %q", kernelPackage, show)
	}
	return m[1] + "=" + m[2], nil
}

// unpackPackage downloads a Debian package and unpacks its files below path.
func unpackPackage(name, path string) error {
	dir, err := os.MkdirTemp("", "mvrun-package-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	download := exec.Command("apt-get", "download", "-qq", name)
	download.Dir = dir
	if out, err := download.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", download.Args, err, out)
	}
	deb, err := one(filepath.Join(dir, "*.deb"))
	if err != nil {
		return err
	}
	_, err = command("dpkg-deb", "-x", deb, path)
	return err
}

// one is the one file that fits the pattern.
func one(pattern string) (string, error) {
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%s: %d files, 1 is wanted", pattern, len(found))
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// toolTime bounds the programs that make what the machines are made of.
const toolTime = 10 * time.Minute

// command runs a program of the host and returns its standard output.
func command(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pace.Within(toolTime))
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, lastLines(string(exit.Stderr), 10))
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(out), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
