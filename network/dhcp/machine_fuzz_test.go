package dhcp

import (
	"testing"
	"time"
)

// FuzzMachine plays any order of events and checks what must hold in all of
// them.
func FuzzMachine(f *testing.F) {
	words := []string{
		"tick", "offer 10.0.0.5", "ack 10.0.0.5", "free", "nak 0.0.0.0", "taken", "conflict", "sleep 40m", "sleep 2h",
		"ack 10.0.0.6", "ack 10.0.0.5 server=10.0.0.2", "offer 10.0.0.5 lease=4294967295s", "ack 10.0.0.5 lease=4294967295s",
		"ack 10.0.0.5 lease=11s", "offer 10.0.0.5 stale",
	}
	f.Add(false, []byte{1, 2, 3, 0, 2, 0, 0, 7, 8})
	f.Add(true, []byte{2, 5, 0, 1, 2, 3, 6, 0, 1, 4, 0})
	f.Fuzz(func(t *testing.T, prior bool, script []byte) {
		l := newLab(t)
		begin := "start"
		if prior {
			begin = "restart 10.0.0.5/24 50m"
		}
		held := follow(t, l, begin, l.step(begin), false)
		for _, b := range script {
			word := words[int(b)%len(words)]
			if word == "tick" && l.m.wake.IsZero() {
				continue
			}
			held = follow(t, l, word, l.step(word), held)
		}
	})
}

// follow checks one output and returns whether the user of the machine now
// thinks that there is a lease.
func follow(t *testing.T, l *lab, word string, out output, held bool) bool {
	t.Helper()
	if e := out.event; e != nil {
		if (e.Kind == Bound) == held {
			t.Fatalf("%s: %s while held is %v", word, e.Kind, held)
		}
		held = e.Kind != Expired
	}
	if held != (l.m.lease != nil) {
		t.Fatalf("%s: lease %v, told %v", word, l.m.lease, held)
	}
	if len(out.send) > 1 {
		t.Fatalf("%s: %d messages at once", word, len(out.send))
	}
	for _, o := range out.send {
		if o.to.IsValid() && !held {
			t.Fatalf("%s: unicast without an address", word)
		}
	}
	if out.check.IsValid() && l.m.state != checking {
		t.Fatalf("%s: a check in state %s", word, l.m.state)
	}
	switch {
	case l.m.state == checking, l.m.state == bound && l.m.lease.Expire.IsZero():
		if !l.m.wake.IsZero() {
			t.Fatalf("%s: woken in %s", word, l.m.state)
		}
	case l.m.wake.IsZero():
		t.Fatalf("%s: asleep for ever in %s", word, l.m.state)
	case held && l.m.state != bound && l.m.wake.Before(l.now):
		t.Fatalf("%s: woken in the past", word)
	case held && l.m.wake.After(l.m.lease.Expire):
		t.Fatalf("%s: sleeps over the end of the lease", word)
	case l.m.wake.Sub(l.now) > 65*time.Second && !held:
		t.Fatalf("%s: waits %s without a lease", word, l.m.wake.Sub(l.now))
	}
	return held
}
