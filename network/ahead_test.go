package network

import (
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// handed is what the other process has of a namespace.
func handed(t *testing.T, ns *Namespace) *Namespace {
	t.Helper()
	record, files := ns.Handover()
	var theirs []*os.File
	for _, f := range files {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		must(t, err)
		theirs = append(theirs, os.NewFile(uintptr(fd), f.Name()))
	}
	must(t, ns.Close())
	other, err := TakeOver(record, theirs)
	must(t, err)
	return other
}

// Attach goes on with what Ahead has begun: the same link, the same question.
func TestAhead(t *testing.T) {
	l := newLab(t)
	before := l.inventory(0)
	owner := Owner{ID: "c1", Name: "c1", HostID: "host0"}
	eps, _, err := l.store[0].Plan(owner, []Request{
		{VLAN: "10", Parent: trunk, IP: "172.16.10.10/24", IP6: "fd00:10::10/64"},
		{VLAN: "20", Parent: trunk, IP: "172.16.20.10/24", IP6: SLAAC},
		{VLAN: "30", Parent: trunk, IP: "172.16.30.10/24", Probe: "off"},
	})
	must(t, err)
	ns := mustNamespace(t)
	l.store[0].Ahead(t.Context(), ns, owner, eps)
	if got := ns.ahead.legs; !slices.Equal(got, []string{"eth0", "eth2"}) {
		t.Errorf("begun ahead: %v, want eth0 and eth2: eth1's monitor must listen first", got)
	}
	if got := len(ns.ahead.questions); got != 2 {
		t.Errorf("%d questions were asked ahead, want one for each of eth0's two addresses", got)
	}
	in, err := ns.Handle()
	must(t, err)
	made, err := in.LinkByName("eth0")
	must(t, err)
	ns = handed(t, ns)
	var legs []*Leg
	for _, ep := range eps {
		leg, err := l.store[0].Attach(t.Context(), ns, owner, ep, Hooks{})
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
	if left := len(ns.ahead.questions) + len(ns.ahead.files) + len(ns.ahead.legs); left != 0 {
		t.Errorf("%d questions, sockets or legs are left over", left)
	}
	// A leg that came ahead and went is no reason for the next one not to be made.
	must(t, legs[0].Undo())
	again, err := l.store[0].Attach(t.Context(), ns, owner, eps[0], Hooks{})
	must(t, err)
	defer again.Stop()
	l.dead["c1"] = true
	must(t, ns.Close())
	must(t, l.store[0].Detach("c1"))
	l.clean(0, before)
}

// An address that somebody has is found out, whoever asked.
func TestAheadOfATakenAddress(t *testing.T) {
	l := newLab(t)
	rival := l.start(1, "rival", Request{VLAN: "10", Parent: trunk, IP: "172.16.10.10/24"})
	owner := Owner{ID: "c1", Name: "c1", HostID: "host0"}
	eps, _, err := l.store[0].Plan(owner, []Request{{VLAN: "10", Parent: trunk, IP: "172.16.10.10/24"}})
	must(t, err)
	ns := mustNamespace(t)
	l.store[0].Ahead(t.Context(), ns, owner, eps)
	if len(ns.ahead.questions) != 1 {
		t.Fatal("nothing was asked ahead")
	}
	ns = handed(t, ns)
	defer ns.Close()
	if _, err := l.store[0].Attach(t.Context(), ns, owner, eps[0], Hooks{}); !errors.Is(err, ErrTaken) {
		t.Errorf("Attach = %v, want that %s has it", err, rival.at[0].MAC)
	}
}

// What fails ahead leaves nothing in the namespace, and fails again, with the
// reason, when it counts.
func TestAheadFails(t *testing.T) {
	l := newLab(t)
	owner := Owner{ID: "c1", Name: "c1", HostID: "host0"}
	eps, _, err := l.store[0].Plan(owner, []Request{{VLAN: "10", Parent: trunk, IP: "172.16.10.10/24", OwnMTU: 1400}})
	must(t, err)
	eps[0].MTU = 9000
	ns := mustNamespace(t)
	defer ns.Close()
	before := l.inventory(0)
	l.store[0].Ahead(t.Context(), ns, owner, eps)
	in, err := ns.Handle()
	must(t, err)
	if links, err := in.LinkList(); err != nil || len(links) != 1 || len(ns.ahead.legs) != 0 {
		t.Errorf("in the namespace are %d links (%v), and %v begun, want lo alone", len(links), err, ns.ahead.legs)
	}
	if _, err := l.store[0].Attach(t.Context(), ns, owner, eps[0], Hooks{}); err == nil {
		t.Error("Attach with an MTU above the parent's succeeded")
	}
	must(t, l.store[0].Detach("c1"))
	l.clean(0, before)
}

func TestTakeOverOfTooFew(t *testing.T) {
	f, err := os.Open(os.DevNull)
	must(t, err)
	if _, err := TakeOver(Handover{Questions: make([]Question, 2)}, []*os.File{f}); err == nil {
		t.Error("TakeOver without the questions' sockets succeeded")
	}
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		t.Error("the descriptor was left open")
	}
}
