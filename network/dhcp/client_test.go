package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

// fakeConn is the client's end of a wire; inside a synctest bubble its
// deadlines follow the fake clock.
type fakeConn struct {
	net.Conn
	sendErr error
}

func (c *fakeConn) Receive(b []byte) (int, net.HardwareAddr, error) {
	n, err := c.Read(b)
	return n, serverMAC, err
}

func (c *fakeConn) Send(b []byte, _ net.HardwareAddr) error {
	if c.sendErr != nil {
		return c.sendErr
	}
	_, err := c.Write(b)
	return err
}

// fakeServer is the other end. It answers as its answer function says and keeps
// a diary of what happens when.
type fakeServer struct {
	conn   net.Conn
	answer func(m *dhcpv4.DHCPv4) dhcpv4.MessageType
	start  time.Time
	mu     sync.Mutex
	diary  []string
}

func (s *fakeServer) note(format string, a ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.diary = append(s.diary, time.Since(s.start).Round(time.Minute).String()+" "+fmt.Sprintf(format, a...))
}

func (s *fakeServer) serve() {
	b := make([]byte, 2048)
	for {
		n, err := s.conn.Read(b)
		if err != nil {
			return
		}
		b[23] = clientPort // unwrap is for clients
		payload, err := unwrap(b[:n])
		if err != nil {
			s.note("got no UDP packet: %x", b[:n])
			continue
		}
		m, err := dhcpv4.FromBytes(payload)
		if err != nil {
			s.note("got no message: %v", err)
			continue
		}
		src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		s.note("%s %s > %s", m.MessageType(), src, dst)
		if kind := s.answer(m); kind != dhcpv4.MessageTypeNone {
			go s.reply(m, kind)
		}
	}
}

func (s *fakeServer) reply(m *dhcpv4.DHCPv4, kind dhcpv4.MessageType) {
	r := ackWith(dhcpv4.OptMessageType(kind))
	r.TransactionID = m.TransactionID
	packet := wrap(r.ToBytes(), addr("10.0.0.1"), addr("10.0.0.5"))
	packet[21], packet[23] = serverPort, clientPort
	if _, err := s.conn.Write(packet); err != nil {
		s.note("reply was not taken: %v", err)
	}
}

// always grants everything.
func always(m *dhcpv4.DHCPv4) dhcpv4.MessageType {
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		return dhcpv4.MessageTypeOffer
	case dhcpv4.MessageTypeRequest:
		return dhcpv4.MessageTypeAck
	}
	return dhcpv4.MessageTypeNone
}

// newWire starts a server, which ends with the test.
func newWire(t *testing.T) (*fakeConn, *fakeServer) {
	ours, theirs := net.Pipe()
	s := &fakeServer{conn: theirs, answer: always, start: time.Now()}
	done := make(chan struct{})
	go func() { defer close(done); s.serve() }()
	t.Cleanup(func() { ours.Close(); theirs.Close(); <-done })
	return &fakeConn{Conn: ours}, s
}

