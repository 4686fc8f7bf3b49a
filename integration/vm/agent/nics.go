package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/vishvananda/netlink"

	"golang.org/x/sys/unix"
)

var pciSlot = regexp.MustCompile(`0000:00:([0-9a-f]{2})\.0/`)

// nameNICs names each NIC by its slot, as udev does on a machine with these
// NICs: the one in slot 9 is enp0s9.
func nameNICs() error {
	links, err := filepath.Glob("/sys/class/net/*")
	if err != nil {
		return err
	}
	for _, path := range links {
		device, err := os.Readlink(path) // ../../devices/pci0000:00/0000:00:09.0/virtio2/net/eth0
		if errors.Is(err, unix.EINVAL) {
			continue // no link to a device: bonding_masters
		}
		if err != nil {
			return err
		}
		m := pciSlot.FindStringSubmatch(device)
		if m == nil {
			continue // lo
		}
		slot, err := strconv.ParseUint(m[1], 16, 8)
		if err != nil {
			return err
		}
		link, err := netlink.LinkByName(filepath.Base(path))
		if err != nil {
			return err
		}
		if err := netlink.LinkSetName(link, fmt.Sprintf("enp0s%d", slot)); err != nil {
			return fmt.Errorf("name %s: %w", path, err)
		}
	}
	return nil
}
