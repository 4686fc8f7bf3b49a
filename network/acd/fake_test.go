package acd

import (
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/arp"
)

var (
	ourMAC   = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	otherMAC = net.HardwareAddr{2, 0, 0, 0, 0, 2}
	claim4   = Claim{netip.MustParseAddr("172.16.10.10"), ourMAC}
	claim6   = Claim{netip.MustParseAddr("fd00::10"), ourMAC}
	rival4   = Claim{claim4.Addr, otherMAC}
	rival6   = Claim{claim6.Addr, otherMAC}
)

// fakeConn is our end of a wire whose other end the test holds. Inside a
// synctest bubble its deadlines follow the fake clock.
type fakeConn struct {
	net.Conn
	mu      sync.Mutex
	down    bool
	gone    error
	sendErr error
}

func (c *fakeConn) Receive(b []byte) (int, net.HardwareAddr, error) {
	n, err := c.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	return n, otherMAC, err
}

func (c *fakeConn) Send(b []byte, _ net.HardwareAddr) error {
	if c.sendErr != nil {
		return c.sendErr
	}
	_, err := c.Write(b)
	return err
}

func (c *fakeConn) Carrier() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.down, c.gone
}

// wire is the other end: it keeps what was sent, with the time since start.
type wire struct {
	net.Conn
	start time.Time
	mu    sync.Mutex
	sent  []sent
}

type sent struct {
	at     time.Duration
	packet []byte
}

func newWire(t *testing.T) (*fakeConn, *wire) {
	ours, theirs := net.Pipe()
	w := &wire{Conn: theirs, start: time.Now()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			b := make([]byte, 2048)
			n, err := theirs.Read(b)
			if err != nil {
				return
			}
			w.mu.Lock()
			w.sent = append(w.sent, sent{time.Since(w.start), b[:n]})
			w.mu.Unlock()
		}
	}()
	t.Cleanup(func() { ours.Close(); theirs.Close(); <-done })
	return &fakeConn{Conn: ours}, w
}

// put lets a packet arrive, after some time.
func (w *wire) put(t *testing.T, after time.Duration, packet []byte) {
	go func() {
		time.Sleep(after)
		if _, err := w.Write(packet); err != nil {
			t.Errorf("packet was not taken: %v", err)
		}
	}()
}

// times are when packets equal to f were sent.
func (w *wire) times(f frame) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var at []time.Duration
	for _, s := range w.sent {
		if slices.Equal(s.packet, f.payload) {
			at = append(at, s.at)
		}
	}
	return at
}

func mustDialect(t testing.TB, c Claim) dialect {
	t.Helper()
	d, err := newDialect(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// arpPacket is an ARP packet of the other host.
func arpPacket(t testing.TB, op arp.Operation, sender, target string) []byte {
	t.Helper()
	p, err := arp.NewPacket(op, otherMAC, netip.MustParseAddr(sender), ourMAC, netip.MustParseAddr(target))
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
