package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// Announce tells the LAN who has the endpoints' addresses now: one ARP
// announcement each (RFC 5227 2.3), so that no neighbour keeps the MAC of an
// earlier owner. It does not repeat; RFC 5227 wants two, 2 s apart.
func (s *Store) Announce(ctx context.Context, ns *Namespace, eps []Endpoint) error {
	return ns.Do(func() error {
		var errs []error
		for _, ep := range eps {
			for _, p := range ep.Addrs {
				if p.Addr().Is4() && ctx.Err() == nil {
					errs = append(errs, announce(ep.IfName, p.Addr()))
				}
			}
		}
		return errors.Join(append(errs, ctx.Err())...)
	})
}

func announce(ifName string, addr netip.Addr) error {
	frame, conn, err := announcement(ifName, addr)
	if err != nil {
		return fmt.Errorf("announce %s: %w", addr, err)
	}
	defer conn.Close()
	if _, err := conn.WriteTo(frame, &packet.Addr{HardwareAddr: ethernet.Broadcast}); err != nil {
		return fmt.Errorf("announce %s: %w", addr, err)
	}
	return nil
}

// announcement is an ARP request whose sender and target are both the address.
func announcement(ifName string, addr netip.Addr) ([]byte, *packet.Conn, error) {
	ifi, err := net.InterfaceByName(ifName)
	if err != nil {
		return nil, nil, err
	}
	p, err := arp.NewPacket(arp.OperationRequest, ifi.HardwareAddr, addr, make(net.HardwareAddr, 6), addr)
	if err != nil {
		return nil, nil, err
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return nil, nil, err
	}
	f := ethernet.Frame{
		Destination: ethernet.Broadcast, Source: ifi.HardwareAddr,
		EtherType: ethernet.EtherTypeARP, Payload: payload,
	}
	frame, err := f.MarshalBinary()
	if err != nil {
		return nil, nil, err
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ARP, nil)
	return frame, conn, err
}
