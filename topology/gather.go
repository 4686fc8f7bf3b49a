package topology

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/hostaccess"
	"github.com/mvrun/mvrun/network/trunk"
	"github.com/mvrun/mvrun/network/vlanbpf"
	"github.com/mvrun/mvrun/runtime/container"
)

// survey is one look at the host: everything that is asked of the kernel and
// of the store, before anything is put together.
type survey struct {
	handle     *netlink.Handle
	own        uint64               // inode of the host's namespace
	links      map[int]netlink.Link // of the host
	ifaces     map[int]Interface
	children   []child
	networks   []network.Config
	recorded   []trunk.VLANLink
	seats      []hostaccess.Link
	containers []*container.Container
	claimed    map[*child]bool // children that are legs of our containers
	parents    map[string]*Parent
	warnings   []string
}

// Gather looks at the network namespace of the calling thread, at those that
// have interfaces on its links, and at the store. What can't be read is named
// in the map's warnings.
func Gather(store *container.Store) (*Map, error) {
	s := &survey{claimed: map[*child]bool{}, parents: map[string]*Parent{}}
	if err := s.kernel(); err != nil {
		return nil, err
	}
	defer s.handle.Close()
	if err := s.records(store); err != nil {
		return nil, err
	}
	m := &Map{Taken: time.Now()}
	m.Host, _ = os.Hostname()
	s.vlans()
	s.ours()
	s.seat()
	m.Others = s.legs()
	s.foreign()
	m.Parents = s.sorted()
	m.Warnings = s.warnings
	return m, nil
}

func (s *survey) kernel() (err error) {
	if s.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	all, err := links(s.handle)
	if err != nil {
		return err
	}
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer own.Close()
	if s.own, err = trunk.SpaceInode(own.Name()); err != nil {
		return err
	}
	addrs := addresses(s.handle)
	s.links, s.ifaces = map[int]netlink.Link{}, map[int]Interface{}
	for _, link := range all {
		i := interfaceOf(link, addrs)
		s.links[i.Index], s.ifaces[i.Index] = link, i
		if isChild(link) && link.Attrs().NetNsID < 0 {
			s.children = append(s.children, child{i, s.own, "this host"})
		}
	}
	for _, space := range trunk.Spaces(s.own) {
		found, err := childrenIn(space, own)
		if err == nil { // else it went while we looked
			s.children = append(s.children, found...)
		}
	}
	return nil
}

func (s *survey) records(store *container.Store) (err error) {
	if s.networks, err = store.Networks.List(); err != nil {
		s.warnings = append(s.warnings, err.Error())
	}
	if s.recorded, err = store.Interfaces.Trunk.Links(); err != nil {
		return err
	}
	if s.seats, err = hostaccess.Links(store.Interfaces.Trunk); err != nil {
		return err
	}
	containers, errs := store.List()
	for _, err := range errs {
		s.warnings = append(s.warnings, err.Error())
	}
	slices.SortFunc(containers, func(a, b *container.Container) int { return cmp.Compare(a.Config.Name, b.Config.Name) })
	s.containers = containers
	return nil
}

// parent finds or adds a parent by the name of its interface.
func (s *survey) parent(name string) *Parent {
	if p, ok := s.parents[name]; ok {
		return p
	}
	p := &Parent{Interface: Interface{Name: name}, Missing: true}
	for _, i := range s.ifaces {
		if i.Name == name {
			p.Interface, p.Missing = i, false
		}
	}
	s.parents[name] = p
	return p
}

// segment finds or adds one of a parent's. It holds until the next one is added.
func (s *survey) segment(v vlan) *Segment {
	p := s.parent(v.Parent)
	for i := range p.Segments {
		if seg := &p.Segments[i]; seg.VID == v.VID && seg.Outer == v.Outer && seg.Protocol == v.protocol {
			return seg
		}
	}
	p.Segments = append(p.Segments, Segment{VID: v.VID, Outer: v.Outer, Protocol: v.protocol})
	return &p.Segments[len(p.Segments)-1]
}

