package trunk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// SetSysctl writes a setting of the thread's network namespace.
func SetSysctl(family, ifName, key, value string) error {
	path := filepath.Join("/proc/sys/net", family, "conf", ifName, key)
	if err := os.WriteFile(path, []byte(value), 0); err != nil {
		return fmt.Errorf("set sysctl net.%s.conf.%s.%s=%s: %w", family, ifName, key, value, err)
	}
	return nil
}

// DisableIPv6 turns IPv6 off on an interface. A kernel without IPv6 has nothing to
// turn off.
func DisableIPv6(ifName string) error {
	err := SetSysctl("ipv6", ifName, "disable_ipv6", "1")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// isolateHost keeps the host itself off the VLAN whose sub-interface was made for
// containers: no IPv6 address by autoconfiguration, no answer to ARP for the
// host's addresses on other interfaces, no forwarding of what comes in, and
// nothing taken at all: strict reverse path filtering (RFC 3704) drops what
// comes from where no route leads, and none leads out of this interface. It is
// for before the link is set up.
func isolateHost(ifName string) error {
	return errors.Join(
		DisableIPv6(ifName),
		SetSysctl("ipv4", ifName, "rp_filter", "1"),
		SetSysctl("ipv4", ifName, "arp_ignore", "8"),
		SetSysctl("ipv4", ifName, "forwarding", "0"),
	)
}