func TestClient(t *testing.T) {
	tests := []struct {
		name string
		set  func(*fakeServer, *Client, *Options)
		want []string
	}{
		{"gets a lease and renews it", nil, []string{
			"0s DISCOVER 0.0.0.0 > 255.255.255.255", "0s REQUEST 0.0.0.0 > 255.255.255.255", "0s bound",
			"30m0s REQUEST 10.0.0.5 > 10.0.0.1", "30m0s renewed",
			"1h0m0s REQUEST 10.0.0.5 > 10.0.0.1", "1h0m0s renewed",
		}},
		{"the server dies", func(s *fakeServer, _ *Client, _ *Options) {
			s.answer = func(m *dhcpv4.DHCPv4) dhcpv4.MessageType {
				if time.Since(s.start) > 0 {
					return dhcpv4.MessageTypeNone
				}
				return always(m)
			}
		}, []string{
			"0s DISCOVER 0.0.0.0 > 255.255.255.255", "0s REQUEST 0.0.0.0 > 255.255.255.255", "0s bound",
			"30m0s REQUEST 10.0.0.5 > 10.0.0.1", "41m0s REQUEST 10.0.0.5 > 10.0.0.1", "47m0s REQUEST 10.0.0.5 > 10.0.0.1",
			"50m0s REQUEST 10.0.0.5 > 10.0.0.1", "51m0s REQUEST 10.0.0.5 > 10.0.0.1", "52m0s REQUEST 10.0.0.5 > 10.0.0.1",
			"53m0s REQUEST 10.0.0.5 > 255.255.255.255", "56m0s REQUEST 10.0.0.5 > 255.255.255.255",
			"58m0s REQUEST 10.0.0.5 > 255.255.255.255", "59m0s REQUEST 10.0.0.5 > 255.255.255.255",
			"1h0m0s expired", "1h0m0s DISCOVER 0.0.0.0 > 255.255.255.255",
		}},
		{"the address is taken", func(_ *fakeServer, _ *Client, o *Options) {
			first := true
			o.Probe = func(netip.Addr) bool { taken := first; first = false; return taken }
		}, []string{
			"0s DISCOVER 0.0.0.0 > 255.255.255.255", "0s REQUEST 0.0.0.0 > 255.255.255.255",
			"0s DECLINE 0.0.0.0 > 255.255.255.255",
			"0s DISCOVER 0.0.0.0 > 255.255.255.255", "0s REQUEST 0.0.0.0 > 255.255.255.255", "0s bound",
		}},
		{"somebody takes it later", func(_ *fakeServer, c *Client, _ *Options) {
			time.AfterFunc(10*time.Minute, c.Decline)
		}, []string{
			"0s DISCOVER 0.0.0.0 > 255.255.255.255", "0s REQUEST 0.0.0.0 > 255.255.255.255", "0s bound",
			"10m0s expired", "10m0s DECLINE 0.0.0.0 > 255.255.255.255",
			"10m0s DISCOVER 0.0.0.0 > 255.255.255.255", "10m0s REQUEST 0.0.0.0 > 255.255.255.255", "10m0s bound",
		}},
		{"a lease of an earlier run", func(s *fakeServer, _ *Client, o *Options) {
			l, _ := parseLease(ackWith(), s.start.Add(-time.Minute))
			o.Prior = &l
		}, []string{"0s REQUEST 0.0.0.0 > 255.255.255.255", "0s bound"}},
		{"rubbish on the wire", func(s *fakeServer, _ *Client, _ *Options) {
			s.answer = func(m *dhcpv4.DHCPv4) dhcpv4.MessageType {
				go func() {
					for _, b := range [][]byte{{0}, make([]byte, 600), wrap([]byte("x"), addr("10.0.0.1"), addr("10.0.0.5"))} {
						s.conn.Write(b)
					}
				}()
				return always(m)
			}
		}, []string{"0s DISCOVER 0.0.0.0 > 255.255.255.255", "0s REQUEST 0.0.0.0 > 255.255.255.255", "0s bound"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, s := newWire(t)
				o := Options{}
				c := &Client{}
				if tt.set != nil {
					tt.set(s, c, &o)
				}
				o.Notify = func(e Event) { s.note("%s", e.Kind) }
				made, err := NewClient(conn, identity, o)
				if err != nil {
					t.Fatal(err)
				}
				*c = *made
				ctx, cancel := context.WithTimeout(t.Context(), 61*time.Minute)
				defer cancel()
				if err := c.Run(ctx); err != nil {
					t.Errorf("Run: %v", err)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if len(s.diary) > len(tt.want) {
					s.diary = s.diary[:len(tt.want)] // how it goes on is no matter of this case
				}
				if diff := cmp.Diff(tt.want, s.diary); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestClientLinkGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := newWire(t)
		conn.sendErr = ErrLinkGone
		c, err := NewClient(conn, identity, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Run(t.Context()); !errors.Is(err, ErrLinkGone) {
			t.Errorf("Run: %v, want ErrLinkGone", err)
		}
	})
}

// A link that is down is no reason to end, nor to ask more often.
func TestClientLinkDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, s := newWire(t)
		conn.sendErr = unix.ENETDOWN
		c, err := NewClient(conn, identity, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Run(ctx); err != nil || len(s.diary) > 0 {
			t.Errorf("Run: %v, sent %q", err, s.diary)
		}
	})
}

func TestRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, s := newWire(t)
		l, err := parseLease(ackWith(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := Release(conn, identity, l); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"0s RELEASE 10.0.0.5 > 10.0.0.1"}, s.diary); diff != "" {
			t.Error(diff)
		}
		if err := Release(conn, identity, Lease{}); err == nil {
			t.Error("released no lease")
		}
	})
}

func TestIdentityRefused(t *testing.T) {
	for _, id := range []Identity{
		{},
		{ID: "x", MAC: net.HardwareAddr{1}},
		{MAC: identity.MAC},
		{ID: string(make([]byte, 255)), MAC: identity.MAC},
		{ID: "x", MAC: identity.MAC, Hostname: string(make([]byte, 256))},
	} {
		if _, err := NewClient(&fakeConn{}, id, Options{}); err == nil {
			t.Errorf("%+v was accepted", id)
		}
	}
}