// vlans adds the VLAN links that the kernel has, by either driver.
func (s *survey) vlans() {
	for index, link := range s.links {
		v, ok := s.vlanOf(link)
		if !ok {
			continue
		}
		seg := s.segment(v)
		i := s.ifaces[index]
		i.Below = v.below
		seg.Link, seg.Driver = &i, v.driver
		for _, r := range s.recorded {
			seg.used = seg.used || r.Index == index
			seg.Made = seg.Made || r.Index == index && r.Made
		}
	}
}

// vlan is what a VLAN link stands for.
type vlan struct {
	network.Segment
	protocol string
	driver   string
	below    int // index of the interface that it sits on
}

// vlanOf says which VLAN a link stands for, if it is one on an interface of this
// host. One on a service VLAN is inside it; one on another VLAN has that as its
// parent, as mvrun's own networks have it.
func (s *survey) vlanOf(link netlink.Link) (v vlan, ok bool) {
	switch l := link.(type) {
	case *netlink.Vlan:
		below, here := s.links[l.ParentIndex]
		if !here || l.NetNsID >= 0 {
			return vlan{}, false
		}
		v = vlan{driver: "kernel", below: l.ParentIndex}
		v.Parent, v.VID = below.Attrs().Name, uint16(l.VlanId)
		if l.VlanProtocol == netlink.VLAN_PROTOCOL_8021AD {
			v.protocol = "802.1ad"
		} else if outer, inside := s.vlanOf(below); inside && outer.protocol != "" && outer.Outer == 0 {
			v.Parent, v.Outer = outer.Parent, outer.VID
		}
		return v, true
	case *netlink.Ifb:
		index, vid, err := vlanbpf.Carries(s.handle, link)
		below, here := s.ifaces[index]
		if err != nil || vid == 0 || !here {
			return vlan{}, false
		}
		v = vlan{driver: "ebpf", below: index}
		v.Parent, v.VID = below.Name, vid
		return v, true
	}
	return vlan{}, false
}

// ours adds the stored networks.
func (s *survey) ours() {
	for _, cfg := range s.networks {
		if cfg.Predefined() {
			continue
		}
		n := Network{Name: cfg.Name, ID: cfg.ID, Mode: string(cfg.Mode), Implicit: cfg.Implicit, Internal: cfg.Internal}
		for _, sub := range cfg.Subnets {
			n.Pools = append(n.Pools, Pool{sub.Prefix, sub.Gateway})
		}
		seg := s.segment(vlan{Segment: cfg.Segment})
		seg.Networks = append(seg.Networks, n)
	}
}

// segmentAbove is the segment that an interface with this index carries: a VLAN
// link its VLAN, any other its untagged one.
func (s *survey) segmentAbove(index int) *Segment {
	link, here := s.links[index]
	if !here {
		return nil
	}
	v, ok := s.vlanOf(link)
	if !ok {
		v.Parent = link.Attrs().Name
	}
	return s.segment(v)
}

// foreign adds what is left: nobody's of ours.
func (s *survey) foreign() {
	for i := range s.children {
		c := &s.children[i]
		if seg := s.segmentAbove(c.Below); seg != nil && !s.claimed[c] {
			seg.Foreign = append(seg.Foreign, Foreign{c.Interface, c.owner})
		}
	}
}

func (s *survey) sorted() []Parent {
	var all []Parent
	for _, p := range s.parents {
		slices.SortFunc(p.Segments, Segment.compare)
		for _, seg := range p.Segments {
			slices.SortFunc(seg.Networks, func(a, b Network) int { return cmp.Compare(a.Name, b.Name) })
			slices.SortFunc(seg.Foreign, func(a, b Foreign) int {
				return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name))
			})
		}
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Parent) int { return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Name, b.Name)) })
	return all
}

func pidSpace(p container.Process) (uint64, bool) {
	inode, err := trunk.SpaceInode(trunk.ProcessSpace(strconv.Itoa(p.Pid)))
	return inode, err == nil
}
