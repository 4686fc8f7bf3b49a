package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/internal/rtnl"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
	"github.com/mvrun/mvrun/network/endpoint"
	"github.com/mvrun/mvrun/network/trunk"
)

// wire puts a throw-away container's leg on the segment, as a start would, and
// asks for the gateway with it.
func (e *examination) wire(ctx context.Context) []Finding {
	if e.carrier == nil || e.carrier.link.Attrs().Flags&net.FlagUp == 0 {
		return nil
	}
	ns, err := trunk.NewNamespace()
	if err != nil {
		return []Finding{{"segment", Broken, oneLine(err), "every container has a network namespace of its own", "use a kernel with CONFIG_NET_NS"}}
	}
	defer ns.Close()
	seg := e.carrier.segment
	leg, err := e.Store.Interfaces.Attach(ctx, ns, network.Owner{ID: e.id, Name: "doctor"}, network.Endpoint{
		ID: e.id, Network: "doctor", Segment: seg, Mode: "bridge", VLANDriver: network.VLANDriver(e.VLANDriver), IfName: "eth0",
		MAC: network.StableMAC(e.id, "doctor", "", 0).String(),
	}, endpoint.Hooks{})
	if err != nil {
		return []Finding{{"segment", Broken, oneLine(err), "no container can be put on " + seg.String(), "see the parent's findings above"}}
	}
	at := leg.Attachment()
	found := []Finding{fine("segment", fmt.Sprintf("a container can be put on %s%s", seg, byDriver(string(at.Driver))))}
	if e.Gateway.IsValid() && at.Carrier {
		found = append(found, e.askGateway(ctx, ns, at)...)
	}
	if err := leg.Undo(); err != nil {
		found = append(found, Finding{"segment", Broken, oneLine(err), "what was tried could not be taken back", "any other mvrun command tries again"})
	}
	return found
}

func byDriver(driver string) string {
	if driver == "" {
		return ""
	}
	return " by driver " + driver
}

// askGateway finds out from where the gateway answers, and to whom.
func (e *examination) askGateway(ctx context.Context, ns *trunk.Namespace, at network.Attachment) []Finding {
	if own := e.ownAddress(); own != "" {
		return []Finding{{
			"gateway", Broken, fmt.Sprintf("%s is an address of this host (%s)", e.Gateway, own),
			"macvlan keeps host and containers apart: they can't use it as their gateway",
			"make another router the gateway, or leave the gateway out",
		}}
	}
	ear, err := listen(at.LinkIndex)
	if err != nil {
		return []Finding{unasked(err)}
	}
	defer ear.close()
	mac, err := net.ParseMAC(at.MAC)
	if err != nil {
		return []Finding{unasked(err)}
	}
	leg := question{netns: int(ns.File().Fd()), index: at.IfIndex, mac: mac}
	answer, err := e.ask(ctx, leg)
	if err != nil {
		return []Finding{unasked(err)}
	}
	if answer != nil {
		return append([]Finding{fine("gateway", fmt.Sprintf("%s answers on %s (%s)", e.Gateway, at.Segment, answer))}, e.askLong(ctx, leg, at)...)
	}
	f, err := e.whySilent(ctx, at, ear)
	if err != nil {
		return []Finding{unasked(err)}
	}
	return []Finding{f}
}

func unasked(err error) Finding {
	return Finding{"gateway", Broken, "it could not be asked: " + oneLine(err), "whether the VLAN is there is not known", "see the error"}
}

// askLong fills the question up to the MTU: tags make a frame four bytes
// longer, and a device on the way may not take it.
func (e *examination) askLong(ctx context.Context, leg question, at network.Attachment) []Finding {
	leg.pad = at.MTU
	answer, err := e.ask(ctx, leg)
	switch {
	case err != nil:
		return []Finding{unasked(err)}
	case answer != nil:
		return []Finding{fine("mtu", fmt.Sprintf("frames of %d bytes get through", at.MTU))}
	}
	return []Finding{{
		"mtu", Warning, fmt.Sprintf("%s does not answer to frames of %d bytes, as it does to short ones", e.Gateway, at.MTU),
		"connections may be made and then hang", "let every switch and NIC on the way take frames of 1522 bytes, or give the network a smaller --mtu",
	}}
}

