package dhcp

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"time"
)

// Client is the task that gets a lease and keeps it.
type Client struct {
	id      Identity
	conn    Conn
	options Options
	machine machine
	decline chan struct{}
}

// Options of a client; each may be left out. The functions are called by Run,
// one at a time, and must not block for long.
type Options struct {
	Prior  *Lease      // of an earlier run of the same container: asked for again
	Probe  Prober      // asks the wire before an address is used; nil: trust the server
	Notify func(Event) // tells what became of the lease
}

// NewClient returns a client that is yet to Run. conn is used by it alone from
// now on, and closed by the caller.
func NewClient(conn Conn, id Identity, o Options) (*Client, error) {
	if err := id.validate(); err != nil {
		return nil, fmt.Errorf("lease an address: %w", err)
	}
	if o.Notify == nil {
		o.Notify = func(Event) {}
	}
	return &Client{
		id: id, conn: conn, options: o,
		machine: machine{id: id, random: newRandom(), state: initial},
		decline: make(chan struct{}, 1),
	}, nil
}

// newRandom is unguessable: the transaction id is all that tells an answer from
// a forgery by one who does not hear the question.
func newRandom() *rand.Rand {
	var seed [32]byte
	crand.Read(seed[:]) // never fails (crypto/rand)
	return rand.New(rand.NewChaCha8(seed))
}

func (c *Client) String() string { return "DHCP client of " + c.id.ID }

// Decline gives a lease back because another host uses its address, and looks
// for a new one. It never blocks; without a lease it does nothing.
func (c *Client) Decline() {
	select {
	case c.decline <- struct{}{}:
	default:
	}
}

// Run leases an address and keeps it until ctx ends, which is not an error and
// does not give the lease back (see Release), or until the interface is gone
// (ErrLinkGone). A server that does not answer is asked forever.
func (c *Client) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	messages, failed := make(chan message), make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { c.conn.SetReadDeadline(time.Unix(1, 0)) })
	go func() { failed <- c.listen(ctx, messages) }()
	err := c.keep(ctx, messages, failed)
	cancel()
	for range messages { // until listen has closed it, or it would use conn after us
	}
	stop()
	return err
}

func (c *Client) keep(ctx context.Context, messages <-chan message, failed <-chan error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	out := c.machine.start(time.Now(), c.options.Prior)
	for {
		if err := c.act(out); err != nil {
			return fmt.Errorf("lease an address: %w", err)
		}
		timer.Stop()
		if wake := c.machine.wake; !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("lease an address: %w", err)
		case m, ok := <-messages:
			if !ok {
				messages, out = nil, output{} // failed says why
				continue
			}
			out = c.machine.receive(time.Now(), m.m, m.from)
		case <-c.decline:
			out = c.machine.conflict(time.Now())
		case <-timer.C:
			out = c.machine.tick(time.Now())
		}
	}
}

// act does what the machine asks for, and what follows from that.
func (c *Client) act(out output) error {
	for {
		if out.event != nil { // first: an address is given up before others hear of it
			c.options.Notify(*out.event)
		}
		for _, o := range out.send {
			if err := c.send(o); err != nil {
				return err
			}
		}
		if !out.check.IsValid() {
			return nil
		}
		taken := c.options.Probe != nil && c.options.Probe(out.check)
		out = c.machine.checked(time.Now(), taken)
	}
}
