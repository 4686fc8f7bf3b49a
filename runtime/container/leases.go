package container

import (
	"context"
	"path/filepath"
	"time"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/network/endpoint"
)

// leaseRelease bounds what a removal spends on giving a lease back.
const leaseRelease = 2 * time.Second

// leases are the DHCP leases of containers' endpoints.
type leases struct {
	Layout
	endpoints *endpoint.Manager
}

// path is where an endpoint's DHCP lease is kept, so that the container's
// next start asks for the same address.
func (l leases) path(id, endpoint string) string {
	return filepath.Join(l.Dir(id), "lease."+endpoint[:min(12, len(endpoint))]+".json")
}

// WriteLease keeps the lease of an endpoint; its monitor alone calls it.
func (h *Handle) WriteLease(endpoint string, lease dhcp.Lease) error {
	return jsonfile.Write(h.store.leases().path(h.ID, endpoint), lease, 0o600)
}

// ReadLease returns the endpoint's lease of an earlier start, or nil. One that
// can't be read is as good as none: the server is asked anew.
func (h *Handle) ReadLease(endpoint string) *dhcp.Lease {
	return h.store.leases().read(h.ID, endpoint)
}

func (l leases) read(id, endpoint string) *dhcp.Lease {
	var lease dhcp.Lease
	if jsonfile.Read(l.path(id, endpoint), &lease) != nil {
		return nil
	}
	return &lease
}

// LeaseOwner is how the container presents itself to DHCP servers.
func (c *Config) LeaseOwner() network.Owner {
	return network.Owner{ID: c.ID, Name: c.Name, Hostname: c.Hostname}
}

// releaseLeases tells the DHCP servers that the container's addresses are free.
// It is a courtesy: a lease that could not be given back runs out by itself, and
// no removal fails for it.
func (h *Handle) releaseLeases() {
	c, err := h.Config()
	if err != nil {
		return
	}
	h.store.leases().release(&c, c.Network.Endpoints)
}

func (l leases) release(c *Config, eps []network.Endpoint) {
	ctx, cancel := context.WithTimeout(context.Background(), leaseRelease)
	defer cancel()
	for _, ep := range eps {
		lease := l.read(c.ID, ep.ID)
		// Once: whoever finishes a removal that was killed does not try again.
		err := removeIfThere(l.path(c.ID, ep.ID))
		if err == nil && lease != nil && lease.Valid(time.Now()) {
			_ = l.endpoints.ReleaseLease(ctx, c.LeaseOwner(), ep, *lease)
		}
	}
}
