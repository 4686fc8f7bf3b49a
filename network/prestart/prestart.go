// Package prestart begins a container's network in the command that starts it,
// while the monitor that will keep it boots: the links, and the first question to
// the LAN whether somebody has the addresses. The wait for answers is the longest
// part of a start, and so begins some milliseconds earlier. Nothing depends on it:
// what can't be begun here the monitor does, and says why it can't be done.
package prestart

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
	"github.com/mvrun/mvrun/network/endpoint"
	"github.com/mvrun/mvrun/network/trunk"
)

// patience is how long Begin tries to make one interface. What is in the way for
// longer is met again by Attach, which waits.
const patience = 10 * time.Millisecond

// maxQuestions bounds the questions of one namespace: so many descriptors, and its
// own, go through a socket in one message (SCM_MAX_FD, 253).
const maxQuestions = 100

// Start is a namespace with what has been begun in it. It is an
// endpoint.Prepared.
type Start struct {
	Namespace *trunk.Namespace
	links     []string // names of the interfaces that are made and up
	questions []Question
	files     []*os.File // the questions' sockets, in the same order
}

// Question is a first probe that has been sent; its socket hears the answer.
type Question struct {
	IfName string     `json:"ifname"`
	Addr   netip.Addr `json:"addr"`
	Asked  int64      `json:"asked"` // ns of CLOCK_MONOTONIC, which is the same for all processes
}

// Record says what a Start holds that is handed to another process.
type Record struct {
	Links     []string   `json:"links,omitempty"`
	Questions []Question `json:"questions,omitempty"`
}

// New is a namespace in which nothing has been begun.
func New(ns *trunk.Namespace) *Start { return &Start{Namespace: ns} }

// Begin begins endpoints in the namespace. What it makes goes with the namespace,
// and with the manager's Detach. It leaves endpoints alone whose monitor must
// listen before the link is up, and those that wait for more than their own probe.
func (s *Start) Begin(ctx context.Context, m *endpoint.Manager, owner network.Owner, eps []network.Endpoint) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, ep := range eps {
		if !ep.DHCP && ep.IPv6 != network.SLAAC && len(ep.HostAddrs) == 0 {
			s.begin(ctx, m, owner, ep)
		}
	}
}

func (s *Start) begin(ctx context.Context, m *endpoint.Manager, owner network.Owner, ep network.Endpoint) {
	begun, err := m.Begin(ctx, s.Namespace, owner, ep)
	if err != nil {
		return
	}
	s.links = append(s.links, ep.IfName)
	if ep.Probe == 0 || !begun.HasCarrier() {
		return
	}
	for _, p := range ep.Addrs {
		if len(s.files) == maxQuestions {
			return
		}
		f, asked, err := begun.Ask(p.Addr())
		if err != nil {
			return
		}
		s.questions = append(s.questions, Question{IfName: ep.IfName, Addr: p.Addr(), Asked: asked})
		s.files = append(s.files, f)
	}
}

// TakeLink implements endpoint.Prepared.
func (s *Start) TakeLink(ifName string) bool {
	i := slices.Index(s.links, ifName)
	if i < 0 {
		return false
	}
	s.links = slices.Delete(s.links, i, i+1)
	return true
}

// TakeQuestion implements endpoint.Prepared.
func (s *Start) TakeQuestion(ifName string, c acd.Claim, index int) (*acd.Socket, time.Time) {
	i := slices.IndexFunc(s.questions, func(q Question) bool { return q.IfName == ifName && q.Addr == c.Addr })
	if i < 0 {
		return nil, time.Time{}
	}
	q, f := s.questions[i], s.files[i]
	s.questions, s.files = slices.Delete(s.questions, i, i+1), slices.Delete(s.files, i, i+1)
	defer f.Close()
	conn, err := acd.Adopt(f, index, c)
	now, cerr := endpoint.Monotonic()
	if err != nil || cerr != nil {
		return nil, time.Time{}
	}
	return conn, time.Now().Add(-time.Duration(now - q.Asked))
}

// Close gives the descriptors back, those of the namespace, too.
func (s *Start) Close() error {
	for _, f := range s.files {
		go f.Close() // the kernel takes 10 ms for it, and nobody waits
	}
	s.links, s.questions, s.files = nil, nil, nil
	return s.Namespace.Close()
}

// Send returns what another process needs to go on: a record, and descriptors,
// which stay s's.
func (s *Start) Send() (Record, []*os.File) {
	return Record{Links: s.links, Questions: s.questions}, append([]*os.File{s.Namespace.File()}, s.files...)
}

// Receive is the other end of Send. The files are the Start's from then on, also on
// an error.
func Receive(r Record, files []*os.File) (*Start, error) {
	if len(files) != 1+len(r.Questions) {
		for _, f := range files {
			f.Close()
		}
		return nil, fmt.Errorf("take namespace over: %d descriptors for it and %d questions", len(files), len(r.Questions))
	}
	return &Start{Namespace: trunk.HoldNamespace(files[0]), links: r.Links, questions: r.Questions, files: files[1:]}, nil
}
