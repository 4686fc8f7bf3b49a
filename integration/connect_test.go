package integration

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/integration/lab"
)

// Every option of connect at once, and the ones of Docker's that have no
// meaning here, each with a sentence.
func TestConnectOptions(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	h.OK("network", "create", "--subnet", "172.16.10.0/24", "--subnet", "fd00:10::/64", "-o", "parent=enp0s9.10", "net10")
	h.OK("network", "create", "--subnet", "172.16.0.0/24", "-o", "parent="+lab.Trunk, "lan")
	h.OK("run", "-d", "--name", "a1", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "b1", "--network", "net10", "busybox", "sleep", "1000")
	h.OK("network", "connect", "--ip", "172.16.10.9", "--ip6", "fd00:10::9", "--alias", "web", "--alias", "www", "--gw-priority", "3",
		"--mac-address", "02:00:00:00:00:77", "--ifname", "lan0", "--conflict-probe", "50ms", "--mtu", "1400", "net10", "a1")
	want := regexp.MustCompile(`(?s)lan0@.* mtu 1400 .*ether 02:00:00:00:00:77.* inet 172\.16\.10\.9/24.* inet6 fd00:10::9/64`)
	if got := inside(h, "a1", "ip", "addr", "show", "lan0"); !want.MatchString(got) {
		t.Errorf("the leg:\n%s", got)
	}
	hosts := inside(h, "b1", "cat", "/etc/hosts")
	for _, addr := range []string{"172.16.10.9", "fd00:10::9"} {
		if !strings.Contains(hosts, addr+"\ta1 web www ") {
			t.Errorf("%s has not all its names:\n%s", addr, hosts)
		}
	}
	// The older name of --ifname; the network with the higher priority leads.
	h.OK("network", "connect", "--driver-opt", "com.docker.network.endpoint.ifname=second", "lan", "a1")
	inside(h, "a1", "ip", "addr", "show", "second")
	wantRoute(t, h, "a1", "default via 172.16.10.1 dev lan0")
	h.OK("network", "disconnect", "lan", "a1")

	wire.Has(lab.Trunk, "172.16.0.66/24")
	before := h.Snapshot()
	for args, pattern := range map[string]string{
		"--ip 172.16.0.66 lan a1":                inUse("172.16.0.66", wire.MAC(lab.Trunk)),
		"--ip 172.16.10.9 net10 b1":              `b1 is already connected to network net10`,
		"--ip 172.16.0.0 lan a1":                 `172\.16\.0\.0 is the network address`,
		"--ip 172.16.0.5/25 lan a1":              `the subnet is 172\.16\.0\.0/24: leave out /25`,
		"--ip6 fd00::5 lan a1":                   `fd00::5 is not in subnet 172\.16\.0\.0/24`,
		"--ip sometimes lan a1":                  `--ip sometimes: it is an address`,
		"--mac-address 01:00:00:00:00:01 lan a1": `is a multicast address`,
		"--ifname lan0 lan a1":                   `two interfaces named lan0|lan0`,
		"--ifname eth/0 lan a1":                  `no spaces, slashes`,
		"--mtu -4 lan a1":                        `--mtu -4: it is a number of bytes`,
		"--mtu 9000 lan a1":                      `MTU 9000 is above the 1500`,
		"--conflict-probe soon lan a1":           `conflict probe "soon": give a duration`,
		"--alias a/b lan a1":                     `"a/b" is no host name`,
		"--driver-opt colour=red lan a1":         `colour=red: there is no such option`,
		"--link b1:b lan a1":                     `--link: containers on one network know each other by name`,
		"--link-local-ip 169.254.1.1 lan a1":     `--link-local-ip: .*give 169\.254`,
		"host a1":                                `network host is none to connect to`,
		"lan nobody":                             `no such container: nobody`,
		"lan":                                    `"mvrun network connect" requires exactly 2 arguments`,
	} {
		args = strings.Replace(args, "--mtu -4", "--mtu=-4", 1)
		h.Refused(1, pattern, append([]string{"network", "connect"}, strings.Fields(args)...)...)
	}
	h.Refused(125, `invalid value "high" for --gw-priority: see 'mvrun network connect --help'`, "network", "connect", "--gw-priority", "high", "lan", "a1")
	h.Refused(125, `--link: containers on one network`, "run", "--rm", "--network", "lan", "--link", "b1:b", "busybox", "true")
	if now := h.Snapshot(); now != before {
		t.Errorf("left behind: from\n%s\nto\n%s", before, now)
	}
	if claims := h.OK("network", "inspect", "-f", "{{len .Claims}}", "lan"); claims != "0" {
		t.Errorf("%s claims are left on lan", claims)
	}
	h.OK("network", "connect", "--conflict-probe", "off", "--ip", "172.16.0.66", "lan", "a1")
}
