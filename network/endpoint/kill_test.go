package endpoint

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

const helperEnv = "MVRUN_NETWORK_TEST_HELPER" // dir of a store

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		helper(dir)
		return
	}
	os.Exit(m.Run())
}

// helper plans and attaches a container, and then takes it all down again,
// when it is told to.
func helper(dir string) {
	s := newHost(dir+"/networks", dir+"/links", nil)
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	owner := network.Owner{ID: "helper", Name: "helper"}
	eps, _, err := s.Plan(owner, []network.Request{
		{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1"), VLANDriver: network.DriverEBPF}, {Network: "mac_net20"},
	})
	if err == nil {
		ns, err := trunk.NewNamespace()
		if err == nil {
			for _, ep := range eps {
				if _, err = s.Attach(context.Background(), ns, owner, ep, Hooks{}); err != nil {
					break
				}
			}
		}
	}
	if err == nil {
		err = s.Detach("helper")
	}
	if err == nil {
		err = s.Release("helper")
	}
	fmt.Println("done", err)
}

// A kill -9 at any moment leaves nothing that the next command does not find
// and remove.
func TestKilledAtAnyMoment(t *testing.T) {
	l := newLab(t)
	l.create(0, network.Config{Name: "mac_net20", Segment: network.Segment{Parent: nic, VID: 20}, Subnets: []network.Subnet{{Prefix: prefix("10.0.2.0/24")}}})
	dir := l.store[0].Dir[:len(l.store[0].Dir)-len("/networks")]
	before := l.inventory(0)
	beforeTree := tree(t, l.store[0].Dir)
	whole := time.Duration(1 << 62)
	for range 3 {
		whole = min(whole, l.unhurt(dir))
	}
	late, leftovers := 0, 0
	for i := range 80 {
		if l.killed(dir, whole*time.Duration(i)/70) {
			late++
		}
		found, err := l.store[0].Trunk.Ledger().Scan()
		must(t, err)
		if len(found.Links)+len(found.Users) > 0 {
			leftovers++
		}
		l.dead["helper"] = true
		must(t, l.store[0].Reap())
		l.dead["helper"] = false
		l.clean(0, before)
		if now := tree(t, l.store[0].Dir); now != beforeTree {
			t.Errorf("kill %d: left %s, before %s", i, now, beforeTree)
		}
		if t.Failed() {
			return
		}
	}
	if leftovers < 10 {
		t.Errorf("only %d of 80 kills hit it with something half made (%d came too late): the test tests nothing", leftovers, late)
	}
}

// Nor does one that attaches the same container before anybody has cleaned up: a
// monitor, say, whose command was killed while it began the network ahead.
func TestKilledAndGoneOn(t *testing.T) {
	l := newLab(t)
	l.create(0, network.Config{Name: "mac_net20", Segment: network.Segment{Parent: nic, VID: 20}, Subnets: []network.Subnet{{Prefix: prefix("10.0.2.0/24")}}})
	dir := l.store[0].Dir[:len(l.store[0].Dir)-len("/networks")]
	before := l.inventory(0)
	whole := time.Duration(1 << 62)
	for range 3 {
		whole = min(whole, l.unhurt(dir))
	}
	half := 0
	for i := range 80 {
		l.killed(dir, whole*time.Duration(i)/240) // links are made early
		found, err := l.store[0].Trunk.Ledger().Scan()
		must(t, err)
		for _, key := range found.Links {
			var rec struct{ Index int }
			if err := l.store[0].Trunk.Ledger().Read(key.String(), &rec); err == nil && rec.Index == 0 {
				half++
			}
		}
		must(t, l.store[0].Release("helper"))
		b := l.start(0, "helper", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1"), VLANDriver: network.DriverEBPF, Probe: network.ProbeOff})
		l.stop(0, b)
		must(t, b.store.Release(b.id))
		l.clean(0, before)
		if t.Failed() {
			t.Fatalf("kill %d", i)
		}
	}
	if half == 0 {
		t.Error("no kill met a VLAN link in the making: this proves nothing")
	}
}

// killed runs the helper and kills it after it began; true if it was done by
// then.
func (l *lab) killed(dir string, after time.Duration) bool {
	l.t.Helper()
	cmd, lines := l.helper(dir)
	time.Sleep(after)
	must(l.t, cmd.Process.Kill())
	done := l.done(lines)
	_ = cmd.Wait()
	return done
}

// unhurt lets the helper come to its end and tells how long that takes here.
func (l *lab) unhurt(dir string) time.Duration {
	l.t.Helper()
	cmd, lines := l.helper(dir)
	begin := time.Now()
	if !l.done(lines) {
		l.t.Fatal("the helper says nothing")
	}
	took := time.Since(begin)
	must(l.t, cmd.Wait())
	return took
}

// helper starts one, and tells it to go once it is ready.
func (l *lab) helper(dir string) (*exec.Cmd, *bufio.Scanner) {
	l.t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	in, err := cmd.StdinPipe()
	must(l.t, err)
	out, err := cmd.StdoutPipe()
	must(l.t, err)
	must(l.t, cmd.Start())
	lines := bufio.NewScanner(out)
	lines.Scan()
	_, err = in.Write([]byte("\n"))
	must(l.t, err)
	return cmd, lines
}

func (l *lab) done(lines *bufio.Scanner) bool {
	l.t.Helper()
	done := lines.Scan()
	if done && lines.Text() != "done <nil>" {
		l.t.Errorf("helper: %s", lines.Text())
	}
	return done
}
