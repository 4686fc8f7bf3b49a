package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

// parseLeg reads one --network: a network's name, or Docker's longer form
// name=NET,ip=…,ip6=…,alias=…,mac-address=…,gw-priority=…, of which the name=
// may be left out. ifname=, mtu= and, instead of a network, vlan= and parent=
// are ours.
func parseLeg(value string) (network.Request, error) {
	var r network.Request
	for i, field := range strings.Split(value, ",") {
		key, v, found := strings.Cut(field, "=")
		switch {
		case !found && i == 0:
			key, v = "name", field
		case !found:
			return r, fmt.Errorf("--network %s: %q: write it as KEY=VALUE", value, field)
		}
		if v == "" {
			return r, fmt.Errorf("--network %s: %s has no value", value, key)
		}
		if err := setLeg(&r, key, v); err != nil {
			return r, fmt.Errorf("--network %s: %w", value, err)
		}
	}
	switch inSegment := r.VLAN != (network.Tags{}) || r.Parent != ""; {
	case r.Network == "" && !inSegment:
		return r, fmt.Errorf("--network %s: which network is it? Begin with its name, or give vlan= and parent=", value)
	case r.Network != "" && inSegment:
		return r, fmt.Errorf("--network %s: a network has its own VLAN and parent: leave out its name, or those", value)
	}
	return r, nil
}

func setLeg(r *network.Request, key, v string) error {
	given := map[string]bool{
		"name": r.Network != "", "ip": !r.IP.Automatic(), "ip6": !r.IP6.Automatic(), "ifname": r.IfName != "",
		"mac": r.MAC != nil, "mac-address": r.MAC != nil,
		"vlan": r.VLAN != network.Tags{}, "parent": r.Parent != "", "vlan-driver": r.VLANDriver != "",
	}
	if given[key] {
		return fmt.Errorf("%s is given twice", key)
	}
	var err error
	switch key {
	case "name":
		r.Network = v
	case "ifname":
		r.IfName = v
	case "parent":
		r.Parent = v
	case "ip":
		r.IP, err = network.ParseIPv4(v)
	case "ip6":
		r.IP6, err = network.ParseIPv6(v)
	case "mac", "mac-address":
		r.MAC, err = network.ParseMAC(v)
	case "vlan":
		r.VLAN, err = network.ParseTags(v)
	case "vlan-driver":
		r.VLANDriver, err = network.ParseVLANDriver(v)
	case "alias":
		r.Aliases = append(r.Aliases, v)
		err = checkAlias(v)
	case "driver-opt":
		err = setDriverOption(r, v)
	case "gw-priority":
		r.GwPriority, err = number(key, v)
	case "mtu":
		if r.OwnMTU, err = number(key, v); err == nil && r.OwnMTU <= 0 {
			err = fmt.Errorf("%s=%s: it is a number", key, v)
		}
	default:
		err = fmt.Errorf("%s is not known: it is name, ip, ip6, mac, alias, ifname, gw-priority, mtu, vlan, parent or vlan-driver", key)
	}
	return err
}

func number(key, v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: it is a number", key, v)
	}
	return n, nil
}

func checkAlias(name string) error {
	if name == "" || container.CheckHostname(name) != nil {
		return fmt.Errorf("alias %q is no host name: use letters, digits, - and . within it, 64 at most", name)
	}
	return nil
}

// setDriverOption knows the one option of endpoints that Docker has.
func setDriverOption(r *network.Request, opt string) error {
	name, found := strings.CutPrefix(opt, "com.docker.network.endpoint.ifname=")
	if !found {
		return fmt.Errorf("driver-opt %s: there is no such option: give ifname=", opt)
	}
	r.IfName = name
	return nil
}

const (
	refusedLink      = "refused: containers on one network know each other by name"
	refusedLinkLocal = "refused: see --ip6 link-local, and --ip"
)

// refuseLinks says what there is in place of two options of Docker's.
func refuseLinks(c *cli.Context) error {
	switch {
	case c.IsSet("link"):
		return errors.New("--link: containers on one network know each other by name without it: give the other one a --network-alias for a further name")
	case c.IsSet("link-local-ip"):
		return errors.New("--link-local-ip: a leg has the link-local IPv6 address of its MAC address (--ip6 link-local), and one IPv4 address: give 169.254.… as --ip")
	}
	return nil
}

// addressed puts the flags that speak of one endpoint into the first of them.
func addressed(first *network.Request, flags network.Request) error {
	for _, f := range []struct {
		flag     string
		to, from *network.AddressRequest
	}{{"--ip", &first.IP, &flags.IP}, {"--ip6", &first.IP6, &flags.IP6}} {
		if f.from.Automatic() {
			continue
		}
		if !f.to.Automatic() {
			return fmt.Errorf("%s %s: the network has %s of its own: give one of them", f.flag, f.from, f.to)
		}
		*f.to = *f.from
	}
	if flags.MAC != nil {
		if first.MAC != nil {
			return fmt.Errorf("--mac-address %s: the network has %s of its own: give one of them", flags.MAC, first.MAC)
		}
		first.MAC = flags.MAC
	}
	if flags.OwnMTU != 0 {
		first.OwnMTU = flags.OwnMTU
	}
	first.Aliases = append(first.Aliases, flags.Aliases...)
	return nil
}

// namedLegs reads all --network. none and host stand alone.
func namedLegs(values []string) (legs []network.Request, alone string, err error) {
	for _, v := range values {
		r, err := parseLeg(v)
		if err != nil {
			return nil, "", err
		}
		if r.Network != network.None && r.Network != network.Host {
			legs = append(legs, r)
			continue
		}
		if len(values) > 1 {
			return nil, "", fmt.Errorf("--network %s excludes other networks", r.Network)
		}
		alone = r.Network
	}
	for i, r := range legs {
		if r.Network != "" && slices.ContainsFunc(legs[:i], func(o network.Request) bool { return o.Network == r.Network }) {
			return nil, "", fmt.Errorf("--network %s is given twice", r.Network)
		}
	}
	return legs, alone, nil
}

var errNoSegment = errors.New("--ip, --ip6, --mac-address, --mtu and --network-alias need --vlan N or --network NAME: which VLAN is it on?")
