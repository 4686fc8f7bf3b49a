package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/config"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/etcfiles"
	"github.com/mvrun/mvrun/runtime/container"
)

func readNetwork(c *cli.Context, w *wish) error {
	if c.IsSet("publish") || c.Bool("publish-all") {
		where := "the container's own address"
		if ip, _, _ := strings.Cut(c.String("ip"), "/"); ip != "" {
			where = ip
		}
		return fmt.Errorf("--publish: containers on a VLAN need no port mapping: reach every port directly at %s", where)
	}
	if err := refuseLinks(c); err != nil {
		return err
	}
	n := &w.config.Network
	n.DNS, n.DNSSearch = c.StringSlice("dns"), c.StringSlice("dns-search")
	n.DNSOptions, n.ExtraHosts = c.StringSlice("dns-option"), c.StringSlice("add-host")
	if _, err := etcfiles.ParseDNS(n.DNS, n.DNSSearch, n.DNSOptions); err != nil {
		return fmt.Errorf("--dns, --dns-search, --dns-opt: %w", err)
	}
	for _, h := range n.ExtraHosts {
		if _, err := etcfiles.ParseAddHost(h); err != nil {
			return fmt.Errorf("--add-host %s: %w", h, err)
		}
	}
	if err := readLegs(c, w); err != nil {
		return err
	}
	if err := setProbe(c, w); err != nil {
		return err
	}
	w.config.Hostname, w.config.Domainname = c.String("hostname"), c.String("domainname")
	if err := container.CheckHostname(w.config.Hostname); err != nil {
		return err
	}
	if n.Mode == network.Host && w.config.Hostname == "" {
		name, err := os.Hostname()
		w.config.Hostname = name
		return err
	}
	return nil
}

// readLegs works out which networks are asked for. Without a word about any,
// the container has none: which VLAN of the LAN it belongs on is not ours to
// guess.
func readLegs(c *cli.Context, w *wish) error {
	flags := network.Request{
		Parent: c.String("parent"), OwnMTU: c.Int("mtu"), Aliases: c.StringSlice("network-alias"),
	}
	if err := readAddresses(c, &flags); err != nil {
		return err
	}
	if err := readSegmentFlags(c, &flags); err != nil {
		return err
	}
	for _, alias := range flags.Aliases {
		if err := checkAlias(alias); err != nil {
			return fmt.Errorf("--network-alias: %w", err)
		}
	}
	if c.IsSet("mtu") && flags.OwnMTU <= 0 {
		return fmt.Errorf("--mtu %d: it is a number of bytes", flags.OwnMTU)
	}
	legs, alone, err := namedLegs(c.StringSlice("network"))
	if err != nil {
		return err
	}
	short := c.IsSet("vlan") || c.IsSet("parent")
	switch {
	case short && (len(legs) > 0 || alone != ""):
		return errors.New("--network and --vlan or --parent exclude each other: a network has its own VLAN and parent")
	case short:
		legs = []network.Request{flags}
	case c.IsSet("vlan-driver"):
		return errors.New("--vlan-driver goes with --vlan; a network has its own (network create -o vlan_driver=…)")
	case len(legs) > 0:
		if err := addressed(&legs[0], flags); err != nil {
			return err
		}
	case !flags.IP.Automatic() || !flags.IP6.Automatic() || flags.MAC != nil || flags.OwnMTU != 0 || len(flags.Aliases) > 0:
		return errNoSegment
	default:
		w.config.Network.Mode = network.None
		if alone != "" {
			w.config.Network.Mode = alone
		}
		return nil
	}
	w.legs = legs
	return configuredLegs(c, w)
}

// configuredLegs fills in what the file says of the legs that name a VLAN and
// no network.
func configuredLegs(c *cli.Context, w *wish) error {
	for i := range w.legs {
		if w.legs[i].Network != "" {
			continue
		}
		conf, err := configOf(c)
		if err != nil {
			return err
		}
		defaultDNS(&w.config.Network, completeLeg(conf, &w.legs[i]))
	}
	return nil
}

// defaultDNS takes the name servers of the VLAN where the command names none.
func defaultDNS(n *container.Network, v config.VLAN) {
	if len(n.DNS) == 0 {
		for _, a := range v.DNS {
			n.DNS = append(n.DNS, a.String())
		}
	}
	if len(n.DNSSearch) == 0 {
		n.DNSSearch = v.DNSSearch
	}
}

// readAddresses reads the flags for the addresses of one endpoint.
func readAddresses(c *cli.Context, r *network.Request) (err error) {
	if r.IP, err = network.ParseIPv4(c.String("ip")); err != nil {
		return fmt.Errorf("--ip %s: %w", c.String("ip"), err)
	}
	if r.IP6, err = network.ParseIPv6(c.String("ip6")); err != nil {
		return fmt.Errorf("--ip6 %s: %w%s", c.String("ip6"), err, otherFlag(err, "--ip"))
	}
	if r.IP.Addr.Is6() && !r.IP6.Automatic() {
		return fmt.Errorf("--ip %s and --ip6 %s: --ip is the IPv4 address", r.IP, r.IP6)
	}
	if mac := c.String("mac-address"); mac != "" {
		r.MAC, err = network.ParseMAC(mac)
	}
	return err
}

// otherFlag is where an address of the other family belongs.
func otherFlag(err error, flag string) string {
	if errors.Is(err, network.ErrOtherFamily) {
		return ": give it to " + flag
	}
	return ""
}

// readSegmentFlags reads the flags for a VLAN without a network.
func readSegmentFlags(c *cli.Context, r *network.Request) (err error) {
	if c.IsSet("vlan") {
		if r.VLAN, err = network.ParseTags(c.String("vlan")); err != nil {
			return err
		}
	}
	r.VLANDriver, err = network.ParseVLANDriver(c.String("vlan-driver"))
	return err
}