// whySilent asks in the ways that a container can't, to tell the causes apart.
func (e *examination) whySilent(ctx context.Context, at network.Attachment, ear *ear) (Finding, error) {
	vlan := at.Segment.String()
	answer, err := e.askFrom(ctx, at.LinkIndex)
	if err != nil {
		return Finding{}, err
	}
	if answer != nil {
		do := "switch port security off, or allow more than one MAC address"
		if h, known := hypervisors[e.carrier.driver]; known {
			do = h.do
		}
		return Finding{
			"gateway", Broken, fmt.Sprintf("%s answers the MAC address of %s, and no other", e.Gateway, at.Link),
			"something drops the frames of the containers' own MAC addresses", do,
		}, nil
	}
	if at.VID != 0 {
		if answer, err = e.askFrom(ctx, at.ParentIndex); err != nil {
			return Finding{}, err
		}
		if answer != nil {
			return Finding{
				"gateway", Broken, fmt.Sprintf("%s answers untagged, not on VLAN %s", e.Gateway, at.Tags()),
				"the switch port is an access port of this network: it knows no tags", fmt.Sprintf("make the port a trunk that carries VLAN %s tagged, or leave out --vlan", at.Tags()),
			}, nil
		}
	}
	if n := ear.heard(); n > 0 {
		return Finding{
			"gateway", Broken, fmt.Sprintf("nobody on %s has %s, though others are there (%d frames came in)", vlan, e.Gateway, n),
			"containers do not get out of their subnet", "check the gateway's address, and that it is on",
		}, nil
	}
	do := fmt.Sprintf("make the switch port a trunk that carries VLAN %s tagged; under a hypervisor let its switch pass tags; check that the cable is in the right port", at.Tags())
	if at.VID == 0 {
		do = "check the gateway's address, that it is on, and that the cable is in the right port"
	}
	return Finding{
		"gateway", Broken, fmt.Sprintf("nothing comes back from %s: no answer of %s, and no other frame", vlan, e.Gateway),
		"containers there reach nobody", do,
	}, nil
}

// askFrom asks with an interface's own MAC address, from the host.
func (e *examination) askFrom(ctx context.Context, index int) (net.HardwareAddr, error) {
	link, err := netlink.LinkByIndex(index)
	if err != nil {
		return nil, err
	}
	return e.ask(ctx, question{index: index, mac: link.Attrs().HardwareAddr})
}

// question is an ARP request, or its like in IPv6, for the gateway.
type question struct {
	netns, index int
	mac          net.HardwareAddr
	pad          int // bytes of the packet, 0 as short as it is
}

// ask returns the MAC address that answers, nil if none does. It asks as one
// does who looks whether an address is free: no host needs to be configured,
// and no cache learns anything.
func (e *examination) ask(ctx context.Context, q question) (net.HardwareAddr, error) {
	claim := acd.Claim{Addr: e.Gateway, MAC: q.mac}
	socket, err := acd.Listen(q.netns, q.index, claim)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	r, err := acd.Probe(ctx, padded{socket, q.pad}, claim, e.Wait)
	switch {
	case err != nil:
		return nil, err
	case r.State == acd.NoPath:
		return nil, errors.New("the carrier went meanwhile")
	case r.State == acd.Taken:
		return r.MAC, nil
	}
	return nil, nil
}

// padded makes every packet that long.
type padded struct {
	acd.Conn
	size int
}

func (p padded) Send(b []byte, to net.HardwareAddr) error {
	if len(b) < p.size {
		b = append(b[:len(b):len(b)], make([]byte, p.size-len(b))...)
	}
	return p.Conn.Send(b, to)
}

// ownAddress is the interface of this host that has the gateway's address.
func (e *examination) ownAddress() string {
	addrs, err := rtnl.Dump(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return ""
	}
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok && ip.Unmap() == e.Gateway {
			if link, err := netlink.LinkByIndex(a.LinkIndex); err == nil {
				return link.Attrs().Name
			}
		}
	}
	return ""
}
