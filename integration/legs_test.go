package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// inside runs a command in a container, which must succeed.
func inside(h *lab.Host, container string, args ...string) string {
	return h.OK(append([]string{"exec", container}, args...)...)
}

// threeNets are three VLANs with a subnet and a gateway each.
func threeNets(h *lab.Host) {
	for _, n := range []string{"10", "20", "30"} {
		h.OK("network", "create", "--subnet", "172.16."+n+".0/24", "-o", "parent=enp0s9."+n, "net"+n)
	}
}

// wantRoute checks that exactly one default route is there, and which.
func wantRoute(t *testing.T, h *lab.Host, container, want string) {
	t.Helper()
	var found []string
	for line := range strings.Lines(inside(h, container, "ip", "route")) {
		if strings.HasPrefix(line, "default ") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	if len(found) != 1 || found[0] != want {
		t.Errorf("default routes of %s: %q, want %q", container, found, want)
	}
}

func TestSeveralLegs(t *testing.T) {
	h := host(t)
	threeNets(h)
	h.OK("run", "-d", "--name", "a1", "--network", "net10,ip=172.16.10.10",
		"--network", "name=net20,mac=02:00:5e:00:00:20,gw-priority=5,ifname=lan1",
		"--network", "vlan=40,parent=enp0s9,ip=10.0.40.5/24", "busybox", "sleep", "1000")
	want := regexp.MustCompile(`(?s)eth0.* inet 172\.16\.10\.10/24.*lan1.*ether 02:00:5e:00:00:20.* inet 172\.16\.20\.\d+/24.*eth2.* inet 10\.0\.40\.5/24`)
	if got := inside(h, "a1", "ip", "addr"); !want.MatchString(got) {
		t.Errorf("legs:\n%s", got)
	}
	wantRoute(t, h, "a1", "default via 172.16.20.1 dev lan1")
	wantLinks(t, h, "running", "enp0s9.10", "enp0s9.20", "enp0s9.40")
	h.OK("restart", "-t", "0", "a1")
	wantRoute(t, h, "a1", "default via 172.16.20.1 dev lan1")

	for args, pattern := range map[string]string{
		"--network net10 --network net10":                   `net10 is given twice`,
		"--network net10,colour=red":                        `colour is not known: it is name, ip`,
		"--network net10,ip=":                               `ip has no value`,
		"--network net10,ip=172.16.10.9 --ip 1.2.3.4":       `--ip 1\.2\.3\.4: the network has 172\.16\.10\.9`,
		"--network ip=172.16.10.9":                          `which network is it`,
		"--network net10,vlan=20":                           `has its own VLAN`,
		"--network net10 --network none":                    `none excludes other networks`,
		"--network net10,gw-priority=high":                  `it is a number`,
		"--network net10,alias=a_,alias=b/c":                `"b/c" is no host name`,
		"--network net10,ifname=x --network net20,ifname=x": `two interfaces named x`,
		"--ip6 fd00::1":                                     `need --vlan N or --network`,
		"--network net10 --ip6 10.0.0.1":                    `it is an IPv6 address`,
		"--network net10 --mtu 9000":                        `MTU 9000 is above the 1500`,
	} {
		h.Refused(125, pattern, append(append([]string{"run", "--rm"}, strings.Fields(args)...), "busybox", "true")...)
	}
}

func TestConnectAndDisconnect(t *testing.T) {
	h := host(t)
	threeNets(h)
	h.OK("run", "-d", "--name", "a1", "--network", "net10,ip=172.16.10.10", "busybox", "sleep", "1000")
	h.OK("network", "connect", "--ip", "172.16.20.20", "--gw-priority", "1", "net20", "a1")
	h.OK("network", "connect", "net30", "a1")
	wantLinks(t, h, "three legs", "enp0s9.10", "enp0s9.20", "enp0s9.30")
	wantRoute(t, h, "a1", "default via 172.16.20.1 dev eth1")
	if got := field(t, h, "a1", "{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}} {{end}}"); got != "net10=172.16.10.10 net20=172.16.20.20 net30=172.16.30.2 " {
		t.Errorf("inspect: %s", got)
	}
	mac := inside(h, "a1", "cat", "/sys/class/net/eth1/address")
	h.Refused(1, `already connected to network net20`, "network", "connect", "net20", "a1")
	h.Refused(1, `network nope not found`, "network", "connect", "nope", "a1")
	h.Refused(1, `172\.16\.10\.10 is already claimed by container a1`, "network", "connect", "--ip", "172.16.10.10", "net10", made(h, "b1"))
	h.Refused(1, `has active endpoints: remove a1 first`, "network", "rm", "net30")

	h.OK("network", "disconnect", "net20", "a1")
	wantLinks(t, h, "two legs", "enp0s9.10", "enp0s9.30")
	wantRoute(t, h, "a1", "default via 172.16.10.1 dev eth0")
	h.Refused(1, `not connected to network net20`, "network", "disconnect", "net20", "a1")
	h.OK("network", "disconnect", "-f", "net20", "a1")
	h.OK("network", "disconnect", "-f", "net20", "nobody")

	// What came and went survives a stop and a start, and the monitor's death.
	h.OK("restart", "-t", "0", "a1")
	wantRoute(t, h, "a1", "default via 172.16.10.1 dev eth0")
	h.Sh("kill -9 " + field(t, h, "a1", "{{.Mvrun.Monitor}}"))
	h.Eventually("a1 is seen to be dead", func() bool { return field(t, h, "a1", "{{.State.Status}}") == "exited" })
	h.OK("network", "disconnect", "net10", "a1")
	h.OK("network", "connect", "--ip", "172.16.20.20", "net20", "a1")
	h.OK("start", "a1")
	wantLinks(t, h, "connected while stopped", "enp0s9.20", "enp0s9.30")
	if got := inside(h, "a1", "cat", "/sys/class/net/eth0/address"); got == mac {
		t.Error("another place, and the MAC address of the old one")
	}
	wantRoute(t, h, "a1", "default via 172.16.30.1 dev eth2")
	h.OK("network", "disconnect", "net30", "a1")
	h.OK("network", "disconnect", "net20", "a1")
	wantLinks(t, h, "no leg")
	// With a slash: where the module bonding is loaded there is a file as well.
	if got := inside(h, "a1", "sh", "-c", "ls -d /sys/class/net/*/"); got != "/sys/class/net/lo/" {
		t.Errorf("interfaces: %s", got)
	}
	h.OK("network", "rm", "net20")
}

// made makes a container that does not run.
func made(h *lab.Host, name string) string {
	h.OK("create", "--name", name, "busybox", "sleep", "1000")
	return name
}

// Traffic on one leg goes on while others come and go.
func TestConnectUnderTraffic(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	threeNets(a)
	a.OK("run", "-d", "--name", "a1", "--network", "net10,ip=172.16.10.10", "busybox", "sleep", "1000")
	b.OK("run", "-d", "--name", "b1", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.11/24", "busybox", "sleep", "1000")
	inside(a, "a1", "ping", "-c", "1", "-W", "5", "172.16.10.11")
	done := make(chan lab.Result, 1)
	go func() { done <- a.Mvrun("exec", "a1", "ping", "-c", "100", "-i", "0.02", "-W", "2", "172.16.10.11") }()
	for i := range 5 {
		for _, n := range []string{"net20", "net30"} {
			a.OK("network", "connect", "--gw-priority", fmt.Sprint(i), n, "a1")
		}
		for _, n := range []string{"net20", "net30"} {
			a.OK("network", "disconnect", n, "a1")
		}
	}
	if r := <-done; r.Code != 0 || !strings.Contains(r.Stdout, "100 packets received, 0% packet loss") {
		t.Errorf("%v", r)
	}
}

// A command that is killed while it connects leaves a leg or none, and no claim
// without one.
func TestConnectIsKilled(t *testing.T) {
	h := host(t)
	threeNets(h)
	h.OK("run", "-d", "--name", "a1", "--network", "net10", "busybox", "sleep", "1000")
	stopped := made(h, "s1")
	for i := range 16 {
		victim := []string{"a1", stopped}[i%2]
		kill := time.Duration(i) * 1500 * time.Microsecond
		cmd := h.Command(t.Context(), lab.Program(), "network", "connect", "net20", victim)
		if err := h.Start(cmd); err != nil {
			t.Fatal(err)
		}
		time.Sleep(kill)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		var legs, claims string
		h.Eventually("claims and legs agree", func() bool {
			legs = field(t, h, victim, `{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}} {{end}}`)
			claims = h.OK("network", "inspect", "-f", `{{range .Claims}}{{.Name}}={{.Address}} {{end}}`, "net20")
			return strings.Contains(legs, "net20=") == strings.Contains(claims, victim+"=")
		})
		h.OK("network", "disconnect", "-f", "net20", victim)
	}
}

func TestAddressesAndRelease(t *testing.T) {
	h := host(t)
	h.OK("network", "create", "--subnet", "10.1.0.0/31", "--gateway", "none", "-o", "parent=enp0s9.10", "p2p")
	h.OK("network", "create", "--subnet", "10.2.0.7/32", "--gateway", "192.0.2.1", "-o", "parent=enp0s9.20", "single")
	h.OK("network", "create", "--subnet", "10.3.0.0/30", "--subnet", "10.3.1.0/24", "-o", "parent=enp0s9.30", "two")
	for netw, want := range map[string]string{
		"p2p":    `^10\.1\.0\.0/31 dev eth0 `,
		"single": `^default via 192\.0\.2\.1 dev eth0`,
	} {
		out := h.OK("run", "--rm", "--network", netw, "busybox", "ip", "route")
		if !regexp.MustCompile(want).MatchString(out) || strings.Contains(out, "default") != (netw == "single") {
			t.Errorf("%s: %s", netw, out)
		}
	}
	for i, want := range []string{"10.3.0.2", "10.3.1.2", "10.3.1.3"} {
		h.OK("run", "-d", "--name", fmt.Sprint("t", i), "--network", "two", "busybox", "sleep", "1000")
		if got := field(t, h, fmt.Sprint("t", i), "{{.NetworkSettings.IPAddress}}"); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	h.OK("run", "-d", "--name", "bare", "--network", "two", "--ip", "none", "busybox", "sleep", "1000")
	if got := inside(h, "bare", "ip", "addr", "show", "eth0"); strings.Contains(got, "inet") || !strings.Contains(got, "UP") {
		t.Errorf("--ip none: %s", got)
	}
	h.Refused(1, `10\.3\.0\.2 is container t0's, which runs \(since 20`, "network", "release", "two", "10.3.0.2")
	h.Refused(1, `nobody has address 10\.3\.1\.99`, "network", "release", "two", "10.3.1.99")
	h.OK("stop", "-t", "0", "t0")
	h.OK("network", "release", "two", "10.3.0.2")
	h.OK("run", "-d", "--name", "thief", "--network", "two", "--ip", "10.3.0.2", "busybox", "sleep", "1000")
	h.Refused(1, `10\.3\.0\.2 is already claimed by container thief`, "start", "t0")
	h.OK("rm", "-f", "thief")
	h.OK("start", "t0")
	h.Refused(125, `10\.3\.0\.2 is already claimed by container t0`, "run", "--rm", "--network", "two", "--ip", "10.3.0.2", "busybox", "true")
	since := h.OK("network", "inspect", "-f", `{{range .Claims}}{{.Name}} {{.Address}} {{.Since.Year}} {{.Running}};{{end}}`, "two")
	if !regexp.MustCompile(`t0 10\.3\.0\.2/30 20\d\d true;`).MatchString(since) {
		t.Errorf("claims: %s", since)
	}
}

// The host has a seat on a network with host access, for its containers alone.
func TestHostAccess(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	before := a.Sh("ip route; ip -6 route")
	a.OK("network", "create", "--subnet", "172.16.10.0/24", "--subnet", "fd00:10::/64", "-o", "parent=enp0s9.10", "--host-access", "net10")
	a.OK("network", "create", "--subnet", "172.16.20.0/24", "-o", "parent=enp0s9.20", "-o", "host_access=172.16.20.200", "net20")
	if a.Sh("ip route; ip -6 route") != before {
		t.Error("a network without containers has changed the host's routes")
	}
	for _, n := range []string{"a1", "a2"} {
		a.OK("run", "-d", "--name", n, "--network", "net10", "--network", "net20", "busybox", "sleep", "1000")
	}
	b.OK("run", "-d", "--name", "far", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.99/24", "busybox", "sleep", "1000")
	mine := a.OK("network", "inspect", "-f", `{{range .IPAM.Config}}{{.AuxiliaryAddresses.host}} {{end}}`, "net10")
	addrs := append(strings.Fields(mine), "172.16.20.200")
	if len(addrs) != 3 {
		t.Fatalf("the host's addresses: %v", addrs)
	}
	for _, addr := range addrs {
		a.Eventually("the container reaches "+addr, func() bool { return a.Mvrun("exec", "a1", "ping", "-c", "1", "-W", "1", addr).Code == 0 })
	}
	for _, n := range []string{"net10", "net20"} {
		theirs := field(t, a, "a2", "{{with index .NetworkSettings.Networks \""+n+"\"}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}")
		for _, addr := range strings.Fields(theirs) {
			a.Sh("ping -c 1 -W 3 " + addr)
		}
	}
	// To others on the segment the host's way is what it was: none, here.
	if r := a.Exec(nil, "ping", "-c", "1", "-W", "1", "172.16.10.99"); r.Code == 0 {
		t.Errorf("the host reaches the LAN through its seat: %v", r)
	}
	if r := b.Mvrun("exec", "far", "ping", "-c", "1", "-W", "1", addrs[0]); r.Code == 0 {
		t.Errorf("the LAN reaches the host through its seat: %v", r)
	}
	a.Refused(125, `kept for host`, "run", "--rm", "--network", "net20", "--ip", "172.16.20.200", "busybox", "true")

	// It goes with the last container, by whatever death.
	a.OK("network", "disconnect", "net20", "a2")
	a.OK("stop", "-t", "0", "a1")
	a.Eventually("one container, one route", func() bool { // its destination and source
		got := a.Sh("ip route")
		return !strings.Contains(got, "172.16.20.") && strings.Count(got, "172.16.10.") == 2
	})
	a.Sh("kill -9 " + field(t, a, "a2", "{{.Mvrun.Monitor}}"))
	a.Eventually("the seat is gone", func() bool {
		a.OK("ps")
		return !strings.Contains(a.Sh("ip -br link"), "mvh-") && a.Sh("ip route; ip -6 route") == before
	})
	a.OK("start", "a1")
	a.Sh("ping -c 1 -W 3 " + field(t, a, "a1", `{{(index .NetworkSettings.Networks "net10").IPAddress}}`))
	for args, pattern := range map[string]string{
		"--subnet 10.9.0.0/24 -o macvlan_mode=private --host-access": `host access needs mode bridge`,
		"--host-access": `give the network a --subnet`,
		"--subnet 10.9.0.0/24 -o host_access=10.8.0.1":        `10\.8\.0\.1 is in no --subnet`,
		"--subnet 10.9.0.0/24 -o host_access=10.9.0.1":        `10\.9\.0\.1 is the gateway's`,
		"--subnet 10.9.0.0/24 -o host_access=perhaps":         `it is true, or the host's address`,
		"--subnet 10.9.0.0/24 --mtu 9000":                     `MTU 9000 is above the 1500 of parent enp0s9`,
		"--subnet 10.9.0.0/24 -o bclim=many":                  `bclim=many: it is a number`,
		"--subnet 10.9.0.0/24 --ip6 always":                   `of a network it is slaac or link-local`,
		"--subnet 10.9.0.0/24 --ipv6":                         `give the IPv6 --subnet`,
		"-d ipvlan --subnet 10.9.0.0/24 -o ipvlan_mode=l3":    `it is l2`,
		"-d ipvlan --subnet 10.9.0.0/24 -o macvlan_mode=vepa": `option of another driver`,
	} {
		a.Refused(1, pattern, append(append([]string{"network", "create", "-o", "parent=enp0s9.50"}, strings.Fields(args)...), "bad")...)
	}
}

// Containers know each other by name as they come and go.
func TestNames(t *testing.T) {
	h := host(t)
	threeNets(h)
	h.OK("run", "-d", "--name", "a1", "--network", "net10", "--network-alias", "web", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "b1", "--network", "net10", "--network", "net20,alias=db", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "c1", "--network", "net20", "busybox", "sleep", "1000")
	knows := func(who, name string) bool {
		return regexp.MustCompile(`(?m)\s` + regexp.QuoteMeta(name) + `( |$)`).MatchString(inside(h, who, "cat", "/etc/hosts"))
	}
	check := func(when string, pairs map[string]bool) {
		t.Helper()
		for pair, want := range pairs {
			if who, name, _ := strings.Cut(pair, " "); knows(who, name) != want {
				t.Errorf("%s: that %s knows %s is %v", when, who, name, !want)
			}
		}
	}
	check("all run", map[string]bool{
		"a1 b1": true, "b1 web": true, "b1 a1": true, "c1 db": true, "c1 b1": true, "b1 c1": true,
		"a1 db": false, "a1 c1": false, "c1 a1": false, "c1 web": false,
	})
	inside(h, "c1", "ping", "-c", "1", "-W", "3", "db")
	inside(h, "b1", "ping", "-c", "1", "-W", "3", "web")
	inside(h, "a1", "sh", "-c", "echo 192.0.2.7 mine >> /etc/hosts")

	h.OK("stop", "-t", "0", "b1")
	check("b1 is stopped", map[string]bool{"a1 b1": false, "c1 db": false, "a1 mine": true})
	h.OK("start", "b1")
	check("b1 is back", map[string]bool{"a1 b1": true, "c1 db": true, "b1 web": true, "a1 mine": true})
	h.OK("restart", "-t", "0", "a1")
	check("a1 was restarted", map[string]bool{"b1 web": true, "a1 b1": true, "a1 mine": false})
	h.OK("rename", "b1", "b2")
	check("b1 is b2", map[string]bool{"a1 b1": false, "a1 b2": true, "c1 b2": true, "c1 db": true})
	h.OK("rename", "b2", "b1")
	h.OK("network", "connect", "--alias", "third", "net10", "c1")
	check("c1 came to net10", map[string]bool{"a1 third": true, "c1 web": true})
	h.OK("network", "disconnect", "net10", "b1")
	check("b1 left net10", map[string]bool{"a1 b1": false, "b1 a1": false, "c1 db": true})
	h.Sh("kill -9 " + field(t, h, "c1", "{{.Mvrun.Monitor}}"))
	h.Eventually("the dead are forgotten", func() bool { h.OK("ps"); return !knows("a1", "third") && !knows("b1", "c1") })
	h.OK("rm", "-f", "b1")
	check("alone", map[string]bool{"a1 web": true, "a1 b1": false})
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	for i, h := range []*lab.Host{a, b} {
		h.OK("network", "create", "--subnet", "172.16.10.0/24", "--subnet", "fd00:10::/64", "--gateway", "fd00:10::1", "-o", "parent=enp0s9.10", "dual")
		h.OK("run", "-d", "--name", "c1", "--network", "dual", "--ip", fmt.Sprintf("172.16.10.1%d", i), "--ip6", fmt.Sprintf("fd00:10::1%d", i), "busybox", "sleep", "1000")
	}
	a.Eventually("they reach each other by IPv6", func() bool {
		return a.Mvrun("exec", "c1", "ping", "-c", "1", "-W", "1", "fd00:10::11").Code == 0
	})
	if got := inside(a, "c1", "ip", "-6", "route"); !strings.Contains(got, "default via fd00:10::1 dev eth0") {
		t.Errorf("routes: %s", got)
	}
	a.OK("run", "-d", "--name", "auto", "--network", "dual", "busybox", "sleep", "1000")
	if got := field(t, a, "auto", "{{.NetworkSettings.IPAddress}} {{.NetworkSettings.GlobalIPv6Address}}"); got != "172.16.10.2 fd00:10::2" {
		t.Errorf("automatic: %s", got)
	}
	a.OK("run", "-d", "--name", "off", "--network", "dual", "--ip6", "none", "busybox", "sleep", "1000")
	a.OK("run", "-d", "--name", "ll", "--network", "dual", "--ip", "none", "--ip6", "link-local", "busybox", "sleep", "1000")
	if got := inside(a, "off", "ip", "addr", "show", "eth0"); strings.Contains(got, "inet6") {
		t.Errorf("--ip6 none: %s", got)
	}
	if got := inside(a, "ll", "ip", "addr", "show", "eth0"); strings.Contains(got, "inet ") || !strings.Contains(got, "inet6 fe80::") || strings.Count(got, "inet6") != 1 {
		t.Errorf("--ip6 link-local: %s", got)
	}
	for args, pattern := range map[string]string{
		"--network dual --ip6 fd00:11::5":     `fd00:11::5 is not in subnet`,
		"--network dual --ip6 fd00:10::10":    `already claimed by container c1`,
		"--network dual --ip6 fd00:10::":      `anycast`,
		"--network dual --ip6 fd00:10::1":     `is the gateway's`,
		"--network dual --ip6 ff02::1":        `not in subnet`,
		"--network dual --ip6 sometimes":      `--ip6 sometimes: it is an address`,
		"--vlan 30 --parent enp0s9 --ip6 ::1": `not the address of a host|no host`,
	} {
		a.Refused(125, pattern, append(append([]string{"run", "--rm"}, strings.Fields(args)...), "busybox", "true")...)
	}
}

// A router on the segment gives prefix and default route to who listens, and
// to nobody else.
func TestSLAAC(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	stop := lab.Advertise(t, wire, lab.Trunk, 20, "2001:db8:20::/64")
	defer stop()
	h.OK("network", "create", "--subnet", "172.16.20.0/24", "--ip6", "slaac", "-o", "parent=enp0s9.20", "ra")
	h.OK("network", "create", "--subnet", "172.16.30.0/24", "--subnet", "fd00:30::/64", "-o", "parent=enp0s9.30", "net30")
	h.OK("run", "-d", "--name", "a1", "--network", "ra", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "short", "--vlan", "20", "--parent", lab.Trunk, "--ip", "none", "--ip6", "slaac", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "off", "--network", "ra", "--ip6", "none", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "ll", "--network", "ra", "--ip6", "link-local", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "two", "--network", "ra", "--network", "net30,gw-priority=1", "busybox", "sleep", "1000")
	addrs := func(c string) string { return inside(h, c, "ip", "-6", "addr", "show", "eth0") }
	routes := func(c string) string { return inside(h, c, "ip", "-6", "route") }
	// While the kernel still asks whether somebody has an address (RFC 4862 5.4),
	// nothing can be sent from it.
	for _, c := range []string{"a1", "short", "two"} {
		h.Eventually(c+" has an address of the router's prefix, and may use it", func() bool {
			got := addrs(c)
			return strings.Contains(got, "inet6 2001:db8:20:") && !strings.Contains(got, "tentative")
		})
	}
	for _, c := range []string{"a1", "short"} {
		h.Eventually(c+" goes through the router", func() bool {
			return strings.Contains(routes(c), "default via fe80::") && strings.Count(routes(c), "default") == 1
		})
	}
	if got := routes("two"); strings.Contains(got, "default via fe80") || !strings.Contains(got, "default via fd00:30::1 dev eth1") {
		t.Errorf("two legs: %s", got)
	}
	for _, c := range []string{"off", "ll"} {
		if got := addrs(c); strings.Contains(got, "2001:db8") {
			t.Errorf("%s listens to the router: %s", c, got)
		}
	}
	// Containers are known at the addresses that the router gave them, too.
	address := regexp.MustCompile(`2001:db8:20:[0-9a-f:]+`)
	two := address.FindString(addrs("two"))
	knows := func() bool {
		return regexp.MustCompile(`(?m)^` + two + `\ttwo( |$)`).MatchString(inside(h, "a1", "cat", "/etc/hosts"))
	}
	h.Eventually("a1 knows two at "+two, knows)
	inside(h, "a1", "ping", "-c", "1", "-W", "3", "-6", "two")
	if got := h.OK("ps", "--filter", "name=two", "--format", "{{.Ports}}") + field(t, h, "two", " {{.NetworkSettings.Networks.ra.GlobalIPv6Address}}"); strings.Count(got, two) != 2 {
		t.Errorf("ps and inspect say %s, not %s", got, two)
	}
	h.OK("stop", "-t", "0", "two")
	if knows() {
		t.Error("a1 knows two, which is stopped")
	}
	h.OK("start", "two")
	h.Eventually("a1 knows two again", knows)
	// The leg that leads by now takes the router's route, the other gives it up.
	h.OK("network", "disconnect", "net30", "two")
	h.Eventually("the way through the router", func() bool { return strings.Contains(routes("two"), "default via fe80::") })
	h.OK("network", "connect", "--gw-priority", "1", "net30", "two")
	if got := routes("two"); strings.Contains(got, "default via fe80") || !strings.Contains(got, "default via fd00:30::1") {
		t.Errorf("connected again: %s", got)
	}
	mac := inside(h, "a1", "cat", "/sys/class/net/eth0/address")
	was := addrs("a1")
	h.OK("restart", "-t", "0", "a1")
	h.Eventually("the same address after a restart ("+mac+")", func() bool {
		return strings.Contains(addrs("a1"), regexp.MustCompile(`2001:db8:20:[0-9a-f:]+`).FindString(was))
	})
}

// Where the kernel has no ipvlan the error says so, and nothing is left.
func TestIPVLAN(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	for i, h := range []*lab.Host{a, b} {
		h.OK("network", "create", "-d", "ipvlan", "--subnet", "172.16.10.0/24", "-o", "parent=enp0s9.10", "-o", "ipvlan_mode=l2", "ipv")
		h.Refused(125, `in ipvlan l2 mode the container has the parent's own MAC`, "run", "--rm", "--network", "ipv", "--mac-address", "02:00:00:00:00:01", "busybox", "true")
		h.Refused(1, `carries macvlan or ipvlan, not both`, "network", "create", "--subnet", "172.17.10.0/24", "-o", "parent=enp0s9.10", "mac")
		if lab.Lacks(t, lab.KernelIPVLAN) {
			h.Refused(125, `this kernel has no ipvlan \(CONFIG_IPVLAN`, "run", "--rm", "--network", "ipv", "busybox", "true")
			continue
		}
		h.OK("run", "-d", "--name", "c1", "--network", "ipv", "--ip", fmt.Sprintf("172.16.10.1%d", i), "busybox", "sleep", "1000")
	}
	lab.Needs(t, lab.KernelIPVLAN)
	inside(a, "c1", "ping", "-c", "2", "-W", "3", "172.16.10.11")
	if got, want := inside(a, "c1", "cat", "/sys/class/net/eth0/address"), a.Find(lab.Trunk).Attrs().HardwareAddr.String(); got != want {
		t.Errorf("MAC address %s, want the parent's %s", got, want)
	}
}

// A VLAN inside a service VLAN: two tags on the wire, the outer one 802.1ad.
func TestQinQ(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	h := a
	h.Refused(125, `VLAN 100\.10: a VLAN inside another \(QinQ\) needs the kernel's 8021q: the driver ebpf knows one tag`,
		"run", "--rm", "--vlan", "100.10", "--parent", lab.Trunk, "--vlan-driver", "ebpf", "busybox", "true")
	if lab.Lacks(t, lab.Kernel8021q) {
		h.Refused(125, `this kernel has no 8021q`, "run", "--rm", "--vlan", "100.10", "--parent", lab.Trunk, "busybox", "true")
		wantLinks(t, h, "after the refusal")
	}
	lab.Needs(t, lab.Kernel8021q)
	frames := b.CaptureOn(lab.Trunk)
	conf := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(conf, []byte("[vlan.\"100.10\"]\nsubnet = '172.16.10.0/25'\ngateway = '172.16.10.1'\nip-range = '172.16.10.64/26'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, h := range []*lab.Host{a, b} {
		h.OK("run", "-d", "--name", "c1", "--vlan", "100.10", "--parent", lab.Trunk, "--ip", fmt.Sprintf("172.16.10.1%d/24", i), "busybox", "sleep", "1000")
	}
	tree := a.OK("topology")
	for _, want := range []string{"VLAN 100 802.1ad", "VLAN 100.10 ", "c1  eth0@if"} {
		if !strings.Contains(tree, want) || strings.Contains(tree, "not mvrun's") {
			t.Errorf("the tree lacks %q, or has it as another's:\n%s", want, tree)
		}
	}
	// One segment, whether it is said by its tags or by the links that stand for
	// it by now: an address has one owner there.
	for _, how := range [][]string{{"--vlan", "100.10", "--parent", lab.Trunk}, {"--parent", "enp0s9.100.10"}, {"--vlan", "10", "--parent", "enp0s9.100"}} {
		h.Refused(125, `172\.16\.10\.10 is already claimed by container c1`, append(append([]string{"run", "--rm", "--ip", "172.16.10.10/24"}, how...), "busybox", "true")...)
	}
	h.OK("--config", conf, "run", "-d", "--name", "auto", "--vlan", "100.10", "--parent", lab.Trunk, "busybox", "sleep", "1000")
	if got := inside(h, "auto", "ip", "-4", "-o", "addr", "show", "eth0"); !strings.Contains(got, "172.16.10.64/25") {
		t.Errorf("by the file: %s", got)
	}
	wantRoute(t, h, "auto", "default via 172.16.10.1 dev eth0")
	h.OK("rm", "-f", "auto")
	inside(a, "c1", "ping", "-c", "2", "-W", "3", "172.16.10.11")
	for _, p := range frames.Frames() {
		data := p.Data()
		if len(data) < 18 || data[12] != 0x88 || data[13] != 0xa8 || data[15] != 100 || data[16] != 0x81 || data[17] != 0 || data[19] != 10 {
			t.Errorf("not 802.1ad 100, then 802.1Q 10: % x", data[:min(len(data), 24)])
		}
	}
	a.OK("rm", "-f", "c1")
	wantLinks(t, a, "after rm")
}
