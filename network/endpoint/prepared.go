package endpoint

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
	"github.com/mvrun/mvrun/network/trunk"
)

// Prepared is what another process has begun of endpoints in the namespace that
// they are attached in.
type Prepared interface {
	// TakeLink tells, once, whether the interface is made and up: another one of
	// that name may come after it.
	TakeLink(ifName string) bool
	// TakeQuestion is the socket of a question that has been asked about an
	// address, and when; nil if none was. It is the caller's from then on. index
	// is that of the interface that the answers come in on.
	TakeQuestion(ifName string, c acd.Claim, index int) (*acd.Socket, time.Time)
}

// Begun is an endpoint whose interface is there and up, without addresses.
type Begun struct{ dev *device }

// Begin makes an endpoint's interface. Attach, perhaps in another process, goes on
// from there if Hooks.Prepared tells of it.
func (m *Manager) Begin(ctx context.Context, ns *trunk.Namespace, owner network.Owner, ep network.Endpoint) (*Begun, error) {
	h, err := trunk.Open()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	lower, err := m.use(ctx, owner.ID, ep)
	if err != nil {
		return nil, err
	}
	d := &device{ns: ns, ep: ep, lower: lower}
	in, err := ns.Handle()
	if err != nil {
		return nil, err
	}
	if err := d.begin(ctx, h, in); err != nil {
		return nil, errors.Join(err, d.remove())
	}
	return &Begun{d}, nil
}

// HasCarrier tells whether anybody could answer a question.
func (b *Begun) HasCarrier() bool { return trunk.HasCarrier(b.dev.lower.Parent) }

// Ask sends the first probe for an address. The file is the socket that hears the
// answer; asked is the time in nanoseconds of CLOCK_MONOTONIC, which is the same
// for all processes.
func (b *Begun) Ask(addr netip.Addr) (f *os.File, asked int64, err error) {
	claim := acd.Claim{Addr: addr, MAC: b.dev.link.Attrs().HardwareAddr}
	conn, err := b.dev.listen(claim)
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close() // the file stays open
	if asked, err = Monotonic(); err != nil {
		return nil, 0, err
	}
	if err := acd.Ask(conn, claim); err != nil {
		return nil, 0, err
	}
	f, err = conn.File()
	return f, asked, err
}

// Monotonic is the time of CLOCK_MONOTONIC in nanoseconds.
func Monotonic() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, errors.New("no monotonic clock")
	}
	return ts.Nano(), nil
}

// begin makes the interface and sets it up.
func (d *device) begin(ctx context.Context, h trunk.Handle, in *netlink.Handle) error {
	if err := d.make(ctx, h, in); err != nil {
		return err
	}
	if err := d.settings(); err != nil {
		return err
	}
	return d.up(ctx, in)
}
