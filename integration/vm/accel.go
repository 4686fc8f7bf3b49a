package vm

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/mvrun/mvrun/integration/pace"
)

// trialTime is what a boot under KVM may take before it counts as hanging:
// where KVM works, a machine is up in 2 s.
const trialTime = 10 * time.Second

// ChooseAccel returns kvm where it works, else tcg, which works everywhere. A
// /dev/kvm that is there may still hang (nested in another virtual machine), so
// a machine is booted on trial, once for each kernel of the host.
// MVRUN_VM_ACCEL decides without.
func ChooseAccel(c Cache, spec Spec) (string, error) {
	if accel := os.Getenv("MVRUN_VM_ACCEL"); accel != "" {
		return accel, nil
	}
	if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err != nil {
		return "tcg", nil
	} else {
		f.Close()
	}
	host, err := os.ReadFile("/proc/version")
	if err != nil {
		return "", err
	}
	path, err := c.Get("accel", []string{string(host)}, func(path string) error {
		return os.WriteFile(path, []byte(tryKVM(spec)), 0o644)
	})
	if err != nil {
		return "", err
	}
	accel, err := os.ReadFile(path)
	return string(accel), err
}

func tryKVM(spec Spec) string {
	dir, err := os.MkdirTemp("", "mvrun-kvm-")
	if err != nil {
		return "tcg"
	}
	defer os.RemoveAll(dir)
	spec.Name, spec.Accel, spec.NICs = "trial", "kvm", nil
	ctx, cancel := context.WithTimeout(context.Background(), pace.Within(trialTime))
	defer cancel()
	m, err := Boot(ctx, filepath.Clean(dir), spec)
	if err != nil {
		return "tcg"
	}
	m.PowerCut()
	return "kvm"
}
