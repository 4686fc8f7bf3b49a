package network

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

var sysClassNet = "/sys/class/net" // another directory in tests

// wireless asks sysfs for the two marks that wireless devices have. A sysfs
// shows the network namespace it was mounted in, which under nsenter --net is
// not ours: an entry with another index is another interface.
func wireless(attrs *netlink.LinkAttrs) bool {
	dir := filepath.Join(sysClassNet, attrs.Name)
	if data, err := os.ReadFile(filepath.Join(dir, "ifindex")); err == nil && strings.TrimSpace(string(data)) != strconv.Itoa(attrs.Index) {
		return false
	}
	for _, mark := range []string{"wireless", "phy80211"} {
		if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
			return true
		}
	}
	return false
}
