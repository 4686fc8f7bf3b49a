package images

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/mvrun/mvrun/integration/lab"
)

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`) // proc(5)

// peak runs mvrun, which must succeed, and returns the most memory that it had
// resident, in KiB. It looks again and again: what wait4(2) tells begins with the
// memory of the process that forked it, here the test.
func peak(t *testing.T, h *lab.Host, args ...string) (kib int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lab.Within(time.Minute))
	defer cancel()
	var out bytes.Buffer
	cmd := h.Command(ctx, lab.Program(), args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if m := highWater.FindSubmatch(status); m != nil {
			kib, _ = strconv.Atoi(string(m[1]))
		}
		select {
		case err := <-ended:
			if err != nil || kib == 0 {
				t.Fatalf("%v: %v, peak of %d KiB\n%s", args, err, kib, &out)
			}
			return kib
		case <-time.After(time.Millisecond):
		}
	}
}

// manyFiles is a layer of a directory with n empty files.
func manyFiles(t *testing.T, n int) blob {
	t.Helper()
	var l []tar.Header
	for i := range n {
		l = append(l, tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("usr/share/directory/file%06d", i)})
	}
	data := tarOf(t, l...)
	return newBlob(gzipped(data), hashOf(data))
}

// archived writes the image as docker save does, and its one layer as a tarball.
func archived(t *testing.T, layer blob) (image, tree string) {
	t.Helper()
	dir := t.TempDir()
	image, tree = filepath.Join(dir, "image.tar"), filepath.Join(dir, "tree.tar")
	ref, err := name.ParseReference("loaded:1")
	if err == nil {
		err = tarball.WriteToFile(image, ref, imageOf(t, layer))
	}
	if err != nil {
		t.Fatal(err)
	}
	packed, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(packed)
	if err == nil {
		err = os.WriteFile(tree, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return image, tree
}

// The memory that a layer takes on its way is the same for a small one, for one
// with a big file, and for one with many.
func TestMemoryDoesNotGrowWithTheLayer(t *testing.T) {
	h := host(t)
	h.MountRoot("size=400m")
	reg := startFake(t, h.Netns, local)
	peaks := func(layer blob) map[string]int {
		reg.push(t, "layer", imageOf(t, layer))
		image, tree := archived(t, layer)
		took := map[string]int{}
		for _, args := range [][]string{{"pull", "-q", local + "/layer"}, {"load", "-i", image}, {"import", tree, "tree"}} {
			took[args[0]] = peak(t, h, args...)
			h.Sh(fmt.Sprintf("%s image rm -f $(%[1]s images -q) && %[1]s image prune -af", lab.Program()))
		}
		return took
	}
	small := peaks(manyFiles(t, 2_000))
	for name, layer := range map[string]blob{"a big file": zeros(t, 100<<20), "many files": manyFiles(t, 50_000)} {
		for command, kib := range peaks(layer) {
			// Two runs of a program differ by some 1 MB.
			if kib > small[command]+3<<10 {
				t.Errorf("%s of %s: %d KiB, of little %d KiB", command, name, kib, small[command])
			}
		}
	}
}
