package vm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/mvrun/mvrun/integration/pace"
)

// The deadlines in a machine on a good processor of its own; what takes longer
// than these hangs. See Machine.within.
const (
	bootTime    = 40 * time.Second
	commandTime = 30 * time.Second
)

// emulated is how many times slower than the host's processor an emulated one is.
const emulated = 4

// within is how long something may take in this machine that takes at most d in
// one on a good processor.
func (m *Machine) within(d time.Duration) time.Duration {
	if !strings.HasPrefix(m.Spec.Accel, "kvm") {
		d *= emulated
	}
	return pace.Within(d)
}

// Spec is what a machine is made of.
type Spec struct {
	Name      string
	Kernel    string // vmlinuz
	Initramfs string
	Disk      string // image of the root file system
	KeepDisk  bool   // write to the image; else what is written is gone with the machine
	Init      string // in the root file system; the agent unless given
	MemoryMB  int    // 512 unless given
	CPUs      int    // 1 unless given
	Accel     string // qemu's -accel; tcg unless given
	NICs      []NIC
	// Params are further words of the kernel's command line.
	Params []string
}

// NIC is a virtio network card. The one in slot 9 is enp0s9.
type NIC struct {
	Slot int
	MAC  string
	End  End
}

// Machine is a running virtual machine.
type Machine struct {
	Spec Spec
	// Dir has the console's log and the sockets.
	Dir    string
	qemu   *exec.Cmd
	cancel context.CancelFunc
	ended  chan struct{} // closed when qemu is gone
	agent  *agentConn
}

// Boot starts a machine and waits until its agent serves. Dir is a short path.
func Boot(ctx context.Context, dir string, spec Spec) (*Machine, error) {
	m := &Machine{Spec: spec, Dir: dir, ended: make(chan struct{})}
	running, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.qemu = exec.CommandContext(running, "qemu-system-x86_64", m.arguments()...)
	log, err := os.Create(filepath.Join(dir, spec.Name+".qemu"))
	if err != nil {
		cancel()
		return nil, err
	}
	m.qemu.Stdout, m.qemu.Stderr = log, log
	err = m.start()
	log.Close()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start qemu: %w", err)
	}
	boot, stop := context.WithTimeout(ctx, m.within(bootTime))
	defer stop()
	if err := m.connect(boot); err != nil {
		m.PowerCut()
		return nil, fmt.Errorf("boot %s: %w\n%s", spec.Name, err, m.Trouble())
	}
	return m, nil
}

// start starts qemu so that it can't outlive this process, whatever ends that.
// The kernel sends the signal when the thread that started it is gone
// (prctl(2), PR_SET_PDEATHSIG), so that one is kept until qemu has ended.
func (m *Machine) start() error {
	m.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := m.qemu.Start()
		started <- err
		if err == nil {
			m.qemu.Wait()
			close(m.ended)
		}
	}()
	return <-started
}

// connect waits for the agent's hello.
func (m *Machine) connect(ctx context.Context) error {
	for {
		conn, err := net.Dial("unix", m.portSocket())
		if err == nil {
			m.agent = newAgentConn(conn)
			break
		}
		select {
		case <-m.ended:
			return errors.New("qemu ended")
		case <-ctx.Done():
			return fmt.Errorf("connect to the machine: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	select {
	case <-m.agent.hello:
		return nil
	case <-m.ended:
		return errors.New("the machine ended")
	case <-ctx.Done():
		return errors.New("the agent does not answer")
	}
}

func (m *Machine) portSocket() string { return filepath.Join(m.Dir, m.Spec.Name+".port") }
func (m *Machine) consoleLog() string { return filepath.Join(m.Dir, m.Spec.Name+".console") }
func (m *Machine) qemuOutput() string { return filepath.Join(m.Dir, m.Spec.Name+".qemu") }

func (m *Machine) arguments() []string {
	s := m.Spec
	snapshot := "on"
	if s.KeepDisk {
		snapshot = "off"
	}
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-M", "pc", "-accel", or(s.Accel, "tcg"), "-cpu", cpuOf(s.Accel), "-smp", fmt.Sprint(orInt(s.CPUs, 1)), "-m", fmt.Sprint(orInt(s.MemoryMB, 512)),
		"-kernel", s.Kernel, "-initrd", s.Initramfs, "-append", m.kernelLine(),
		"-serial", "file:" + m.consoleLog(),
		"-drive", "if=virtio,format=raw,cache=unsafe,snapshot=" + snapshot + ",file=" + s.Disk,
		"-device", "virtio-rng-pci",
		"-device", "virtio-serial-pci",
		"-chardev", "socket,id=agent,server=on,wait=off,path=" + m.portSocket(),
		"-device", "virtserialport,chardev=agent,name=mvrun.agent",
	}
	for i, n := range s.NICs {
		id := fmt.Sprintf("nic%d", i)
		args = append(args, "-netdev", n.End.netdev(id),
			"-device", fmt.Sprintf("virtio-net-pci,netdev=%s,mac=%s,addr=0x%x,romfile=", id, n.MAC, n.Slot))
	}
	return args
}

// kernelLine leaves out what an emulated machine on a private host needs least
// and pays most for.
func (m *Machine) kernelLine() string {
	words := []string{
		"console=ttyS0", "quiet", "loglevel=5", "panic=-1", "mitigations=off", "nokaslr", "random.trust_cpu=on",
		"systemd.show_status=0", "net.ifnames=0", "mvrun.name=" + m.Spec.Name,
	}
	if m.Spec.Init != "" {
		words = append(words, "mvrun.init="+m.Spec.Init)
	}
	return strings.Join(append(words, m.Spec.Params...), " ")
}

// cpuOf is the real processor where there is one to use. Emulated, the plainest
// is the fastest: the kernel and Go use whatever else there is, and each of
// those instructions costs (a container's start takes 20 % less than on "max").
func cpuOf(accel string) string {
	if strings.HasPrefix(accel, "kvm") {
		return "host"
	}
	return "qemu64"
}

// PowerCut ends the machine at once, with all that it had not written.
func (m *Machine) PowerCut() {
	m.cancel()
	<-m.ended
	if m.agent != nil {
		m.agent.close()
	}
}

// WaitOff waits until the machine has switched itself off or rebooted, which
// ends it as well: Boot starts it again.
func (m *Machine) WaitOff(ctx context.Context) error {
	select {
	case <-m.ended:
		m.cancel()
		m.agent.close()
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %s to go off: %w\n%s", m.Spec.Name, ctx.Err(), m.Trouble())
	}
}

// Trouble is the end of the console's log, for a failed test.
func (m *Machine) Trouble() string {
	qemu, _ := os.ReadFile(m.qemuOutput())
	console, _ := os.ReadFile(m.consoleLog())
	return fmt.Sprintf("--- qemu of %s:\n%s\n--- console of %s:\n%s",
		m.Spec.Name, lastLines(string(qemu), 10), m.Spec.Name, lastLines(string(console), 40))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func orInt(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
