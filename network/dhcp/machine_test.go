package dhcp

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	identity  = Identity{ID: "c0ffee", Hostname: "web", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}}
	serverMAC = net.HardwareAddr{2, 0, 0, 0, 0, 0xfe}
	epoch     = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
)

// counter is a source of randomness whose numbers differ, so that transaction
// ids do, but whose jitter is always the least.
type counter uint64

func (c *counter) Uint64() uint64 { *c++; return uint64(*c) << 32 }

// lab is a machine with a clock of its own, driven by words.
type lab struct {
	t   *testing.T
	m   machine
	now time.Time
	old dhcpv4.TransactionID // of the first transaction
}

func newLab(t *testing.T) *lab {
	return &lab{t: t, now: epoch, m: machine{id: identity, random: rand.New(new(counter)), state: initial}}
}

// step does one thing to the machine:
//
//	start | restart PRIOR-ADDR PRIOR-SECONDS-LEFT | tick | sleep SECONDS
//	offer|ack|nak ADDR [server=S] [lease=SECONDS] [dns=D] [stale] [foreign]
//	free | taken | conflict
func (l *lab) step(s string) output {
	l.t.Helper()
	f := strings.Fields(s)
	switch f[0] {
	case "start":
		out := l.m.start(l.now, nil)
		l.old = l.m.xid
		return out
	case "restart":
		left, err := time.ParseDuration(f[2])
		if err != nil {
			l.t.Fatal(err)
		}
		prior := Lease{
			Addr: netip.MustParsePrefix(f[1]), Server: netip.MustParseAddr("10.0.0.1"),
			Start: l.now.Add(left - time.Hour), Renew: l.now.Add(left - time.Hour/2), Rebind: l.now.Add(left - time.Hour/8), Expire: l.now.Add(left),
		}
		return l.m.start(l.now, &prior)
	case "tick":
		l.now = l.m.wake
		return l.m.tick(l.now)
	case "sleep": // the machine was suspended: tick comes late
		d, err := time.ParseDuration(f[1])
		if err != nil {
			l.t.Fatal(err)
		}
		l.now = l.now.Add(d)
		return l.m.tick(l.now)
	case "free", "taken":
		return l.m.checked(l.now, f[0] == "taken")
	case "conflict":
		return l.m.conflict(l.now)
	}
	return l.m.receive(l.now, l.reply(f), serverMAC)
}

func (l *lab) reply(f []string) *dhcpv4.DHCPv4 {
	kinds := map[string]dhcpv4.MessageType{
		"offer": dhcpv4.MessageTypeOffer, "ack": dhcpv4.MessageTypeAck, "nak": dhcpv4.MessageTypeNak,
	}
	msg := identity.message(kinds[f[0]], l.m.xid)
	msg.OpCode = dhcpv4.OpcodeBootReply
	msg.YourIPAddr = net.ParseIP(f[1])
	by, lease := "10.0.0.1", time.Hour
	for _, o := range f[2:] {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "server":
			by = value
		case "lease":
			lease, _ = time.ParseDuration(value)
		case "dns":
			msg.UpdateOption(dhcpv4.OptDNS(net.ParseIP(value)))
		case "message":
			msg.UpdateOption(dhcpv4.OptMessage(value))
		case "stale":
			msg.TransactionID = l.old
		case "foreign":
			msg.ClientHWAddr = serverMAC
		}
	}
	msg.UpdateOption(dhcpv4.OptServerIdentifier(net.ParseIP(by)))
	msg.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(24, 32)))
	msg.UpdateOption(dhcpv4.OptIPAddressLeaseTime(lease))
	return msg
}

