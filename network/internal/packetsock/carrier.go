package packetsock

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Carrier says whether the interface sees its medium; false while it is down.
// The answer is the device's own: IFF_RUNNING, which needs no ethtool, follows
// up to a second later (the kernel's linkwatch) and calls a link that was just
// set up running although its parent has no carrier. An interface that is gone
// is ENODEV, a driver that can't tell EOPNOTSUPP.
func (s *Socket) Carrier() (up bool, err error) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return false, fmt.Errorf("read carrier: %w", err)
	}
	if cerr := raw.Control(func(fd uintptr) { up, err = carrier(int(fd), s.index) }); cerr != nil {
		return false, fmt.Errorf("read carrier: %w", cerr)
	}
	return up, err
}

// carrier acts in the namespace of the socket fd, not in the thread's. The
// name is looked up each time: the interface may have been renamed.
func carrier(fd, index int) (bool, error) {
	req, err := unix.NewIfreq("")
	if err != nil {
		return false, err
	}
	req.SetUint32(uint32(index))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, req); err != nil {
		return false, fmt.Errorf("find interface %d: %w", index, err)
	}
	up, err := ethtoolLink(fd, req.Name())
	if err != nil {
		return false, fmt.Errorf("read carrier of %s: %w", req.Name(), err)
	}
	return up, nil
}

// ethtoolLink is ETHTOOL_GLINK, which x/sys has no call for.
func ethtoolLink(fd int, name string) (bool, error) {
	value := struct{ cmd, data uint32 }{cmd: unix.ETHTOOL_GLINK} // struct ethtool_value
	req := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte // the rest of the union in struct ifreq
	}{data: unsafe.Pointer(&value)}
	copy(req.name[:], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	if errno != 0 {
		return false, errno
	}
	return value.data != 0, nil
}
