package trunk

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/vlanbpf"
)

// DetectVLANDriver says by trying which driver a VLAN gets on this kernel,
// kernel or ebpf, in the order of "auto". Without either the error has what
// the kernel answered to both. It tries in a namespace of its own, of which
// nothing stays.
func DetectVLANDriver() (network.VLANDriver, error) {
	kernel := tryLinks(tryKernelVLAN)
	if kernel == nil {
		return network.DriverKernel, nil
	}
	ebpf := tryLinks(tryEBPF)
	if ebpf == nil {
		return network.DriverEBPF, nil
	}
	return "", errors.Join(fmt.Errorf("driver kernel: %w", kernel), fmt.Errorf("driver ebpf: %w", ebpf))
}

// DetectMacvlan says by trying whether the kernel has macvlan.
func DetectMacvlan() error {
	return tryLinks(func(h Handle, parent netlink.Link) error {
		return h.LinkAdd(&netlink.Macvlan{LinkAttrs: tryOn(parent, "try1"), Mode: netlink.MACVLAN_MODE_BRIDGE})
	})
}

func tryKernelVLAN(h Handle, parent netlink.Link) error {
	return h.LinkAdd(&netlink.Vlan{LinkAttrs: tryOn(parent, "try1"), VlanId: 10, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q})
}

func tryEBPF(h Handle, parent netlink.Link) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "try1"
	if err := h.LinkAdd(&netlink.Ifb{LinkAttrs: attrs}); err != nil {
		return fmt.Errorf("make ifb: %w", err)
	}
	ifb, err := h.LinkByName(attrs.Name)
	if err != nil {
		return err
	}
	if err := (vlanbpf.Changes{Qdisc: true}).Apply(h.Handle, parent); err != nil {
		return err
	}
	return vlanbpf.Add(h.Handle, parent, ifb, 10)
}

func tryOn(parent netlink.Link, name string) netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = name, parent.Attrs().Index
	return attrs
}

// tryLinks calls try in a fresh namespace with an interface to stand for the
// NIC. No kind of interface is in every kernel.
func tryLinks(try func(h Handle, parent netlink.Link) error) error {
	ns, err := NewNamespace()
	if err != nil {
		return err
	}
	defer ns.Close()
	return ns.Do(func() error {
		h, err := Open()
		if err != nil {
			return err
		}
		defer h.Close()
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "try0"
		for _, stand := range []netlink.Link{
			&netlink.Dummy{LinkAttrs: attrs},
			&netlink.Veth{LinkAttrs: attrs, PeerName: "try0peer"},
			&netlink.Ifb{LinkAttrs: attrs},
			&netlink.Bridge{LinkAttrs: attrs},
		} {
			if err = h.LinkAdd(stand); err == nil {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("make an interface to try with: %w", err)
		}
		parent, err := h.LinkByName(attrs.Name)
		if err != nil {
			return err
		}
		return try(h, parent)
	})
}
