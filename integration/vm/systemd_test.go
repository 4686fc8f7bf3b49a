package vm

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// agentUnit runs the agent in a machine that systemd has booted.
const agentUnit = `[Unit]
Description=Agent of the test harness
[Service]
ExecStart=` + agentPath + `
Environment=HOME=/root
KillMode=process
Restart=no
[Install]
WantedBy=multi-user.target
`

// wants is where systemd looks for what it shall start.
const wants = "/etc/systemd/system/multi-user.target.wants/"

// systemdPayload is what a machine with systemd needs besides.
func systemdPayload() []File {
	return []File{
		{Path: "/etc/systemd/system/agent.service", Text: agentUnit, Mode: 0o644},
		{Path: wants + "agent.service", Link: "/etc/systemd/system/agent.service"},
		{Path: "/etc/systemd/system/mvrun.service", From: "../../contrib/systemd/mvrun.service", Mode: 0o644},
		{Path: wants + "mvrun.service", Link: "/etc/systemd/system/mvrun.service"},
		{Path: "/etc/fstab", Mode: 0o644},
		{Path: "/etc/hosts", Text: "127.0.0.1 localhost\n", Mode: 0o644}, // an installer writes it, debootstrap does not
	}
}

// systemdHost is a machine that boots Debian with systemd from a disk of its
// own, and can be switched off and on again.
type systemdHost struct {
	*guest
	dir  string
	spec Spec
}

func bootSystemd(t *testing.T, name string, cable End) *systemdHost {
	dir := shortDir(t)
	spec := parts.Spec(name)
	spec.Init, spec.KeepDisk = "/sbin/init", true
	spec.Disk = filepath.Join(dir, "disk")
	spec.NICs = []NIC{nic(9, 1, cable)}
	if err := copySparse(parts.Debian, spec.Disk); err != nil {
		t.Fatal(err)
	}
	return &systemdHost{boot(t, dir, spec), dir, spec}
}

// on returns the host for a subtest.
func (s *systemdHost) on(t *testing.T) *systemdHost {
	return &systemdHost{s.guest.on(t), s.dir, s.spec}
}

// bootAgain starts the machine that went off. It ends with the outer test.
func (s *systemdHost) bootAgain(params ...string) {
	s.t.Helper()
	spec := s.spec
	spec.Params = params
	began := time.Now()
	m, err := Boot(context.Background(), s.dir, spec)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("up again after %.1f s", time.Since(began).Seconds())
	*s.guest.Machine = *m
}

// reboot is what an administrator does.
func (s *systemdHost) reboot(params ...string) {
	s.t.Helper()
	if r, err := s.Run(s.t.Context(), nil, "systemctl", "reboot"); r.Code > 0 {
		s.t.Fatalf("%v: %v", err, r) // that the agent goes first is no error
	}
	off, cancel := context.WithTimeout(context.Background(), s.within(commandTime))
	defer cancel()
	if err := s.WaitOff(off); err != nil {
		s.t.Fatal(err)
	}
	s.bootAgain(params...)
}

// settled waits until systemd has done what it does at start.
func (s *systemdHost) settled() {
	s.t.Helper()
	s.eventually("mvrun.service is done", time.Minute, func() bool {
		state := s.try("systemctl", "is-active", "mvrun.service").Stdout
		return state == "active\n" || state == "failed\n"
	})
}

// copySparse copies a disk image, which is mostly holes.
func copySparse(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := out.Truncate(info.Size()); err != nil {
		return err
	}
	for end := int64(0); ; {
		start, err := in.Seek(end, unix.SEEK_DATA)
		if err != nil {
			return nil // ENXIO: no more data
		}
		if end, err = in.Seek(start, unix.SEEK_HOLE); err != nil {
			return err
		}
		if _, err := out.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(out, io.NewSectionReader(in, start, end-start)); err != nil {
			return err
		}
	}
}
