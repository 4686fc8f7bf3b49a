package endpoint

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// A container that starts again at once has the MAC address that its macvlan
// of before still holds, in a namespace which the kernel has yet to take apart.
func TestStartAgainAtOnce(t *testing.T) {
	for _, mode := range []network.Mode{network.Bridge, network.Passthru} {
		t.Run(string(mode), func(t *testing.T) {
			l := newLab(t)
			before := l.inventory(0)
			l.create(0, network.Config{Name: "n", Segment: network.Segment{Parent: nic, VID: 10}, Mode: mode})
			var other *box
			if mode != network.Passthru { // the link stays while another is on it
				other = l.start(0, "other", network.Request{Network: "n"})
			}
			ep := l.plan("a", network.Request{Network: "n", IP: address("10.0.0.1")})[0]
			for range 20 {
				ns, err := trunk.NewNamespace()
				must(t, err)
				leg, err := l.store[0].Attach(t.Context(), ns, network.Owner{ID: "a"}, ep, Hooks{})
				must(t, err)
				leg.Stop()
				must(t, ns.Close())
			}
			must(t, l.store[0].Detach("a"))
			if other != nil {
				l.stop(0, other)
			}
			l.clean(0, before)
		})
	}
}

// Many containers come and go at once on the same VLANs, each as a process of
// its own would.
func TestParallelAttachments(t *testing.T) {
	l := newLab(t)
	before := l.inventory(0)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			id := fmt.Sprint("c", i)
			err := l.hosts[0].Do(func() error { return l.comeAndGo(id, network.Request{VLAN: tags(fmt.Sprint(10 + i%3)), Parent: nic}) })
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	wg.Wait()
	l.clean(0, before)
	if got := tree(t, l.store[0].Dir); got != ".lock" {
		t.Errorf("left: %s", got)
	}
}

func (l *lab) comeAndGo(id string, req network.Request) error {
	s := *l.store[0]
	for range 4 {
		owner := network.Owner{ID: id, Name: id}
		eps, _, err := s.Plan(owner, []network.Request{req})
		if err != nil {
			return err
		}
		ns, err := trunk.NewNamespace()
		if err != nil {
			return err
		}
		leg, err := s.Attach(l.t.Context(), ns, owner, eps[0], Hooks{})
		if err != nil {
			return err
		}
		leg.Stop()
		in, err := ns.Handle()
		if err != nil {
			return err
		}
		if _, err := in.LinkByName("eth0"); err != nil {
			return fmt.Errorf("no eth0 while attached: %w", err)
		}
		if err := errors.Join(s.Detach(id), ns.Close(), s.Release(id)); err != nil {
			return err
		}
	}
	return nil
}

// The two drivers speak the same on the wire.
func TestDriversUnderstandEachOther(t *testing.T) {
	l := newLab(t)
	need8021q(t)
	a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1"), VLANDriver: network.DriverKernel})
	b := l.start(1, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2"), VLANDriver: network.DriverEBPF})
	a.answers(t, b, true)
	b.answers(t, a, true)
}
