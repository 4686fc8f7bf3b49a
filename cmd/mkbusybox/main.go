// Command mkbusybox makes the busybox image that mvrun has built in, from a
// static busybox binary: an OCI image layout of one layer. The output depends
// on the binary's bytes and modification time alone (or on SOURCE_DATE_EPOCH),
// byte for byte.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	binary := flag.String("busybox", "/bin/busybox", "the static `binary` (Debian: package busybox-static)")
	out := flag.String("o", "image/embedded", "the `directory` to write, replaced as a whole")
	flag.Parse()
	if err := run(*binary, *out); err != nil {
		fmt.Fprintln(os.Stderr, "mkbusybox:", err)
		os.Exit(1)
	}
}

func run(binary, out string) error {
	content, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read the busybox binary: %w (Debian: apt-get install busybox-static)", err)
	}
	arch, err := architecture(binary)
	if err != nil {
		return err
	}
	when, err := buildTime(binary)
	if err != nil {
		return err
	}
	applets, err := listApplets(binary)
	if err != nil {
		return err
	}
	layer, err := tarball(content, applets, when)
	if err != nil {
		return fmt.Errorf("make layer: %w", err)
	}
	return writeLayout(out, layer, arch, when)
}

// buildTime is when the image says it was made: SOURCE_DATE_EPOCH
// (reproducible-builds.org) or the binary's own time, which is the package's.
func buildTime(binary string) (time.Time, error) {
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		sec, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("read SOURCE_DATE_EPOCH: %w", err)
		}
		return time.Unix(sec, 0).UTC(), nil
	}
	fi, err := os.Stat(binary)
	if err != nil {
		return time.Time{}, err
	}
	return fi.ModTime().UTC().Truncate(time.Second), nil
}

// listApplets returns the paths that busybox would install itself to, without
// the leading slash, sorted.
func listApplets(binary string) ([]string, error) {
	list, err := exec.Command(binary, "--list-full").Output()
	if err != nil {
		return nil, fmt.Errorf("list applets of %s: %w", binary, err)
	}
	applets := strings.Fields(string(list))
	if len(applets) < 100 {
		return nil, fmt.Errorf("list applets of %s: %d are too few to be a whole busybox", binary, len(applets))
	}
	slices.Sort(applets)
	return applets, nil
}
