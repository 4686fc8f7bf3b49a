package prestart

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/endpoint"
)

// handed is what the other process has of a start.
func handed(t *testing.T, s *Start) *Start {
	t.Helper()
	record, files := s.Send()
	var theirs []*os.File
	for _, f := range files {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		must(t, err)
		theirs = append(theirs, os.NewFile(uintptr(fd), f.Name()))
	}
	must(t, s.Close())
	other, err := Receive(record, theirs)
	must(t, err)
	return other
}

// Attach goes on with what Begin has begun: the same link, the same question.
func TestBegin(t *testing.T) {
	l := newLab(t)
	before := l.inventory()
	owner := network.Owner{ID: "c1", Name: "c1", HostID: "host0"}
	eps, _, err := l.store[0].Store.Plan(owner, []network.Request{
		{VLAN: tags("10"), Parent: nic, IP: address("172.16.10.10/24"), IP6: address("fd00:10::10/64")},
		{VLAN: tags("20"), Parent: nic, IP: address("172.16.20.10/24"), IP6: address(network.SLAAC)},
		{VLAN: tags("30"), Parent: nic, IP: address("172.16.30.10/24"), Probe: network.ProbeOff},
	})
	must(t, err)
	s := New(mustNamespace(t))
	s.Begin(t.Context(), l.store[0], owner, eps)
	if got := s.links; !slices.Equal(got, []string{"eth0", "eth2"}) {
		t.Errorf("begun: %v, want eth0 and eth2: eth1's monitor must listen first", got)
	}
	if got := len(s.questions); got != 2 {
		t.Errorf("%d questions were asked, want one for each of eth0's two addresses", got)
	}
	in, err := s.Namespace.Handle()
	must(t, err)
	made, err := in.LinkByName("eth0")
	must(t, err)
	s = handed(t, s)
	var legs []*endpoint.Attached
	for _, ep := range eps {
		leg, err := l.store[0].Attach(t.Context(), s.Namespace, owner, ep, endpoint.Hooks{Prepared: s})
		must(t, err)
		defer leg.Stop()
		legs = append(legs, leg)
		at := leg.Attachment()
		if ep.IfName == "eth0" && at.IfIndex != made.Attrs().Index {
			t.Errorf("eth0 was made twice: index %d, then %d", made.Attrs().Index, at.IfIndex)
		}
		if len(at.Addrs) == 0 || len(at.Warnings) > 0 {
			t.Errorf("%s has %v, warnings %q", ep.IfName, at.Addrs, at.Warnings)
		}
	}
	if left := len(s.questions) + len(s.files) + len(s.links); left != 0 {
		t.Errorf("%d questions, sockets or links are left over", left)
	}
	// An endpoint that was begun and went is no reason for the next one not to be made.
	must(t, legs[0].Undo())
	again, err := l.store[0].Attach(t.Context(), s.Namespace, owner, eps[0], endpoint.Hooks{Prepared: s})
	must(t, err)
	defer again.Stop()
	l.dead["c1"] = true
	must(t, s.Close())
	must(t, l.store[0].Detach("c1"))
	l.clean(before)
}

// An address that somebody has is found out, whoever asked.
func TestTakenAddress(t *testing.T) {
	l := newLab(t)
	rival := l.start(1, "rival", network.Request{VLAN: tags("10"), Parent: nic, IP: address("172.16.10.10/24")})
	owner := network.Owner{ID: "c1", Name: "c1", HostID: "host0"}
	eps, _, err := l.store[0].Store.Plan(owner, []network.Request{{VLAN: tags("10"), Parent: nic, IP: address("172.16.10.10/24")}})
	must(t, err)
	// Broadcasts reach a macvlan by a kernel worker, which may be late on a busy machine.
	eps[0].Probe = 2 * time.Second
	s := New(mustNamespace(t))
	s.Begin(t.Context(), l.store[0], owner, eps)
	if len(s.questions) != 1 {
		t.Fatal("nothing was asked")
	}
	s = handed(t, s)
	defer s.Close()
	if _, err := l.store[0].Attach(t.Context(), s.Namespace, owner, eps[0], endpoint.Hooks{Prepared: s}); !errors.Is(err, network.ErrTaken) {
		t.Errorf("Attach = %v, want that %s has it", err, rival.MAC)
	}
}

// What fails here leaves nothing in the namespace, and fails again, with the
// reason, when it counts.
func TestBeginFails(t *testing.T) {
	l := newLab(t)
	owner := network.Owner{ID: "c1", Name: "c1", HostID: "host0"}
	eps, _, err := l.store[0].Store.Plan(owner, []network.Request{{VLAN: tags("10"), Parent: nic, IP: address("172.16.10.10/24"), OwnMTU: 1400}})
	must(t, err)
	eps[0].MTU = 9000
	s := New(mustNamespace(t))
	defer s.Close()
	before := l.inventory()
	s.Begin(t.Context(), l.store[0], owner, eps)
	in, err := s.Namespace.Handle()
	must(t, err)
	if links, err := in.LinkList(); err != nil || len(links) != 1 || len(s.links) != 0 {
		t.Errorf("in the namespace are %d links (%v), and %v begun, want lo alone", len(links), err, s.links)
	}
	if _, err := l.store[0].Attach(t.Context(), s.Namespace, owner, eps[0], endpoint.Hooks{Prepared: s}); err == nil {
		t.Error("Attach with an MTU above the parent's succeeded")
	}
	must(t, l.store[0].Detach("c1"))
	l.clean(before)
}

func TestReceiveTooFew(t *testing.T) {
	f, err := os.Open(os.DevNull)
	must(t, err)
	if _, err := Receive(Record{Questions: make([]Question, 2)}, []*os.File{f}); err == nil {
		t.Error("Receive without the questions' sockets succeeded")
	}
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		t.Error("the descriptor was left open")
	}
}
