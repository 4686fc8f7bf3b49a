package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Parts are what every machine is made of.
type Parts struct {
	Kernel    Kernel
	Debian    string // image of the root file system, never written
	Initramfs string
	Accel     string
}

// Programs are what is tested: static, since the machines need not have the
// host's libraries.
type Programs struct {
	Mvrun string
	Test  string // the integration suite; may be absent
}

// FindPrograms takes the programs that MVRUN_STATIC and MVRUN_STATIC_TEST name
// (make test-vm sets them), or builds them into dir.
func FindPrograms(dir string) (Programs, error) {
	p := Programs{os.Getenv("MVRUN_STATIC"), os.Getenv("MVRUN_STATIC_TEST")}
	if p.Mvrun == "" {
		p.Mvrun = filepath.Join(dir, "mvrun")
		if err := buildStatic(p.Mvrun, "build", "./cmd/mvrun"); err != nil {
			return p, err
		}
	}
	if p.Test == "" {
		p.Test = filepath.Join(dir, "integration.test")
		if err := buildStatic(p.Test, "test", "-c", "./integration"); err != nil {
			return p, err
		}
	}
	return p, nil
}

func buildStatic(path string, args ...string) error {
	where := len(args) - 1
	args = append(args[:where:where], "-tags", "seccomp embedbusybox netgo osusergo",
		"-ldflags", "-linkmode external -extldflags=-static", "-o", path, args[where])
	build := exec.Command("go", args...)
	build.Dir = "../.." // go test runs in the package's directory
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s(make test-vm builds all that is needed)", build.Args, err, out)
	}
	return nil
}

// Gather fetches and builds the parts. What is made for this run goes into dir.
func Gather(dir string, payload []File) (Parts, error) {
	c, err := OpenCache()
	if err != nil {
		return Parts{}, err
	}
	var p Parts
	if p.Kernel, err = FetchKernel(c); err != nil {
		return p, err
	}
	if p.Debian, err = FetchDebian(c); err != nil {
		return p, err
	}
	agent := filepath.Join(dir, "agent")
	build := exec.Command("go", "build", "-trimpath", "-o", agent, "github.com/mvrun/mvrun/integration/vm/agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return p, fmt.Errorf("%v: %w\n%s", build.Args, err, out)
	}
	p.Initramfs = filepath.Join(dir, "initramfs")
	if err := WriteInitramfs(p.Initramfs, agent, p.Kernel, payload); err != nil {
		return p, err
	}
	p.Accel, err = ChooseAccel(c, p.Spec("trial"))
	return p, err
}

// Spec is the specification of a machine made of these parts, without NICs.
func (p Parts) Spec(name string) Spec {
	return Spec{Name: name, Kernel: p.Kernel.Image, Initramfs: p.Initramfs, Disk: p.Debian, Accel: p.Accel}
}
