package images

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// debian returns a gzipped tarball of the smallest Debian of the machine's
// release, with its packages still in /var/cache/apt/archives. It is made once,
// in the directory that MVRUN_TEST_CACHE names, else in .cache beside this file.
func debian(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MVRUN_TEST_CACHE")
	if dir == "" {
		dir = ".cache"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	release := output(t, "sh", "-c", `. /etc/os-release && echo "$VERSION_CODENAME"`)
	tarball := filepath.Join(dir, "debian-minbase-"+release+".tar.gz")
	if _, err := os.Stat(tarball); err == nil {
		return tarball
	}
	bootstrap := program(t, "debootstrap", "debootstrap")
	scratch, err := os.MkdirTemp(dir, "scratch-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(scratch)
	root := filepath.Join(scratch, "root")
	output(t, bootstrap, "--variant=minbase", release, root)
	output(t, "sh", "-c", fmt.Sprintf("tar --numeric-owner --xattrs -C %s -c . | gzip -1 >%s/tar.gz", root, scratch))
	if err := os.Rename(scratch+"/tar.gz", tarball); err != nil {
		t.Fatal(err)
	}
	return tarball
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// everyFile prints what there is to say about each file of a tree but its
// content, which dpkg --verify checks. Left out are what mvrun mounts and whose
// modes, sizes and times a container may have its own of.
const everyFile = `cd "$0" && LC_ALL=C find . -xdev \( -path ./dev -o -path ./proc -o -path ./sys \) -prune -o \
	! -path . ! -path ./etc ! -path ./etc/hosts ! -path ./etc/hostname ! -path ./etc/resolv.conf \
	-printf '%p %y %m %U:%G %n %T@ %l\n' | sort`

// A whole Debian on the way that images go: three layers, with what the second
// deletes and the third brings back, to a real registry, from there to another
// host, and there every package's database entry, file mode and checksum.
func TestDebian(t *testing.T) {
	tarball := debian(t)
	h := host(t)
	startRegistry(t, h)
	h.OK("import", "-c", `CMD ["bash"]`, "-c", "ENV DEBIAN_FRONTEND=noninteractive LC_ALL=C", tarball, "debian:base")
	sameTree(t, tarball, in(h, "debian:base", "sh", "-c", everyFile, "/"))

	commit := func(from, to, script string) {
		t.Helper()
		h.OK("run", "--name", "build", "--network", "none", from, "sh", "-ec", script)
		h.OK("commit", "-c", `CMD ["bash"]`, "build", to)
		h.OK("rm", "build")
	}
	commit("debian:base", "debian:less", `
		dpkg --purge tzdata; test ! -e /usr/share/zoneinfo/UTC; mkdir /srv/d; echo old >/srv/d/old`)
	commit("debian:less", local+"/lab/debian:full", `
		dpkg -i /var/cache/apt/archives/tzdata_*.deb; rm /var/cache/apt/archives/*.deb
		rm -r /srv/d; mkdir /srv/d; echo new >/srv/d/new`)
	h.OK("push", local+"/lab/debian:full")

	h.MoveTo("elsewhere")
	image := local + "/lab/debian:full"
	h.OK("pull", image)
	if got := h.OK("image", "inspect", "-f", "{{len .RootFS.Layers}}", image); got != "3" {
		t.Errorf("%s layers, 3 were pushed", got)
	}
	for _, check := range []string{"dpkg --audit", "dpkg --verify"} {
		if got := in(h, image, "sh", "-c", check+" 2>&1"); got != "" {
			t.Errorf("%s: %s", check, got)
		}
	}
	installed := in(h, image, "sh", "-c", "dpkg -l | grep -c '^ii '")
	if want := output(t, "sh", "-c", "tar -xzOf "+tarball+" ./var/lib/dpkg/status | grep -c '^Status: install ok installed'"); installed != want {
		t.Errorf("dpkg -l knows %s packages, %s were installed", installed, want)
	}
	for command, want := range map[string]string{
		"stat -c '%a %U:%G' /usr/bin/passwd /usr/bin/chage /tmp":   "4755 root:root\n2755 root:shadow\n1777 root:root",
		"find /var/cache/apt/archives -name '*.deb'; ls /srv/d":    "new",
		"test -s /usr/share/zoneinfo/UTC && echo there":            "there",
		"su nobody -s /bin/sh -c 'id -un; cat /etc/shadow || :'":   "nobody",
		"perl -e 'print 6 * 7'":                                    "42",
		"apt-get --version | head -n 1 | cut -d' ' -f1":            "apt",
		"readlink /bin; cat /etc/debian_version | grep -c '[0-9]'": "usr/bin\n1",
	} {
		if got := in(h, image, "sh", "-c", command+" 2>/dev/null"); got != want {
			t.Errorf("%s: %q, %q is wanted", command, got, want)
		}
	}
	h.OK("rmi", image)
	if left, _ := filepath.Glob(filepath.Join(h.Root, "layers", "*")); len(left) > 0 {
		t.Errorf("layers are left of no image: %q", left)
	}
}

// sameTree compares with what GNU tar makes of the tarball.
func sameTree(t *testing.T, tarball, got string) {
	t.Helper()
	dir := t.TempDir()
	output(t, "tar", "--numeric-owner", "--xattrs", "-C", dir, "-xzf", tarball)
	want := output(t, "sh", "-c", everyFile, dir)
	if diff := cmp.Diff(seconds(want), seconds(got)); diff != "" {
		t.Errorf("the tree is another than GNU tar's (-want +got):\n%s", diff)
	}
}

// seconds cuts the fractions that the tarball has not.
func seconds(tree string) []string {
	lines := strings.Split(strings.TrimSpace(tree), "\n")
	for i, line := range lines {
		fields := strings.Split(line, " ")
		for j, f := range fields {
			if whole, _, ok := strings.Cut(f, ".0000000000"); ok {
				fields[j] = whole
			}
		}
		lines[i] = strings.Join(fields, " ")
	}
	slices.Sort(lines)
	return lines
}
