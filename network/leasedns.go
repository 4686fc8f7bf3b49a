package network

// Or fills what the command line left open with what a DHCP server said
// (options 6, 119 and 15).
func (d DNS) Or(lease *Lease) DNS {
	if lease == nil {
		return d
	}
	if len(d.Servers) == 0 {
		d.Servers = lease.DNS
	}
	if len(d.Search) == 0 {
		d.Search = lease.Search
		if len(d.Search) == 0 && lease.Domain != "" {
			d.Search = []string{lease.Domain}
		}
	}
	return d
}
