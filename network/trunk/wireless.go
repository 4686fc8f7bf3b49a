package trunk

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

// SysClassNet is where sysfs shows interfaces: another directory in tests.
var SysClassNet = "/sys/class/net"

// wireless asks sysfs for the two marks that wireless devices have. A sysfs
// shows the network namespace it was mounted in, which under nsenter --net is
// not ours: an entry with another index is another interface.
func wireless(attrs *netlink.LinkAttrs) bool {
	dir := filepath.Join(SysClassNet, attrs.Name)
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
