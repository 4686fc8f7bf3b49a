package images

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/mvrun/mvrun/integration/lab"
)

// program32 builds a program for the machine's 32-bit sibling and returns the
// directory that it is in, and a layer with it as /hello.
func program32(t *testing.T) (dir string, layer []byte) {
	t.Helper()
	sibling := map[string]string{"amd64": "386", "arm64": "arm"}[runtime.GOARCH]
	dir = t.TempDir()
	path := filepath.Join(dir, "hello")
	output(t, "env", "GOARCH="+sibling, "CGO_ENABLED=0", "go", "build", "-trimpath", "-o", path, "testdata/program32/main.go")
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const header = 512
	layer = tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "hello", Size: int64(len(program))})
	copy(layer[header:], program)
	return dir, layer
}

// The 32-bit programs of a 64-bit image run, under the same seccomp profile;
// those that the image did not bring are killed.
func TestPrograms32(t *testing.T) {
	const (
		confined = "hello, keyctl is forbidden"
		free     = "hello, keyctl is free"
		killed   = 128 + 31 // SIGSYS
	)
	h := host(t)
	dir, layer := program32(t)
	lab.Needs(t, lab.Program32(filepath.Join(dir, "hello")))
	reg := startFake(t, h.Netns, local)

	if r := h.MvrunIn(bytes.NewReader(layer), "import", "-c", `CMD ["/hello"]`, "-", "tree"); r.Code != 0 {
		t.Fatal(r)
	}
	says(t, h, confined, "tree")
	says(t, h, free, "--security-opt", "seccomp=unconfined", "tree")

	reg.push(t, "layered", imageOf(t, busybox(h), newBlob(gzipped(layer), hashOf(layer))))
	says(t, h, confined, local+"/layered", "/hello")
	says(t, h, "6", local+"/layered", "expr", "2", "*", "3")
	h.OK("run", "-d", "--name", "long", "--network", "none", local+"/layered", "sleep", "1000")
	if got := h.OK("exec", "long", "/hello"); got != confined {
		t.Errorf("exec says %q", got)
	}
	h.OK("rm", "-f", "long")

	if r := h.Mvrun("run", "--rm", "--network", "none", "-v", dir+":/p", "busybox", "/p/hello"); r.Code != killed {
		t.Errorf("%v, exit code %d is wanted", r, killed)
	}
	says(t, h, free, "-v", dir+":/p", "--security-opt", "seccomp=unconfined", "busybox", "/p/hello")
	h.OK("run", "--name", "maker", "--network", "none", "-v", dir+":/p", "busybox", "cp", "/p/hello", "/hello")
	h.OK("commit", "maker", "kept")
	h.OK("rm", "maker")
	says(t, h, confined, "kept", "/hello")
}

// says runs a container and compares what it prints.
func says(t *testing.T, h *lab.Host, want string, args ...string) {
	t.Helper()
	if got := h.OK(append([]string{"run", "--rm", "-q", "--network", "none"}, args...)...); got != want {
		t.Errorf("%q says %q, %q is wanted", args, got, want)
	}
}
