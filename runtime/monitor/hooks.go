package monitor

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/network/endpoint"
	"github.com/mvrun/mvrun/runtime/container"
)

// hooks are what the monitor wants to hear of a leg.
func (m *Monitor) hooks(l *life, ep network.Endpoint) endpoint.Hooks {
	h := endpoint.Hooks{
		Conflict:   func(c network.Conflict) { m.conflict(l, c) },
		ParentGone: func() { go m.rejoin(l, ep) },
		Addrs:      func(err error) { m.addressesChanged(l, err) },
	}
	if l.begun != nil {
		h.Prepared = l.begun
	}
	if ep.DHCP {
		h.Prior = m.handle.ReadLease(ep.ID)
		h.Lease = func(leg *endpoint.Attached, e dhcp.Event, err error) { m.leaseChanged(l, ep, leg, e, err) }
	}
	return h
}

// conflict records another host on an address of the container, and tells of it.
func (m *Monitor) conflict(l *life, c network.Conflict) {
	m.changeLive(l, func(s *container.State) {
		s.Conflicts = append(slices.DeleteFunc(slices.Clone(s.Conflicts), func(o network.Conflict) bool {
			return o.Addr == c.Addr && o.MAC == c.MAC
		}), c)
	})
	about := map[string]string{
		"address": c.Addr.String(), "mac": c.MAC, "interface": c.IfName, "defended": strconv.FormatBool(c.Defended),
	}
	if c.Container != "" {
		about["by"] = c.Container
	}
	m.emit("conflict", about)
}

// addressesChanged brings what the world sees of the container up to date.
func (m *Monitor) addressesChanged(l *life, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
	if m.changeLive(l, func(s *container.State) { s.Attachments = l.attachments() }) {
		m.tellNeighbours(l)
	}
}

// leaseChanged keeps the lease for the next start. In a container that runs it
// also brings up to date what the world sees of it; in one that is on its way,
// its release does.
func (m *Monitor) leaseChanged(l *life, ep network.Endpoint, leg *endpoint.Attached, e dhcp.Event, err error) {
	if e.Lease.Valid(time.Now()) {
		if err := m.handle.WriteLease(ep.ID, e.Lease); err != nil {
			fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
		}
	}
	if !m.changeLive(l, func(s *container.State) { s.Attachments = l.attachments() }) {
		return
	}
	if _, err := m.writeFiles(l.attachments(), m.etc.change); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
	m.tellNeighbours(l)
	if e.Kind != dhcp.Renewed || err != nil {
		m.emit("lease", leaseAttributes(ep.IfName, e, err))
	}
}

func leaseAttributes(ifName string, e dhcp.Event, err error) map[string]string {
	about := map[string]string{
		"lease": string(e.Kind), "interface": ifName,
		"address": e.Lease.Addr.Addr().String(), "server": e.Lease.Server.String(),
	}
	if e.Reason != "" {
		about["reason"] = e.Reason
	}
	if err != nil {
		about["error"] = err.Error()
	}
	return about
}

// changeLive is setState for a life that has begun and is not over; else it
// does nothing and is false.
func (m *Monitor) changeLive(l *life, change func(*container.State)) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.instance == nil || m.instance != l.instance {
		return false
	}
	change(&m.state)
	if err := m.handle.WriteState(m.state); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
	return true
}
