package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/acd"
)

// aheadTime is how long Ahead tries to make a leg. What is in the way for longer
// is met again by Attach, which is patient.
const aheadTime = 10 * time.Millisecond

// maxAhead bounds the questions of one namespace: so many descriptors, and its
// own, go through a socket in one message (SCM_MAX_FD, 253).
const maxAhead = 100

// ahead is what a command has begun in a namespace that it hands to the
// container's monitor.
type ahead struct {
	legs      []string // by interface: links that are made and up
	questions []Question
	files     []*os.File // the questions' sockets, in the same order
}

// Question is a first probe that has been sent; its socket hears the answer.
type Question struct {
	IfName string     `json:"ifname"`
	Addr   netip.Addr `json:"addr"`
	Asked  int64      `json:"asked"` // ns of CLOCK_MONOTONIC, which is the same for all processes
}

// Ahead begins legs in a namespace: the links, and the first probe for their
// addresses. It is for the process that starts a container, while the one that
// will keep it boots: Attach, over there, goes on with what it finds, and the
// window of the probe has begun some milliseconds earlier. Nothing is lost where
// it fails: Attach does it again, and says why it can't be done. What it has made
// goes with the namespace, and with Detach.
//
// It leaves legs alone that need the monitor's ear before their link is up, or
// that wait for more than their own probe.
func (s *Store) Ahead(ctx context.Context, ns *Namespace, owner Owner, eps []Endpoint) {
	h, err := openHost()
	if err != nil {
		return
	}
	defer h.Close()
	ctx, cancel := context.WithTimeout(ctx, aheadTime)
	defer cancel()
	for _, ep := range eps {
		if !ep.DHCP && ep.IPv6 != SLAAC && len(ep.HostAddrs) == 0 {
			s.aheadLeg(ctx, h, ns, owner, ep)
		}
	}
}

func (s *Store) aheadLeg(ctx context.Context, h host, ns *Namespace, owner Owner, ep Endpoint) {
	used, err := s.use(ctx, h, owner.ID, ep)
	if err != nil {
		return
	}
	in, err := ns.Handle()
	if err != nil {
		return
	}
	a := &attaching{ns: ns, ep: ep, used: used}
	for _, step := range []func() error{
		func() error { return a.make(ctx, h, in) },
		a.settings,
		func() error { return a.up(ctx, in) },
	} {
		if err := step(); err != nil {
			_ = a.remove()
			return
		}
	}
	ns.ahead.legs = append(ns.ahead.legs, ep.IfName)
	if ep.Probe == 0 || !carrier(used.parent) {
		return
	}
	for _, p := range ep.Addrs {
		if len(ns.ahead.files) == maxAhead || a.ask(p.Addr()) != nil {
			return
		}
	}
}

// ask sends the first probe for an address.
func (a *attaching) ask(addr netip.Addr) error {
	claim := acd.Claim{Addr: addr, MAC: a.link.Attrs().HardwareAddr}
	conn, err := a.listen(claim)
	if err != nil {
		return err
	}
	defer conn.Close() // the file stays open
	asked, err := monotonic()
	if err == nil {
		err = acd.Ask(conn, claim)
	}
	if err != nil {
		return err
	}
	f, err := conn.File()
	if err != nil {
		return err
	}
	to := &a.ns.ahead
	to.questions = append(to.questions, Question{a.ep.IfName, addr, asked})
	to.files = append(to.files, f)
	return nil
}

// begun tells, once, whether the leg's link was made ahead: another leg of the name
// may come after it.
func (a *attaching) begun() bool {
	i := slices.Index(a.ns.ahead.legs, a.ep.IfName)
	if i < 0 {
		return false
	}
	a.ns.ahead.legs = slices.Delete(a.ns.ahead.legs, i, i+1)
	return true
}

// asked is the socket of a question that was asked ahead, and when; nil if there
// is none. It is the caller's from now on.
func (a *attaching) asked(c acd.Claim) (*acd.Socket, time.Time) {
	from := &a.ns.ahead
	i := slices.IndexFunc(from.questions, func(q Question) bool { return q.IfName == a.ep.IfName && q.Addr == c.Addr })
	if i < 0 {
		return nil, time.Time{}
	}
	q, f := from.questions[i], from.files[i]
	from.questions, from.files = slices.Delete(from.questions, i, i+1), slices.Delete(from.files, i, i+1)
	defer f.Close()
	conn, err := acd.Adopt(f, a.wire(), c)
	now, cerr := monotonic()
	if err != nil || cerr != nil {
		return nil, time.Time{}
	}
	return conn, time.Now().Add(-time.Duration(now - q.Asked))
}

func (a *ahead) close() {
	for _, f := range a.files {
		go f.Close() // as slow as that of a watch
	}
	*a = ahead{}
}

// Handover says what a namespace holds that is handed to another process.
type Handover struct {
	Legs      []string   `json:"legs,omitempty"`
	Questions []Question `json:"questions,omitempty"`
}

// Handover returns what another process needs to have the namespace: a record,
// and descriptors, which stay n's.
func (n *Namespace) Handover() (Handover, []*os.File) {
	return Handover{n.ahead.legs, n.ahead.questions}, append([]*os.File{n.file}, n.ahead.files...)
}

// TakeOver is the other end of Handover. The files are the namespace's from now
// on, also on an error.
func TakeOver(h Handover, files []*os.File) (*Namespace, error) {
	if len(files) != 1+len(h.Questions) {
		for _, f := range files {
			f.Close()
		}
		return nil, fmt.Errorf("take namespace over: %d descriptors for it and %d questions", len(files), len(h.Questions))
	}
	return &Namespace{file: files[0], ahead: ahead{h.Legs, h.Questions, files[1:]}}, nil
}

func monotonic() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, errors.New("no monotonic clock")
	}
	return ts.Nano(), nil
}
