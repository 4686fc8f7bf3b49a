package view

import (
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/network"
)

// NetworkHeads are the headings of a NetworkRow's fields.
var NetworkHeads = map[string]string{
	"ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "IPv4": "IPV4", "IPv6": "IPV6",
	"Internal": "INTERNAL", "Labels": "LABELS", "CreatedAt": "CREATED AT", "VLAN": "VLAN", "Parent": "PARENT", "Subnet": "SUBNET",
}

// NetworkRow is a network as network ls shows it.
func NetworkRow(cfg network.Config, full bool) map[string]string {
	var subnets []string
	for _, sub := range cfg.Subnets {
		subnets = append(subnets, sub.Prefix.String())
	}
	return map[string]string{
		"ID": ShortID(cfg.ID, full), "Name": cfg.Name, "Driver": cfg.Driver, "Scope": "local",
		"IPv4": "true", "IPv6": strconv.FormatBool(cfg.HasIPv6()), "Internal": strconv.FormatBool(cfg.Internal),
		"Labels": joinLabels(cfg.Labels), "CreatedAt": cfg.Created.Local().Format("2006-01-02 15:04:05.999999999 -0700 MST"),
		"VLAN": cfg.Tags(), "Parent": cfg.Parent, "Subnet": strings.Join(subnets, ","),
	}
}
