package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// DHCP is a real dnsmasq on a namespace's link.
type DHCP struct {
	n    *Netns
	dir  string
	link string
	cmd  *exec.Cmd
}

// DHCPServer starts dnsmasq on a link that has an address. args say what it
// gives: --dhcp-range and --dhcp-option.
func (n *Netns) DHCPServer(link string, args ...string) *DHCP {
	n.t.Helper()
	dir, err := os.MkdirTemp("", "mvrun-dnsmasq-")
	if err != nil {
		n.t.Fatal(err)
	}
	d := &DHCP{n: n, dir: dir, link: link}
	d.Start(args...)
	n.t.Cleanup(func() {
		d.Stop()
		if n.t.Failed() {
			n.t.Logf("dnsmasq said:\n%s", d.Log())
		}
		os.RemoveAll(dir)
	})
	return d
}

// Start starts it again, with its leases.
func (d *DHCP) Start(args ...string) {
	d.n.t.Helper()
	program, err := exec.LookPath("dnsmasq")
	if err != nil {
		d.n.t.Fatalf("the test needs a real server, install dnsmasq-base: %v", err)
	}
	from := len(d.Log())
	d.cmd = exec.Command(program, append([]string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--user=root", "--log-dhcp", "--dhcp-authoritative",
		"--interface=" + d.link, "--bind-interfaces", "--pid-file=",
		"--dhcp-leasefile=" + filepath.Join(d.dir, "leases"), "--log-facility=" + filepath.Join(d.dir, "log"),
	}, args...)...)
	if err := d.n.Do(d.cmd.Start); err != nil {
		d.n.t.Fatalf("start dnsmasq: %v", err)
	}
	for deadline := time.Now().Add(Within(10 * time.Second)); !strings.Contains(d.Log()[from:], "sockets bound"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.n.t.Fatalf("dnsmasq does not listen:\n%s", d.Log())
		}
	}
}

// Stop ends the server; its leases stay.
func (d *DHCP) Stop() {
	if d.cmd != nil {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		_ = d.cmd.Wait()
		d.cmd = nil
	}
}

// Forget drops the leases of a stopped server.
func (d *DHCP) Forget() { os.Remove(filepath.Join(d.dir, "leases")) }

// Log is what the server has said.
func (d *DHCP) Log() string { return d.read("log") }

// Leases is the server's book: a line a lease, with expiry, hardware address,
// address, host name and client id.
func (d *DHCP) Leases() string { return d.read("leases") }

func (d *DHCP) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(d.dir, name))
	return string(data)
}
