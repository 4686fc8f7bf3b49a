package monitor

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/etcfiles"
	"github.com/mvrun/mvrun/network/trunk"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/oci"
)

// spec gathers what the spec needs of this host and makes it.
func (m *Monitor) spec(ns *trunk.Namespace) (*specs.Spec, []string, error) {
	c := &m.config
	host := oci.Host{
		Rootfs:      m.mounts.root,
		Volumes:     m.mounts.volumes,
		CgroupsPath: kernel.Of(m.store).CgroupsPath(c.ID),
		Controllers: kernel.Controllers(),
	}
	if ns != nil {
		host.NetNS = "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(ns.File().Fd()))
	}
	err := oci.MakeBindSources(c)
	if err != nil {
		return nil, nil, err
	}
	if host.Caps, err = oci.CurrentCapabilities(); err != nil {
		return nil, nil, err
	}
	if host.User, err = oci.LookupUser(oci.Tree{Root: m.mounts.root, Mounts: c.Mounts, Volumes: m.mounts.volumes}, c.User, c.GroupAdd); err != nil {
		return nil, nil, err
	}
	if host.Files, err = m.writeFiles(nil, m.etc.renew); err != nil {
		return nil, nil, err
	}
	if err := oci.FillDevices(c, &host); err != nil {
		return nil, nil, err
	}
	if host.AppArmor, err = oci.AppArmorProfile(c.Security); err != nil {
		return nil, nil, err
	}
	if c.Init {
		if host.InitBinary, err = kernel.InitBinary(m.store.Root); err != nil {
			return nil, nil, err
		}
	}
	host.RecursiveReadOnly = kernel.RecursiveReadOnly()
	return oci.Spec(c, host)
}

// writeFiles makes the files that mvrun keeps in the container's /etc. With
// the host's network the host's own names and servers hold. attached are the
// legs that stand: what a DHCP server said comes from them. write is for before or
// after the container has mounted them.
func (m *Monitor) writeFiles(attached []network.Attachment, write func(path string, text []byte) error) (map[string]string, error) {
	c := &m.config
	resolv, err := etcfiles.HostResolvConf()
	if err != nil {
		return nil, err
	}
	dns, err := etcfiles.ParseDNS(c.Network.DNS, c.Network.DNSSearch, c.Network.DNSOptions)
	if err != nil {
		return nil, err
	}
	for _, at := range attached {
		dns = dns.Or(at.Lease)
	}
	hosts := etcfiles.Hosts{Hostname: c.Hostname, Domainname: c.Domainname}
	for _, ep := range c.Network.Endpoints {
		for _, p := range ep.Addrs {
			hosts.Addrs = append(hosts.Addrs, p.Addr())
		}
	}
	for _, at := range attached {
		if at.Lease != nil {
			hosts.Addrs = append(hosts.Addrs, at.Lease.Addr.Addr())
		}
	}
	for _, extra := range c.Network.ExtraHosts {
		entry, err := etcfiles.ParseAddHost(extra)
		if err != nil {
			return nil, err
		}
		hosts.Extra = append(hosts.Extra, entry)
	}
	if c.Network.Mode == network.Host {
		hosts.Addrs = []netip.Addr{netip.MustParseAddr("127.0.1.1")}
	}
	files := map[string]string{}
	for path, data := range map[string][]byte{
		"/etc/hostname":    []byte(c.Hostname + "\n"),
		"/etc/hosts":       etcfiles.HostsFile(hosts),
		"/etc/resolv.conf": etcfiles.ResolvConf(resolv, dns),
	} {
		host := filepath.Join(m.store.Dir(c.ID), strings.TrimPrefix(path, "/etc/"))
		if err := write(host, data); err != nil {
			return nil, fmt.Errorf("write %s: %w", path, err)
		}
		files[path] = host
	}
	return files, nil
}
