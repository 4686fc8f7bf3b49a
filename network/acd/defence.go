package acd

import (
	"fmt"
	"net"
	"time"
)

// Conflict is another host using our address.
type Conflict struct {
	Claim Claim
	MAC   net.HardwareAddr // of the other
	Time  time.Time
	// Defended says that the address was announced again in answer. False: the
	// other insisted within ten seconds of that, and both now use the address.
	Defended bool
}

func (c Conflict) String() string {
	if c.Defended {
		return fmt.Sprintf("address %s is also used by %s; defended it", c.Claim.Addr, c.MAC)
	}
	return fmt.Sprintf("address conflict: %s is also used by %s, which does not give it up", c.Claim.Addr, c.MAC)
}

// defence is the memory that RFC 5227 2.4 asks for: at most one defensive
// announcement per DEFEND_INTERVAL, lest two hosts shout at each other forever.
type defence struct {
	last     time.Time // of our defence
	reported bool      // the lost conflict since then is told
}

type action int

const (
	ignore action = iota
	defend
	giveUp
)

// decide says what to do about a conflicting packet that arrived at now.
func (d *defence) decide(now time.Time) action {
	if d.last.IsZero() || now.Sub(d.last) >= defendInterval {
		*d = defence{last: now}
		return defend
	}
	if d.reported {
		return ignore
	}
	d.reported = true
	return giveUp
}
