package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"github.com/mvrun/mvrun/network"
)

// check finds what no single value shows.
func (c *Config) check() *problem {
	for _, check := range []func() *problem{c.checkWords, c.checkAliases, c.Log.check, c.Registries.check, c.checkVLANs} {
		if p := check(); p != nil {
			return p
		}
	}
	return nil
}

func (c *Config) checkWords() *problem {
	if _, err := network.ParseVLANDriver(string(c.VLANDriver)); err != nil {
		return wrong("it is auto, kernel or ebpf", "vlan-driver")
	}
	if _, err := network.ParseProbe(c.ConflictProbe); err != nil {
		return wrong(`it is a duration from 5ms to 10s such as "30ms", or "off"`, "conflict-probe")
	}
	return nil
}

func (c *Config) checkAliases() *problem {
	for _, alias := range slices.Sorted(maps.Keys(c.Parents)) {
		to := c.Parents[alias]
		_, again := c.Parents[to]
		switch {
		case alias == "" || strings.ContainsAny(alias, "./ "):
			return wrong("an alias is a word without dots, slashes and blanks", "parents", alias)
		case to == "" || strings.ContainsAny(to, "/ "):
			return wrong("it stands for the name of an interface, such as enp0s9", "parents", alias)
		case again && to != alias:
			return wrong(fmt.Sprintf("%s is an alias itself: name the interface", to), "parents", alias)
		}
	}
	return nil
}

func (l *Log) check() *problem {
	if l.Driver != "" && l.Driver != "none" && l.Driver != "json-file" && l.Driver != "local" {
		return wrong("mvrun keeps logs itself: write none, or leave it out", "log", "driver")
	}
	if n, err := units.RAMInBytes(l.MaxSize); l.MaxSize != "" && l.MaxSize != "-1" && (err != nil || n < 1024) {
		return wrong(`it is a size of 1k or more, such as "20m"`, "log", "max-size")
	}
	if l.MaxFile < 0 {
		return wrong("it is a number of files, 1 or more", "log", "max-file")
	}
	return nil
}

func (r *Registries) check() *problem {
	for _, host := range r.Insecure {
		if host != "*" && (!isRegistry(host) || strings.Contains(host, "/")) {
			return wrong(fmt.Sprintf(`%q is no host: write it as in images' names, such as "reg.lan:5000"`, host), "registries", "insecure")
		}
	}
	for _, registry := range slices.Sorted(maps.Keys(r.Mirrors)) {
		if !isRegistry(registry) || strings.Contains(registry, "/") {
			return wrong(`a registry is written as in images' names, such as "docker.io"`, "registries", "mirrors", registry)
		}
		for _, mirror := range r.Mirrors[registry] {
			if !isRegistry(mirror) {
				return wrong(fmt.Sprintf(`%q is no host: write it as in images' names, such as "mirror.lan:5000"`, mirror), "registries", "mirrors", registry)
			}
		}
	}
	return nil
}

// isRegistry tells a host, perhaps with a path, as the names of images begin
// with: one word alone would be a repository of Docker Hub.
func isRegistry(s string) bool {
	host, _, _ := strings.Cut(s, "/")
	return !strings.ContainsAny(s, " \t@?#") && !strings.Contains(s, "://") && !strings.HasSuffix(s, "/") &&
		(host == "localhost" || strings.ContainsAny(host, ".:"))
}

func (c *Config) checkVLANs() *problem {
	for _, id := range slices.Sorted(maps.Keys(c.VLANs)) {
		outer, inner, inside := strings.Cut(id, ".")
		if !isVID(outer) || inside && !isVID(inner) {
			return wrong(`a VLAN id is a number from 1 to 4094, or two such as "100.10" for a VLAN inside another`, "vlan", id)
		}
		v := c.VLANs[id]
		if p := pool(id, "", v.Subnet, v.Gateway, v.IPRange, netip.Addr.Is4); p != nil {
			return p
		}
		if p := pool(id, "6", v.Subnet6, v.Gateway6, v.IPRange6, netip.Addr.Is6); p != nil {
			return p
		}
		if v.MTU != 0 && (v.MTU < 68 || v.MTU > 65535) {
			return wrong("it is a number of bytes from 68 to 65535", "vlan", id, "mtu")
		}
	}
	return nil
}

// isVID tells a VLAN id as it is typed: 010 would never be found.
func isVID(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 4094 && strconv.Itoa(n) == s
}

// pool checks the subnet of one family, whose keys end in suffix.
func pool(id, suffix string, subnet netip.Prefix, gateway Gateway, ipRange netip.Prefix, family func(netip.Addr) bool) *problem {
	in := func(key, text string, a ...any) *problem {
		return wrong(fmt.Sprintf(text, a...), "vlan", id, key+suffix)
	}
	switch {
	case !subnet.IsValid() && (gateway != Gateway{}):
		return in("gateway", "it needs a subnet%s beside it", suffix)
	case !subnet.IsValid() && ipRange.IsValid():
		return in("ip-range", "it needs a subnet%s beside it", suffix)
	case !subnet.IsValid():
		return nil
	case !family(subnet.Addr()) || subnet.Addr().Is4In6():
		return in("subnet", "%s is of the other family: IPv4 goes into subnet, IPv6 into subnet6", subnet)
	case subnet != subnet.Masked():
		return in("subnet", "%s has host bits set: it should be %s", subnet, subnet.Masked())
	case gateway.Addr.IsValid() && !family(gateway.Addr):
		return in("gateway", "%s and subnet %s are of different families", gateway.Addr, subnet)
	case !ipRange.IsValid():
		return nil
	case ipRange != ipRange.Masked():
		return in("ip-range", "%s has host bits set: it should be %s", ipRange, ipRange.Masked())
	case ipRange.Bits() < subnet.Bits() || !subnet.Contains(ipRange.Addr()):
		return in("ip-range", "%s is not inside subnet %s", ipRange, subnet)
	}
	return nil
}
