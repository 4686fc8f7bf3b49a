package lab

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Feature is something that a kernel may have been built without. A program
// can be run as on such a kernel: its system calls that need the feature come
// to the test (seccomp_unotify(2)), which answers them as that kernel would.
type Feature struct {
	Name    string
	answer  unix.Errno
	calls   []uintptr
	missing func(call *notification) bool
}

// The features that mvrun can't do without.
var (
	Macvlan = Feature{"macvlan", unix.EOPNOTSUPP, []uintptr{unix.SYS_SENDTO}, func(c *notification) bool {
		return bytes.Contains(c.memory(c.data.Args[1], int(c.data.Args[2])), []byte("macvlan\x00"))
	}}
	Overlay = Feature{"overlay", unix.ENODEV, []uintptr{unix.SYS_FSOPEN, unix.SYS_MOUNT}, func(c *notification) bool {
		kind := c.data.Args[0]
		if uintptr(c.data.Nr) == unix.SYS_MOUNT {
			kind = c.data.Args[2]
		}
		return bytes.HasPrefix(c.memory(kind, 16), []byte("overlay\x00"))
	}}
	NetworkNamespaces = namespaces("network namespaces", unix.CLONE_NEWNET)
	PIDNamespaces     = namespaces("pid namespaces", unix.CLONE_NEWPID)
)

func namespaces(name string, flag uint64) Feature {
	return Feature{name, unix.EINVAL, []uintptr{unix.SYS_UNSHARE, unix.SYS_CLONE}, func(c *notification) bool {
		return c.data.Args[0]&flag != 0
	}}
}

// The structures of linux/seccomp.h.
type (
	seccompData struct {
		Nr   int32
		Arch uint32
		IP   uint64
		Args [6]uint64
	}
	notification struct {
		id         uint64
		pid, flags uint32
		data       seccompData
	}
	response struct {
		id    uint64
		val   int64
		err   int32
		flags uint32
	}
)

const (
	notifRecv      = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	notifSend      = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	flagContinue   = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
	filterEnv      = "LAB_WITHOUT"
	filterSocketFD = 3
)

// memory reads the caller's; empty if it can't be read.
func (c *notification) memory(at uint64, n int) []byte {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", c.pid))
	if err != nil {
		return nil
	}
	defer f.Close()
	buf := make([]byte, min(n, 4096))
	n, _ = f.ReadAt(buf, int64(at))
	return buf[:n]
}

// Without runs mvrun as on a kernel that lacks the feature.
func (h *Host) Without(feature Feature, args ...string) Result {
	h.t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	mine, theirs := os.NewFile(uintptr(pair[0]), "filter"), os.NewFile(uintptr(pair[1]), "filter")
	defer mine.Close()
	defer theirs.Close()
	go answer(h.t, mine, feature)
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	numbers := make([]string, len(feature.calls))
	for i, nr := range feature.calls {
		numbers[i] = strconv.Itoa(int(nr))
	}
	return h.exec(execution{
		name: self, args: append([]string{program}, args...), files: []*os.File{theirs},
		env: []string{filterEnv + "=" + strings.Join(numbers, " ")},
	})
}

// answer takes the filter's descriptor off the socket and answers system calls
// until the last process that the filter is on has ended.
func answer(t testing.TB, socket *os.File, feature Feature) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil || n == 0 {
		t.Errorf("no filter came: %v", err)
		return
	}
	messages, _ := unix.ParseSocketControlMessage(control[:n])
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Errorf("no filter came: %v", err)
		return
	}
	defer unix.Close(fds[0])
	for {
		ready := []unix.PollFd{{Fd: int32(fds[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && err != unix.EINTR {
			return
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			if ready[0].Revents != 0 {
				return // nobody is left
			}
			continue
		}
		var call notification
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fds[0]), notifRecv, uintptr(unsafe.Pointer(&call))); errno != 0 {
			continue // the caller was killed meanwhile
		}
		reply := response{id: call.id, flags: flagContinue}
		if feature.missing(&call) {
			reply = response{id: call.id, err: -int32(feature.answer)}
		}
		unix.Syscall(unix.SYS_IOCTL, uintptr(fds[0]), notifSend, uintptr(unsafe.Pointer(&reply)))
	}
}

// becomeFiltered turns this process, a copy of the test, into the program of
// its arguments, under the filter. The first thing that TestMain does.
func becomeFiltered(numbers string) error {
	var calls []uint32
	for _, word := range strings.Fields(numbers) {
		nr, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		calls = append(calls, uint32(nr))
	}
	return onOwnThread(func() error {
		fd, err := installFilter(calls)
		if err != nil {
			return err
		}
		if err := unix.Sendmsg(filterSocketFD, []byte{0}, unix.UnixRights(fd), nil, 0); err != nil {
			return err
		}
		unix.Close(fd)
		unix.CloseOnExec(filterSocketFD)
		return unix.Exec(os.Args[1], os.Args[1:], os.Environ())
	})
}

func installFilter(calls []uint32) (int, error) {
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: 0, Size: 4}}
	for i, nr := range calls {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipTrue: uint8(len(calls) - i)})
	}
	program = append(program, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}, bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF})
	raw, err := bpf.Assemble(program)
	if err != nil {
		return -1, err
	}
	filters := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filters[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return -1, fmt.Errorf("install filter: %w", errno)
	}
	return int(fd), nil
}
