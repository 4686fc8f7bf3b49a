package doctor

import (
	"context"
	"fmt"
	"net"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// carrier is the parent, once it is found.
type carrier struct {
	segment  network.Segment
	link     netlink.Link
	driver   string // of the card, as ethtool names it; may be empty
	features map[string]ethtool.FeatureState
}

func (c *carrier) name() string { return c.link.Attrs().Name }

// parent finds the NIC and looks at what it can do. A parent that nobody named
// and that the host has not is no mistake yet.
func (e *examination) parent(context.Context) []Finding {
	seg, err := e.resolve()
	if err != nil {
		status := Broken
		if e.Parent == "" && e.VLAN == "" && !e.Gateway.IsValid() {
			status = Warning
		}
		return []Finding{{
			"parent", status, oneLine(err), "it carries the containers' VLANs",
			"name a wired interface with --parent, or as parent in the configuration file",
		}}
	}
	link, err := netlink.LinkByName(seg.Parent)
	if err != nil {
		return []Finding{{"parent", Broken, oneLine(err), "it carries the containers' VLANs", "name another interface with --parent"}}
	}
	e.carrier = &carrier{segment: seg, link: link}
	if tool, err := ethtool.NewEthtool(); err == nil {
		e.carrier.driver, _ = tool.DriverName(seg.Parent)
		e.carrier.features, _ = tool.FeaturesWithState(seg.Parent)
		tool.Close()
	}
	var found []Finding
	for _, check := range []func(*carrier) *Finding{checkState, checkMaster, checkMTU, e.checkTags, checkPromiscuous, checkHypervisor} {
		if f := check(e.carrier); f != nil {
			found = append(found, *f)
		}
	}
	return found
}

func checkState(c *carrier) *Finding {
	a := c.link.Attrs()
	switch {
	case a.Flags&net.FlagUp == 0:
		return &Finding{
			"parent", Warning, c.name() + " is down: whether it has a carrier is not known",
			"mvrun sets it up with the first container, and tests nothing on it now", "ip link set " + c.name() + " up, then run the doctor again",
		}
	case a.RawFlags&unix.IFF_LOWER_UP == 0:
		return &Finding{
			"parent", Broken, c.name() + " has no carrier", "containers on it start and reach nobody",
			"plug the cable in, or enable the switch port",
		}
	}
	what := c.name() + " is up and has a carrier"
	if c.driver != "" {
		what += " (driver " + c.driver + ")"
	}
	f := fine("parent", what)
	return &f
}

// checkMaster finds ports of a bridge or a bond: another one has their frames.
func checkMaster(c *carrier) *Finding {
	index := c.link.Attrs().MasterIndex
	if index == 0 {
		return nil
	}
	master, err := netlink.LinkByIndex(index)
	if err != nil || master.Type() == "vrf" {
		return nil
	}
	name := master.Attrs().Name
	return &Finding{
		"parent", Broken, fmt.Sprintf("%s is a port of the %s %s", c.name(), master.Type(), name),
		"its frames go to " + name + ", and no macvlan can sit on it", "use --parent " + name,
	}
}

func checkMTU(c *carrier) *Finding {
	mtu := c.link.Attrs().MTU
	if mtu >= 1500 {
		return nil
	}
	return &Finding{
		"mtu", Warning, fmt.Sprintf("%s has an MTU of %d", c.name(), mtu),
		"hosts of the LAN send frames of 1500 bytes, which are lost", "set it to 1500, or the MTU of all hosts of the VLAN to this one",
	}
}

// checkTags looks for cards that can't have VLANs, or not by the driver.
func (e *examination) checkTags(c *carrier) *Finding {
	driver := e.VLANDriver
	if driver == "" || driver == "auto" {
		driver = e.driver
	}
	filter, known := c.features["rx-vlan-filter"]
	switch {
	case driver == "kernel" && c.features["vlan-challenged"].Active:
		return &Finding{
			"tags", Broken, c.name() + " takes no VLANs (vlan-challenged)", "no VLAN sub-interface can be made on it",
			"use another card, or --vlan-driver ebpf if the card lets tagged frames through",
		}
	case driver == "ebpf" && known && filter.Active && (filter.NeverChanged || !filter.Available):
		return &Finding{
			"tags", Broken, c.name() + " filters VLANs (rx-vlan-filter) and can't be told to stop",
			"only 8021q can tell it which VLANs to let in, and this kernel has none", "use a kernel with CONFIG_VLAN_8021Q, or another card",
		}
	}
	return nil
}

// checkPromiscuous asks for all frames through a packet socket: the kernel
// takes the wish back when the socket closes, by whatever end.
func checkPromiscuous(c *carrier) *Finding {
	err := tryPromiscuous(c.link.Attrs().Index)
	if err == nil {
		return nil
	}
	return &Finding{
		"promiscuous", Warning, fmt.Sprintf("%s can't be made promiscuous: %v", c.name(), err),
		"frames to a container's MAC address may be dropped by the card", "use another card or another driver of it",
	}
}

func tryPromiscuous(index int) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
		&unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC})
	if err != nil {
		return err
	}
	link, err := netlink.LinkByIndex(index)
	if err == nil && link.Attrs().Promisc == 0 {
		return fmt.Errorf("the driver ignores it")
	}
	return err
}

func checkHypervisor(c *carrier) *Finding {
	h, known := hypervisors[c.driver]
	if !known || h.benign {
		return nil
	}
	return &Finding{
		"hypervisor", Warning, fmt.Sprintf("%s is a card of %s", c.name(), h.name), h.refuses, h.do,
	}
}

// resolve is the segment that the words mean.
func (e *examination) resolve() (network.Segment, error) {
	var tags network.Tags
	if e.VLAN != "" {
		var err error
		if tags, err = network.ParseTags(e.VLAN); err != nil {
			return network.Segment{}, err
		}
	}
	return trunk.ResolveSegment(e.Parent, tags)
}
