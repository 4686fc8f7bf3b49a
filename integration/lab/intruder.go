package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const intruderEnv = "LAB_INTRUDER"

// Intrude runs this program inside a container, by the host's file system,
// which the container has at /host, and has it try to delete mvrun's firewall
// there. It returns the kernel's words, a line for each way that there is.
func (h *Host) Intrude(container string) string {
	h.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	return h.OK("exec", "-e", intruderEnv+"=1", container, "chroot", "/host", exe)
}

func intrude() {
	fmt.Println("nftables:", said(deleteTable("mvrun")))
	fmt.Println("iptables:", said(replaceIPTables()))
}

func said(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

// Numbers of linux/netfilter/nfnetlink.h and nf_tables.h.
const (
	batchBegin   = 0x10
	batchEnd     = 0x11
	subsysTables = 10
	delTable     = subsysTables<<8 | 2
	tableName    = 1
)

// deleteTable deletes a table of family inet with all that is in it.
func deleteTable(name string) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	attr := binary.NativeEndian.AppendUint16(nil, uint16(4+len(name)+1))
	attr = append(binary.NativeEndian.AppendUint16(attr, tableName), name...)
	attr = append(attr, make([]byte, 4-len(name)%4)...)
	batch := netfilterMessage(nil, batchBegin, unix.NLM_F_REQUEST, unix.AF_UNSPEC, subsysTables, nil)
	batch = netfilterMessage(batch, delTable, unix.NLM_F_REQUEST|unix.NLM_F_ACK, unix.NFPROTO_INET, 0, attr)
	batch = netfilterMessage(batch, batchEnd, unix.NLM_F_REQUEST, unix.AF_UNSPEC, subsysTables, nil)
	if err := unix.Sendto(fd, batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	if err != nil || len(messages) == 0 || messages[0].Header.Type != unix.NLMSG_ERROR {
		return errors.Join(err, errors.New("no acknowledgement"))
	}
	if code := int32(binary.NativeEndian.Uint32(messages[0].Data)); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

func netfilterMessage(b []byte, kind, flags uint16, family byte, resource uint16, payload []byte) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(unix.SizeofNlMsghdr+4+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, uint32(kind)) // sequence
	b = binary.NativeEndian.AppendUint32(b, 0)            // port
	b = append(b, family, 0)
	b = binary.BigEndian.AppendUint16(b, resource)
	return append(b, payload...)
}

// replaceIPTables asks for what `iptables` does at its end (IPT_SO_SET_REPLACE).
func replaceIPTables() error {
	const setReplace = 64
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.SetsockoptString(fd, unix.SOL_IP, setReplace, string(make([]byte, 256)))
}
