package images

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/integration/lab"
)

// bulky is an image that takes a while: a busybox and three layers of 300 files
// with 6 MB of noise each.
func bulky(t *testing.T, h *lab.Host) v1.Image {
	t.Helper()
	layers := []v1.Layer{busybox(h)}
	for i := range 3 {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		noise := rand.NewChaCha8([32]byte{byte(i)})
		for j := range 300 {
			content := make([]byte, 20_000)
			_, _ = noise.Read(content)
			_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("l%d/f%d", i, j), Mode: 0o644, Size: int64(len(content))})
			_, _ = w.Write(content)
		}
		_ = w.Close()
		layers = append(layers, newBlob(gzipped(b.Bytes()), hashOf(b.Bytes())))
	}
	return imageOf(t, layers...)
}

// bulkyEverywhere puts the bulky image into a registry and into an archive, and
// leaves it in the store under the registry's name.
func bulkyEverywhere(t *testing.T, h *lab.Host) (reg *fake, archive string) {
	t.Helper()
	reg = startFake(t, h.Netns, local)
	reg.push(t, "bulky", bulky(t, h))
	h.OK("pull", "-q", local+"/bulky")
	archive = filepath.Join(t.TempDir(), "bulky.tar")
	h.OK("save", "-o", archive, local+"/bulky")
	return reg, archive
}

// isBulky runs the image and counts what is in it.
func isBulky(t *testing.T, h *lab.Host, image string) {
	t.Helper()
	if got := in(h, image, "sh", "-c", "cat /l?/f* | wc -c"); got != "18000000" {
		t.Errorf("the image holds %s of 18000000 bytes", got)
	}
}

// tidy says that nothing is half-made, but for downloads that can be gone on with.
func tidy(t *testing.T, h *lab.Host, when string) {
	t.Helper()
	for _, pattern := range []string{"layers/.*", "images/ingest/.*", "images/*.tmp*"} {
		if found, _ := filepath.Glob(filepath.Join(h.Root, pattern)); len(found) > 0 {
			t.Errorf("%s: left over: %q", when, found)
		}
	}
	if r := h.Mvrun("image", "fsck"); r.Code != 0 {
		t.Errorf("%s: %v", when, r)
	}
}

// Whenever a pull or a load is killed, in the middle of a download, of a layer's
// unpacking or between: the same command again succeeds, the image is whole, and
// after its removal nothing is there.
func TestKilledWhileUnpacking(t *testing.T) {
	h := host(t)
	reg, archive := bulkyEverywhere(t, h)
	forget(h)
	reg.fault = reg.slowly
	for _, args := range [][]string{{"pull", "-q", local + "/bulky"}, {"load", "-i", archive}, {"run", "--rm", "--network", "none", "-q", local + "/bulky", "/bin/true"}} {
		t.Run(args[0], func(t *testing.T) {
			whole := h.Mvrun(args...).Took
			forget(h)
			halves := 0
			for i := range 6 {
				killAfter(t, h, whole*time.Duration(i+1)/7, args...)
				half, _ := filepath.Glob(filepath.Join(h.Root, "layers/.*.tmp"))
				halves += len(half)
				if i%2 == 0 { // every other time, what was left is found by a clean-up
					forget(h)
					tidy(t, h, "after image prune")
				}
				if r := h.Mvrun(args...); r.Code != 0 {
					t.Fatalf("killed at %d/7, then: %v", i+1, r)
				}
				isBulky(t, h, local+"/bulky")
				tidy(t, h, fmt.Sprintf("killed at %d/7, then done", i+1))
				forget(h)
			}
			if halves == 0 {
				t.Error("no kill met a layer that was being unpacked: this proves nothing")
			}
			h.OK("container", "prune", "-f")
		})
	}
	if left := h.Sh("find " + h.Root + "/layers " + h.Root + "/images/blobs " + h.Root + "/images/ingest -mindepth 1 ! -name sha256"); left != "" {
		t.Errorf("left of no image:\n%s", left)
	}
}

