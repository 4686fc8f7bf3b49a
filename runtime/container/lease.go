package container

import (
	"context"
	"path/filepath"
	"time"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
)

// leaseRelease bounds what a removal spends on giving a lease back.
const leaseRelease = 2 * time.Second

// leasePath is where an endpoint's DHCP lease is kept, so that the container's
// next start asks for the same address.
func (s *Store) leasePath(dir, endpoint string) string {
	return filepath.Join(dir, "lease."+endpoint[:min(12, len(endpoint))]+".json")
}

// WriteLease keeps the lease of an endpoint; its monitor alone calls it.
func (h *Handle) WriteLease(endpoint string, lease network.Lease) error {
	return jsonfile.Write(h.store.leasePath(h.store.Dir(h.ID), endpoint), lease, 0o600)
}

// ReadLease returns the endpoint's lease of an earlier start, or nil. One that
// can't be read is as good as none: the server is asked anew.
func (h *Handle) ReadLease(endpoint string) *network.Lease { return h.store.readLease(h.ID, endpoint) }

func (s *Store) readLease(id, endpoint string) *network.Lease {
	var lease network.Lease
	if jsonfile.Read(s.leasePath(s.Dir(id), endpoint), &lease) != nil {
		return nil
	}
	return &lease
}

// LeaseOwner is how the container presents itself to DHCP servers.
func (c *Config) LeaseOwner() network.Owner {
	return network.Owner{ID: c.ID, Name: c.Name, Hostname: c.Hostname}
}

// giveLeasesBack tells the DHCP servers that the container's addresses are free.
// It is a courtesy: a lease that could not be given back runs out by itself, and
// no removal fails for it.
func (h *Handle) giveLeasesBack() {
	c, err := h.Config()
	if err != nil {
		return
	}
	h.store.giveBack(&c, c.Network.Endpoints)
}

func (s *Store) giveBack(c *Config, eps []network.Endpoint) {
	ctx, cancel := context.WithTimeout(context.Background(), leaseRelease)
	defer cancel()
	for _, ep := range eps {
		lease := s.readLease(c.ID, ep.ID)
		// Once: whoever finishes a removal that was killed does not try again.
		err := removeIfThere(s.leasePath(s.Dir(c.ID), ep.ID))
		if err == nil && lease != nil && lease.Valid(time.Now()) {
			_ = s.Networks.GiveBack(ctx, c.LeaseOwner(), ep, *lease)
		}
	}
}
