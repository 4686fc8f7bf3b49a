package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pulled is the image that the registry in the machine serves.
const pulled = "127.0.0.1:5000/lab/big:1"

// putRegistry builds the registry's program and puts it into the machine.
func (s *systemdHost) putRegistry() {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "registry")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "./registry")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %v\n%s", build.Args, err, out)
	}
	program, err := os.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer program.Close()
	if r := s.tryIn(program, "sh", "-c", "cat >/usr/local/bin/registry && chmod 755 /usr/local/bin/registry && sync"); r.Code != 0 {
		s.t.Fatalf("%v", r)
	}
}

// startRegistry starts it, and waits until it has its image.
func (s *systemdHost) startRegistry() {
	s.t.Helper()
	s.ok("systemd-run", "--quiet", "--unit=registry", "/usr/local/bin/registry")
	s.eventually("the registry has its image", time.Minute, func() bool {
		return s.try("mvrun", "pull", "-q", pulled).Code == 0
	})
	s.ok("mvrun", "rmi", pulled)
}

// imageFiles are the files of the store of images, without the image that
// comes and goes.
func (s *systemdHost) imageFiles() string {
	s.t.Helper()
	return s.sh("mvrun image prune -f >/dev/null; cd /var/lib/mvrun && find images layers -maxdepth 3 ! -name '*lock*' | sort")
}

// imagesConsistent: after the cut every image is whole, the one that was being
// pulled can be pulled and used, and without it the store is as it was before.
func (s *systemdHost) imagesConsistent(round int, before string) {
	s.t.Helper()
	if r := s.try("mvrun", "image", "fsck"); r.Code != 0 || r.Stdout != "" {
		s.t.Errorf("round %d: damaged images: %v", round, r)
	}
	s.startRegistry()
	s.ok("mvrun", "create", "--name", "big", "--network", "none", pulled, "true")
	s.ok("mvrun", "rm", "big")
	s.ok("mvrun", "rmi", pulled)
	s.ok("systemctl", "stop", "registry")
	if diff := cmp.Diff(before, s.imageFiles()); diff != "" {
		s.t.Errorf("round %d: files of images (-before +after):\n%s", round, diff)
	}
}
