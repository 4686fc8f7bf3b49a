package monitor

import (
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/mvrun/mvrun/network"
)

// rejoinEvery is how often a monitor looks for a parent that is gone.
const rejoinEvery = time.Second

// rejoin waits for a leg's parent to be there again, perhaps as another device
// of that name, and builds the leg anew: the kernel has taken the old one with
// the parent, or left it leading nowhere.
func (m *Monitor) rejoin(l *life, ep network.Endpoint) {
	about := map[string]string{"parent": ep.Parent, "interface": ep.IfName}
	said := ""
	for {
		done, err := m.tryRejoin(l, ep)
		if done {
			return
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			fmt.Fprintln(os.Stderr, "mvrun monitor: rejoin:", said)
			m.emit("parent-gone", map[string]string{"parent": ep.Parent, "interface": ep.IfName, "error": said})
		} else if said == "" {
			said = "gone"
			m.emit("parent-gone", about)
		}
		time.Sleep(rejoinEvery)
	}
}

// tryRejoin is done when the leg stands again, or is not wanted any more.
func (m *Monitor) tryRejoin(l *life, ep network.Endpoint) (done bool, err error) {
	m.legs.Lock()
	defer m.legs.Unlock()
	eps := m.config.Network.Endpoints
	i := slices.IndexFunc(eps, func(e network.Endpoint) bool { return e.ID == ep.ID })
	if m.life != l || i < 0 {
		return true, nil
	}
	parent, err := net.InterfaceByName(ep.Parent)
	if err != nil {
		return false, nil // not yet
	}
	for _, at := range l.attachments() {
		if at.IfName == ep.IfName && at.ParentIndex == parent.Index {
			return true, nil
		}
	}
	if err := l.dropLeg(ep.IfName); err != nil {
		return false, err
	}
	if _, err := m.attachMore(l, eps, eps[i]); err != nil {
		return false, err
	}
	m.legsChanged()
	m.emit("parent-back", map[string]string{"parent": ep.Parent, "interface": ep.IfName})
	return true, nil
}
