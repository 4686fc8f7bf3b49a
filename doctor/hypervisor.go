package doctor

// hypervisor is what is known of a virtual card: no card says itself that what
// is behind it drops the frames of MAC addresses that it did not hand out.
type hypervisor struct {
	name, refuses, do string
	benign            bool // by default it refuses nothing
}

const dropsOthers = "it drops frames of other MAC addresses than the card's unless it is told not to, and each container has its own"

// hypervisors by the driver of the card, as ethtool names it.
var hypervisors = map[string]hypervisor{
	"vmxnet3": {
		name: "VMware", refuses: dropsOthers,
		do: "in the port group allow promiscuous mode, MAC address changes and forged transmits; for tagged frames give it VLAN 4095 (trunk)",
	},
	"hv_netvsc": {
		name: "Hyper-V", refuses: dropsOthers,
		do: "enable MAC address spoofing for the VM's adapter, and for tagged frames make it a trunk (Set-VMNetworkAdapterVlan -Trunk)",
	},
	"mana":    cloud("Azure"),
	"ena":     cloud("Amazon EC2"),
	"gve":     cloud("Google Compute Engine"),
	"iavf":    virtualFunction("Intel"),
	"ixgbevf": virtualFunction("Intel"),
	"igbvf":   virtualFunction("Intel"),
	"bnxt_en": {
		name: "Broadcom", benign: true,
		do: "if it is a virtual function: on its host set trust on and spoofchk off for it",
	},
	"virtio_net": {
		name: "KVM", benign: true,
		do: "on its host connect the VM to a bridge, or set trustGuestRxFilters='yes' for a macvtap; Google Compute Engine drops foreign MAC addresses always",
	},
	"xen_netfront": {name: "Xen", benign: true, do: "see that the port of the VM's bridge does not filter MAC addresses"},
}

func cloud(name string) hypervisor {
	return hypervisor{
		name: name, refuses: "such a network knows no MAC addresses but those it handed out, and no VLANs: macvlan can't work there",
		do: "use a host with a real trunk",
	}
}

func virtualFunction(vendor string) hypervisor {
	return hypervisor{
		name: vendor + ", a virtual function (SR-IOV)", refuses: dropsOthers,
		do: "on its host: ip link set PF vf N trust on spoofchk off",
	}
}