// Whenever an rmi is killed, the image is there and whole, or it is gone; and what
// is left of it goes with the next that removes something.
func TestKilledWhileRemoving(t *testing.T) {
	h := host(t)
	archive := filepath.Join(t.TempDir(), "bulky.tar")
	ref, err := name.NewTag("bulky:1")
	if err == nil {
		err = tarball.WriteToFile(archive, ref, bulky(t, h))
	}
	if err != nil {
		t.Fatal(err)
	}
	forget(h) // the busybox that is in it
	h.OK("load", "-q", "-i", archive)
	whole := h.Mvrun("rmi", "bulky:1").Took
	gone := 0
	for i := range 12 {
		h.OK("load", "-q", "-i", archive)
		killAfter(t, h, whole*time.Duration(i+1)/13, "rmi", "bulky:1")
		if h.OK("images", "-q", "bulky") == "" {
			gone++
			h.Refused(1, `bulky:1`, "rmi", "bulky:1")
			h.OK("load", "-q", "-i", archive)
		}
		isBulky(t, h, "bulky:1")
		h.OK("rmi", "bulky:1")
		tidy(t, h, fmt.Sprintf("killed at %d/13, then removed", i+1))
		if left := h.Sh("find " + h.Root + "/layers " + h.Root + "/images/blobs " + h.Root + "/images/ingest -mindepth 1 ! -name sha256"); left != "" {
			t.Fatalf("killed at %d/13, then removed, and left:\n%s", i+1, left)
		}
	}
	if gone == 0 {
		t.Error("no kill came after the image had lost its name: this proves little")
	}
}