// describe is an output, the state after it and the wait, as a line of text.
func (l *lab) describe(out output) string {
	var parts []string
	for _, o := range out.send {
		s := o.m.MessageType().String()
		if ip := o.m.RequestedIPAddress(); ip != nil {
			s += " want=" + ip.String()
		}
		if ip := o.m.ServerIdentifier(); ip != nil {
			s += " server=" + ip.String()
		}
		if !o.m.ClientIPAddr.IsUnspecified() {
			s += " have=" + o.m.ClientIPAddr.String()
		}
		if o.to.IsValid() {
			s += " to=" + o.to.String()
		}
		if o.m.NumSeconds != 0 {
			s += fmt.Sprintf(" secs=%d", o.m.NumSeconds)
		}
		parts = append(parts, s)
	}
	if out.check.IsValid() {
		parts = append(parts, "check "+out.check.String())
	}
	if e := out.event; e != nil {
		s := fmt.Sprintf("%s! %s", e.Kind, e.Lease.Addr)
		if e.Reason != "" {
			s += " (" + e.Reason + ")"
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	wait := "for ever"
	if !l.m.wake.IsZero() {
		wait = l.m.wake.Sub(l.now).Round(time.Second).String()
	}
	return fmt.Sprintf("%s; %s %s", strings.Join(parts, ", "), l.m.state, wait)
}

func TestMachine(t *testing.T) {
	// gotLease is how each test that needs a lease of an hour begins.
	gotLease := [][2]string{
		{"start", "DISCOVER; SELECTING 3s"},
		{"offer 10.0.0.5", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 3s"},
		{"ack 10.0.0.5", "check 10.0.0.5; CHECKING for ever"},
		{"free", "bound! 10.0.0.5/24; BOUND 30m0s"},
	}
	after := func(steps ...[2]string) [][2]string { return append(gotLease[:4:4], steps...) }
	tests := []struct {
		name  string
		steps [][2]string
	}{
		{"a lease", gotLease},
		{"no server: back-off to 64 s less jitter", [][2]string{
			{"start", "DISCOVER; SELECTING 3s"},
			{"tick", "DISCOVER secs=3; SELECTING 7s"},
			{"tick", "DISCOVER secs=10; SELECTING 15s"},
			{"tick", "DISCOVER secs=25; SELECTING 31s"},
			{"tick", "DISCOVER secs=56; SELECTING 1m3s"},
			{"tick", "DISCOVER secs=119; SELECTING 1m3s"},
		}},
		{"secs of the request are those of the discover", [][2]string{
			{"start", "DISCOVER; SELECTING 3s"},
			{"tick", "DISCOVER secs=3; SELECTING 7s"},
			{"offer 10.0.0.5", "REQUEST want=10.0.0.5 server=10.0.0.1 secs=3; REQUESTING 3s"},
		}},
		{"a server that offers and is silent then", [][2]string{
			{"start", "DISCOVER; SELECTING 3s"},
			{"offer 10.0.0.5", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 3s"},
			{"tick", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 7s"},
			{"tick", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 15s"},
			{"tick", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 31s"},
			{"tick", "DISCOVER; SELECTING 3s"},
			{"ack 10.0.0.5 stale", "nothing; SELECTING 3s"},
		}},
		{"what is not for us", [][2]string{
			{"start", "DISCOVER; SELECTING 3s"},
			{"ack 10.0.0.5", "nothing; SELECTING 3s"},
			{"nak 0.0.0.0", "nothing; SELECTING 3s"},
			{"offer 10.0.0.5 foreign", "nothing; SELECTING 3s"},
			{"offer 0.0.0.0", "nothing; SELECTING 3s"},
			{"offer 224.0.0.1", "nothing; SELECTING 3s"},
			{"offer 10.0.0.5 lease=2s", "nothing; SELECTING 3s"},
			{"offer 10.0.0.5 server=0.0.0.0", "nothing; SELECTING 3s"},
			{"offer 10.0.0.5", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 3s"},
			{"offer 10.0.0.6 server=10.0.0.2", "nothing; REQUESTING 3s"},
			{"ack 10.0.0.6 server=10.0.0.2", "nothing; REQUESTING 3s"},
			{"nak 0.0.0.0 server=10.0.0.2", "nothing; REQUESTING 3s"},
			{"conflict", "nothing; REQUESTING 3s"},
			{"ack 10.0.0.5", "check 10.0.0.5; CHECKING for ever"},
			{"ack 10.0.0.5", "nothing; CHECKING for ever"},
			{"free", "bound! 10.0.0.5/24; BOUND 30m0s"},
			{"ack 10.0.0.5", "nothing; BOUND 30m0s"},
			{"nak 0.0.0.0", "nothing; BOUND 30m0s"},
			{"free", "nothing; BOUND 30m0s"},
		}},
		{"renewed at T1 by its server", after(
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1; RENEWING 11m15s"},
			[2]string{"ack 10.0.0.5", "renewed! 10.0.0.5/24; BOUND 30m0s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1; RENEWING 11m15s"},
		)},
		{"a renewal brings another DNS server", after(
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1; RENEWING 11m15s"},
			[2]string{"ack 10.0.0.5 dns=10.0.0.53", "changed! 10.0.0.5/24; BOUND 30m0s"},
		)},
		{"silence: renew, rebind by anyone at T2, expire", after(
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1; RENEWING 11m15s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1 secs=675; RENEWING 5m38s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1 secs=1012; RENEWING 2m49s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1 secs=1181; RENEWING 1m24s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1 secs=1265; RENEWING 1m0s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1 secs=1325; RENEWING 24s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 secs=1350; REBINDING 3m45s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 secs=1575; REBINDING 1m53s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 secs=1687; REBINDING 1m0s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 secs=1747; REBINDING 53s"},
			[2]string{"tick", "DISCOVER want=10.0.0.5, expired! 10.0.0.5/24 (the server did not renew it in time); SELECTING 3s"},
		)},
		{"rebound by another server", after(
			[2]string{"sleep 53m", "REQUEST have=10.0.0.5; REBINDING 3m30s"},
			[2]string{"ack 10.0.0.5 server=10.0.0.2", "renewed! 10.0.0.5/24; BOUND 30m0s"},
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.2; RENEWING 11m15s"},
		)},
		{"slept over the end", after(
			[2]string{"sleep 2h", "DISCOVER want=10.0.0.5, expired! 10.0.0.5/24 (the server did not renew it in time); SELECTING 3s"},
		)},
		{"withdrawn when renewing", after(
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1; RENEWING 11m15s"},
			[2]string{"nak 0.0.0.0 message=wrong\x1bnetwork", "DISCOVER, expired! 10.0.0.5/24 (the server withdrew it: wrongnetwork); SELECTING 3s"},
			[2]string{"offer 10.0.9.5", "REQUEST want=10.0.9.5 server=10.0.0.1; REQUESTING 3s"},
		)},
		{"a renewal that grants another address is none", after(
			[2]string{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1; RENEWING 11m15s"},
			[2]string{"ack 10.0.0.6", "nothing; RENEWING 11m15s"},
		)},
		{"for ever", [][2]string{
			{"start", "DISCOVER; SELECTING 3s"},
			{"offer 10.0.0.5 lease=4294967295s", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 3s"},
			{"ack 10.0.0.5 lease=4294967295s", "check 10.0.0.5; CHECKING for ever"},
			{"free", "bound! 10.0.0.5/24; BOUND for ever"},
		}},
		{"taken: decline, wait, ask anew", [][2]string{
			{"start", "DISCOVER; SELECTING 3s"},
			{"offer 10.0.0.5", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 3s"},
			{"ack 10.0.0.5", "check 10.0.0.5; CHECKING for ever"},
			{"taken", "DECLINE want=10.0.0.5 server=10.0.0.1; INIT 10s"},
			{"offer 10.0.0.6", "nothing; INIT 10s"},
			{"tick", "DISCOVER; SELECTING 3s"},
		}},
		{"taken later", after(
			[2]string{"conflict", "DECLINE want=10.0.0.5 server=10.0.0.1, expired! 10.0.0.5/24 (another host uses the address); INIT 10s"},
			[2]string{"tick", "DISCOVER; SELECTING 3s"},
		)},
		{"refused again and again", [][2]string{
			{"start", "DISCOVER; SELECTING 3s"},
			{"offer 10.0.0.5", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 3s"},
			{"nak 0.0.0.0", "DISCOVER; SELECTING 3s"},
			{"offer 10.0.0.5", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 3s"},
			{"nak 0.0.0.0", "nothing; INIT 3s"},
			{"tick", "DISCOVER; SELECTING 3s"},
			{"offer 10.0.0.5", "REQUEST want=10.0.0.5 server=10.0.0.1; REQUESTING 3s"},
			{"nak 0.0.0.0", "nothing; INIT 7s"},
		}},
		{"restart: the lease still holds", [][2]string{
			{"restart 10.0.0.5/24 50m", "REQUEST want=10.0.0.5; REBOOTING 3s"},
			{"ack 10.0.0.5", "check 10.0.0.5; CHECKING for ever"},
			{"free", "bound! 10.0.0.5/24; BOUND 30m0s"},
		}},
		{"restart: on another network", [][2]string{
			{"restart 10.0.0.5/24 50m", "REQUEST want=10.0.0.5; REBOOTING 3s"},
			{"nak 0.0.0.0", "DISCOVER; SELECTING 3s"},
		}},
		{"restart: no server, the lease runs on", [][2]string{
			{"restart 10.0.0.5/24 50m", "REQUEST want=10.0.0.5; REBOOTING 3s"},
			{"tick", "REQUEST want=10.0.0.5 secs=3; REBOOTING 7s"},
			{"tick", "check 10.0.0.5; CHECKING for ever"},
			{"free", "bound! 10.0.0.5/24; BOUND 19m50s"},
			{"tick", "REQUEST have=10.0.0.5 to=10.0.0.1; RENEWING 11m15s"},
		}},
		{"restart: no server, and it ends meanwhile", [][2]string{
			{"restart 10.0.0.5/24 2s", "REQUEST want=10.0.0.5; REBOOTING 3s"},
			{"tick", "DISCOVER want=10.0.0.5; SELECTING 3s"},
		}},
		{"restart: long over, but asked for", [][2]string{
			{"restart 10.0.0.5/24 -2h", "DISCOVER want=10.0.0.5; SELECTING 3s"},
		}},
		{"restart: somebody took it", [][2]string{
			{"restart 10.0.0.5/24 50m", "REQUEST want=10.0.0.5; REBOOTING 3s"},
			{"ack 10.0.0.5", "check 10.0.0.5; CHECKING for ever"},
			{"taken", "DECLINE want=10.0.0.5 server=10.0.0.1; INIT 10s"},
			{"tick", "DISCOVER; SELECTING 3s"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			for i, s := range tt.steps {
				if got := l.describe(l.step(s[0])); got != s[1] {
					t.Fatalf("step %d, %s:\n got %s\nwant %s", i, s[0], got, s[1])
				}
			}
		})
	}
}

// What every question carries.
func TestQuestion(t *testing.T) {
	l := newLab(t)
	m := l.m.start(l.now, nil).send[0].m
	got := map[string]any{
		"client id": string(m.Options.Get(dhcpv4.OptionClientIdentifier)),
		"host name": m.HostName(),
		"hardware":  m.ClientHWAddr.String(),
		"broadcast": m.IsBroadcast(),
		"asks for":  fmt.Sprint(m.Options.Get(dhcpv4.OptionParameterRequestList)),
	}
	want := map[string]any{
		"client id": "\x00c0ffee",
		"host name": "web",
		"hardware":  "02:00:00:00:00:01",
		"broadcast": false,
		"asks for":  "[1 121 3 6 15 119 26 42 51 58 59]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBackoffJitter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n, want := range []time.Duration{4, 8, 16, 32, 64, 64, 64} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := backoff(n, random)
			if d < want*time.Second-time.Second || d > want*time.Second+time.Second {
				t.Fatalf("wait %d is %s, want %d s ± 1", n, d, want)
			}
			seen[d] = true
		}
		if len(seen) < 50 {
			t.Errorf("wait %d hardly varies", n)
		}
	}
}
