package monitor

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/etcfiles"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/oci"
)

// systemContainer is the real Container. Its mounts are in the monitor's own mount
// namespace.
type systemContainer struct {
	store   *container.Store
	kernel  kernel.Kernel
	root    string
	volumes map[string]string // by name
	etc     etcFiles
}

// Mount mounts the container's snapshot: its writable layer over the image's
// layers. The kernel takes the mount back when the monitor ends.
func (s *systemContainer) Mount(c *container.Config) error {
	dir := s.store.Dir(c.ID)
	s.root, s.volumes = filepath.Join(dir, "rootfs"), map[string]string{}
	upper, work := filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	for _, d := range []string{s.root, upper, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := rootfs.MountOverlay(s.root, c.Layers, upper, work); err != nil {
		return fmt.Errorf("mount root file system: %w", err)
	}
	if err := s.findVolumes(c); err != nil {
		s.Unmount()
		return err
	}
	return nil
}

// Unmount is lazy, as a process that was let in from outside may still be there.
func (s *systemContainer) Unmount() { _ = unix.Unmount(s.root, unix.MNT_DETACH) }

// findVolumes finds the container's volumes, and before its first start fills the
// empty ones with what the image has in their places. A file in the container's
// directory remembers that, so that a volume which the user has emptied since stays
// empty.
func (s *systemContainer) findVolumes(c *container.Config) error {
	vols := rootfs.OpenVolumes(s.store.Root)
	filled := filepath.Join(s.store.Dir(c.ID), "volumes-filled")
	_, err := os.Lstat(filled)
	first, copied := err != nil, false
	for _, mount := range c.Mounts {
		if mount.Type != "volume" {
			continue
		}
		vol, err := vols.Get(mount.Name)
		if err != nil {
			return err
		}
		s.volumes[mount.Name] = vol.Path
		if first && mount.CopyUp {
			if err := vols.CopyUp(mount.Name, s.root, mount.Destination); err != nil {
				return err
			}
			copied = true
		}
	}
	if !copied {
		return nil
	}
	return os.WriteFile(filled, nil, 0o600)
}

func (s *systemContainer) Instance(c *container.Config, netns string) (Instance, *specs.Process, []string, error) {
	spec, warnings, err := s.spec(c, netns)
	if err != nil {
		return nil, nil, nil, err
	}
	i, err := s.kernel.New(c.ID, spec)
	if err != nil {
		return nil, nil, nil, err
	}
	return i, spec.Process, warnings, nil
}

// spec gathers what the spec needs of this host and makes it.
func (s *systemContainer) spec(c *container.Config, netns string) (*specs.Spec, []string, error) {
	host := oci.Host{
		Rootfs:      s.root,
		Volumes:     s.volumes,
		NetNS:       netns,
		CgroupsPath: s.kernel.CgroupsPath(c.ID),
		Controllers: kernel.Controllers(),
	}
	err := oci.MakeBindSources(c)
	if err != nil {
		return nil, nil, err
	}
	if host.Caps, err = oci.CurrentCapabilities(); err != nil {
		return nil, nil, err
	}
	if host.User, err = oci.LookupUser(oci.Tree{Root: s.root, Mounts: c.Mounts, Volumes: s.volumes}, c.User, c.GroupAdd); err != nil {
		return nil, nil, err
	}
	if host.Files, err = s.writeFiles(c, nil, s.etc.renew); err != nil {
		return nil, nil, err
	}
	if err := oci.FillDevices(c, &host); err != nil {
		return nil, nil, err
	}
	if host.AppArmor, err = oci.AppArmorProfile(c.Security); err != nil {
		return nil, nil, err
	}
	if c.Init {
		if host.InitBinary, err = kernel.InitBinary(s.store.Root); err != nil {
			return nil, nil, err
		}
	}
	host.RecursiveReadOnly = kernel.RecursiveReadOnly()
	return oci.Spec(c, host)
}

func (s *systemContainer) WriteFiles(c *container.Config, attached []network.Attachment) error {
	_, err := s.writeFiles(c, attached, s.etc.change)
	return err
}

// writeFiles makes the files that mvrun keeps in the container's /etc. With the
// host's network the host's own names and servers hold. attached are the endpoints
// that stand: what a DHCP server said comes from them. How to write differs before and
// after the container has mounted them.
func (s *systemContainer) writeFiles(c *container.Config, attached []network.Attachment, write func(path string, text []byte) error) (map[string]string, error) {
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
		host := filepath.Join(s.store.Dir(c.ID), strings.TrimPrefix(path, "/etc/"))
		if err := write(host, data); err != nil {
			return nil, fmt.Errorf("write %s: %w", path, err)
		}
		files[path] = host
	}
	return files, nil
}