func killAfter(t *testing.T, h *lab.Host, after time.Duration, args ...string) {
	t.Helper()
	cmd := h.Command(context.Background(), lab.Program(), args...)
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// Ctrl-C in the middle: the code of a shell's, one line at most, no half layer,
// and what was downloaded is not fetched again.
func TestInterruptedPull(t *testing.T) {
	h := host(t)
	reg := startFake(t, h.Netns, local)
	reg.push(t, "bulky", bulky(t, h))
	reg.fault = reg.slowly
	cmd := h.Command(context.Background(), lab.Program(), "pull", "-q", local+"/bulky")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	h.Eventually("a layer is being unpacked", func() bool {
		half, _ := filepath.Glob(filepath.Join(h.Root, "layers/.*.tmp/*"))
		return len(half) > 0
	})
	_ = cmd.Process.Signal(unix.SIGINT)
	_ = cmd.Wait()
	if code := lab.ExitCode(cmd); code == 0 || strings.Count(stderr.String(), "\n") > 1 {
		t.Errorf("exit code %d, stderr: %s", code, stderr.String())
	}
	tidy(t, h, "after Ctrl-C")
	if part, _ := filepath.Glob(filepath.Join(h.Root, "images/ingest/*")); len(part) == 0 {
		t.Error("nothing is left to go on from")
	}
	h.OK("pull", "-q", local+"/bulky")
	isBulky(t, h, local+"/bulky")
}

// Ctrl-C also ends what waits for a pipe that nobody fills.
func TestInterruptedPipe(t *testing.T) {
	for _, args := range [][]string{{"load"}, {"import", "-", "piped:1"}} {
		t.Run(args[0], func(t *testing.T) {
			h := host(t)
			twoLayers(h)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			cmd := h.Command(context.Background(), lab.Program(), args...)
			var stderr bytes.Buffer
			cmd.Stdin, cmd.Stderr = r, &stderr
			if err := h.Start(cmd); err != nil {
				t.Fatal(err)
			}
			r.Close()
			if _, err := w.Write(make([]byte, 100)); err != nil { // less than a header
				t.Fatal(err)
			}
			h.Eventually("it reads", func() bool {
				scratch, _ := filepath.Glob(filepath.Join(h.Root, "images/ingest/.*"))
				return len(scratch) > 0
			})
			_ = cmd.Process.Signal(unix.SIGINT)
			ended := time.AfterFunc(lab.Within(20*time.Second), func() { _ = cmd.Process.Kill() })
			_ = cmd.Wait()
			if !ended.Stop() || lab.ExitCode(cmd) == 0 || !strings.Contains(stderr.String(), "interrupted by signal 2") {
				t.Errorf("exit code %d, stderr: %s", lab.ExitCode(cmd), stderr.String())
			}
			tidy(t, h, "after Ctrl-C")
		})
	}
}

// Commands that bring the same image at once, and one that removes it meanwhile.
func TestPullsAtOnce(t *testing.T) {
	h := host(t)
	reg := startFake(t, h.Netns, local)
	reg.push(t, "bulky", bulky(t, h))
	done := make(chan lab.Result)
	commands := [][]string{
		{"pull", "-q", local + "/bulky"},
		{"pull", "-q", local + "/bulky"},
		{"run", "--rm", "-q", "--network", "none", local + "/bulky", "/bin/true"},
		{"run", "--rm", "-q", "--network", "none", "--pull", "always", local + "/bulky", "/bin/true"},
	}
	for range 3 {
		for _, args := range commands {
			go func() { done <- h.Mvrun(args...) }()
		}
		h.Mvrun("rmi", local+"/bulky") // whether or not it is there yet
		h.Mvrun("image", "prune", "-af")
		for range commands {
			if r := <-done; r.Code != 0 {
				t.Errorf("%v", r)
			}
		}
		tidy(t, h, "after four at once")
		h.OK("pull", "-q", local+"/bulky")
		isBulky(t, h, local+"/bulky")
		forget(h)
	}
}

// The disk is full at some point of a pull, a load, an import or an unpacking:
// that is said in a line, nothing half-made takes the room, and with more of it
// the same command succeeds.
func TestDiskFull(t *testing.T) {
	h := host(t)
	_, archive := bulkyEverywhere(t, h)
	plain := filepath.Join(t.TempDir(), "plain.tar")
	h.OK("create", "--name", "c1", "--network", "none", local+"/bulky")
	h.OK("export", "-o", plain, "c1")
	h.OK("rm", "c1")
	forget(h)
	h.MountRoot("size=64m")
	commands := map[string][]string{
		"pull": {"pull", "-q", local + "/bulky"}, "load": {"load", "-q", "-i", archive}, "import": {"import", plain, "imported"},
		"run": {"run", "--rm", "-q", "--network", "none", local + "/bulky", "/bin/true"},
	}
	for name, args := range commands {
		for _, size := range []string{"256k", "6m", "15m", "23m", "30m"} {
			t.Run(name+" on "+size, func(t *testing.T) {
				h.RemountRoot("size=" + size)
				r := h.Mvrun(args...)
				code := 1
				if name == "run" {
					code = 125
				}
				h.CheckRefused(r, code, `no space left on device`)
				tidy(t, h, "after "+name)
				h.RemountRoot("size=64m")
				if r := h.Mvrun(args...); r.Code != 0 {
					t.Errorf("with room again: %v", r)
				}
				forget(h)
				tidy(t, h, "after image prune")
			})
		}
	}
}

// An image that a container needs stays, and says who needs it.
func TestRemoveImageInUse(t *testing.T) {
	h := host(t)
	twoLayers(h)
	h.OK("create", "--name", "holder", "--network", "none", "two:1")
	h.Refused(1, `two:1: conflict .*stopped container [0-9a-f]{12} is using it`, "rmi", "two:1")
	h.OK("run", "-d", "--name", "runner", "--network", "none", "two:1", "sleep", "1000")
	h.Refused(1, `running container [0-9a-f]{12} is using it`, "rmi", "-f", h.OK("image", "inspect", "-f", "{{.Id}}", "two:1"))
	h.OK("image", "prune", "-af")
	isTwo(t, h, "two:1")
	h.OK("rmi", "-f", "two:1") // by name: that alone goes
	h.OK("start", "-a", "holder")
	h.OK("exec", "runner", "cat", "/new")
	h.OK("rm", "-f", "holder", "runner")
	forget(h)
	if left, _ := filepath.Glob(filepath.Join(h.Root, "layers", "*")); len(left) > 0 {
		t.Errorf("left of no image: %q", left)
	}
}

// Plain HTTP off loopback is for those who said so: by option for one command,
// in the configuration for good. Mirrors come from there too.
func TestInsecureAndMirrors(t *testing.T) {
	h, wire := plugged(t)
	lan := "10.20.30.1:5000"
	reg := startFake(t, wire, lan)
	twoLayers(h)
	seed := startFake(t, h.Netns, local)
	seed.handler = reg.handler
	h.OK("tag", "two:1", local+"/team/two:1")
	h.OK("push", local+"/team/two:1")
	run := func(more ...string) []string {
		return append(append([]string{"run", "--rm", "-q", "--network", "none"}, more...), lan+"/team/two:1")
	}
	h.Refused(1, `plain HTTP is for loopback.*--insecure`, "pull", lan+"/team/two:1")
	h.Refused(125, `plain HTTP is for loopback.*--insecure`, run()...)
	if got := h.OK(run("--insecure")...); got != looks {
		t.Errorf("run --insecure: %q", got)
	}
	config := filepath.Join(t.TempDir(), "config.toml")
	text := fmt.Sprintf("[registries]\ninsecure = [%q]\n[registries.mirrors]\n\"registry.invalid\" = [%q]\n", lan, lan)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	forget(h)
	if got := h.OK(append([]string{"--config", config}, run()...)...); got != looks {
		t.Errorf("run with the registry in the configuration: %q", got)
	}
	h.OK("--config", config, "pull", "-q", "registry.invalid/team/two:1")
	isTwo(t, h, "registry.invalid/team/two:1")
}

// Damage is named, and mended from where the image came: in a manifest, which
// hides what else is wrong, and in a layer that has its size still.
func TestFsckRepairs(t *testing.T) {
	h := host(t)
	startRegistry(t, h)
	twoLayers(h)
	h.OK("tag", "two:1", local+"/two:1")
	h.OK("push", "-q", local+"/two:1")
	forget(h)
	h.OK("pull", "-q", local+"/two:1")
	archive := filepath.Join(t.TempDir(), "two.tar")
	h.OK("save", "-o", archive, local+"/two:1")
	manifest := h.OK("image", "inspect", "-f", "{{.Descriptor.digest}}", local+"/two:1")
	spoil := func() {
		t.Helper()
		blobs, err := filepath.Glob(filepath.Join(h.Root, "images/blobs/sha256/*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range blobs {
			fi, err := os.Stat(path)
			if err == nil && (fi.Size() > 1<<10 || strings.HasSuffix(manifest, filepath.Base(path))) {
				err = os.WriteFile(path, make([]byte, fi.Size()), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	spoil()
	h.Refused(1, "blobs are damaged: use --repair", "image", "fsck")
	r := h.Mvrun("image", "fsck", "--repair")
	if r.Code != 0 || strings.Count(r.Stdout, "fetched again: "+local+"/two:1") != 2 {
		t.Errorf("repair: %v", r)
	}
	h.OK("image", "fsck")
	for _, layer := range layersIn(t, h) { // unpacked anew, of what was fetched
		if err := os.RemoveAll(layer); err != nil {
			t.Fatal(err)
		}
	}
	isTwo(t, h, local+"/two:1")

	forget(h)
	h.OK("load", "-q", "-i", archive) // from nowhere that it could be fetched from
	spoil()
	h.Refused(1, "nowhere to fetch it from: load, import or commit it again", "image", "fsck", "--repair")
	h.OK("image", "fsck", "--remove")
	if got := h.OK("images", "-q"); got != "" {
		t.Errorf("what can't be mended is still there: %s", got)
	}
	h.OK("load", "-q", "-i", archive)
	isTwo(t, h, local+"/two:1")
}

func layersIn(t *testing.T, h *lab.Host) []string {
	t.Helper()
	layers, err := filepath.Glob(filepath.Join(h.Root, "layers/????????????*"))
	if err != nil || len(layers) == 0 {
		t.Fatalf("no layers: %v", err)
	}
	return layers
}
