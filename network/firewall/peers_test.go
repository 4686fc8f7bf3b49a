package firewall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/mvrun/mvrun/network/internal/testlan"
)

const (
	container4, container6 = "172.16.10.80", "fd00::80"
	near4, far4            = "172.16.10.10", "172.16.10.200" // in and out of 172.16.10.0/26
	near6, far6            = "fd00::10", "fd00:0:0:0:1::10"  // in and out of fd00::/80
	silence                = 300 * time.Millisecond          // what is to be dropped has not come by then
	patience               = 5 * time.Second                 // what is to come has come by then
)

func newLAN(t *testing.T) (container, peer *testlan.Host) {
	t.Helper()
	container, peer = testlan.NewHost(t), testlan.NewHost(t)
	trunk := testlan.NewHost(t)
	testlan.Cable(trunk, "trunk", peer, "lan")
	trunk.Macvlan("trunk", container, "eth0")
	container.Addr("eth0", container4+"/24")
	container.Addr("eth0", container6+"/64")
	for _, a := range []string{near4 + "/24", far4 + "/24", near6 + "/64", far6 + "/64"} {
		peer.Addr("lan", a)
	}
	for _, port := range []int{80, 443, 8005} {
		serveTCP(t, container, port)
		serveUDP(t, container, port, container4, container6)
	}
	serveTCP(t, peer, 80)
	serveUDP(t, peer, 80, near4, near6)
	return container, peer
}

func serveTCP(t *testing.T, h *testlan.Host, port int) {
	t.Helper()
	var l net.Listener
	err := h.Do(func() (err error) {
		l, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // echo
				defer c.Close()
				b := make([]byte, 100)
				for {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					c.Write(b[:n])
				}
			}()
		}
	}()
}

// serveUDP has a socket for each address, so that the answer comes from there.
func serveUDP(t *testing.T, h *testlan.Host, port int, addrs ...string) {
	t.Helper()
	for _, addr := range addrs {
		var c net.PacketConn
		err := h.Do(func() (err error) {
			c, err = net.ListenPacket("udp", net.JoinHostPort(addr, fmt.Sprint(port)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			b := make([]byte, 100)
			for {
				n, from, err := c.ReadFrom(b)
				if err != nil {
					return
				}
				c.WriteTo(b[:n], from)
			}
		}()
	}
}

// dial opens a connection inside a host, from one of its addresses.
func dial(h *testlan.Host, network, from, to string, port int, wait time.Duration) (c net.Conn, err error) {
	d := net.Dialer{Timeout: wait}
	switch network {
	case "tcp":
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	case "udp":
		d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	err = h.Do(func() (err error) {
		c, err = d.DialContext(context.Background(), network, net.JoinHostPort(to, fmt.Sprint(port)))
		return err
	})
	return c, err
}

// echo says whether what is sent on c comes back. A refusal is not dropped.
func echo(c net.Conn, wait time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 100))
	return err
}

// reach says whether an answer comes; one that is wanted is waited for longer. An
// error other than silence fails the test.
func reach(t *testing.T, h *testlan.Host, a attempt, want bool) bool {
	t.Helper()
	wait := silence
	if want {
		wait = patience
	}
	if a.network == "ping" {
		return ping(t, h, a, wait)
	}
	c, err := dial(h, a.network, a.from, a.to, a.port, wait)
	if err == nil {
		defer c.Close()
		err = echo(c, wait)
	}
	if err != nil && !isTimeout(err) {
		t.Errorf("%s: %v", a, err)
	}
	return err == nil
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

var pings atomic.Int32

func ping(t *testing.T, h *testlan.Host, a attempt, wait time.Duration) bool {
	t.Helper()
	network, request, reply, proto := "ip4:icmp", icmp.Type(ipv4.ICMPTypeEcho), icmp.Type(ipv4.ICMPTypeEchoReply), 1
	if net.ParseIP(a.to).To4() == nil {
		network, request, reply, proto = "ip6:ipv6-icmp", ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, 58
	}
	var c *icmp.PacketConn
	err := h.Do(func() (err error) {
		c, err = icmp.ListenPacket(network, a.from)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// Another identifier each time: one that was answered is an established flow.
	id := int(pings.Add(1))
	m := icmp.Message{Type: request, Body: &icmp.Echo{ID: id, Seq: 1}}
	b, err := m.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(b, &net.IPAddr{IP: net.ParseIP(a.to)}); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(wait))
	for answer := make([]byte, 1500); ; {
		n, _, err := c.ReadFrom(answer)
		if err != nil {
			return false
		}
		if m, err := icmp.ParseMessage(proto, answer[:n]); err == nil && m.Type == reply && m.Body.(*icmp.Echo).ID == id {
			return true
		}
	}
}

// attempt is one try to reach the container.
type attempt struct {
	network, from, to string
	port              int
}

func (a attempt) String() string {
	return fmt.Sprintf("%s %s > %s port %d", a.network, a.from, a.to, a.port)
}

// attempts are all that the tests try, from near and far, by IPv4 and IPv6.
func attempts() []attempt {
	var out []attempt
	for _, pair := range [][2]string{{near4, container4}, {far4, container4}, {near6, container6}, {far6, container6}} {
		for _, network := range []string{"tcp", "udp"} {
			for _, port := range []int{80, 443, 8005} {
				out = append(out, attempt{network, pair[0], pair[1], port})
			}
		}
		out = append(out, attempt{"ping", pair[0], pair[1], 0})
	}
	return out
}
