package filter

import (
	"strings"
	"time"

	"github.com/mvrun/mvrun/network"
)

// Network is a network, and whether a container has a claim on it.
type Network struct {
	network.Config
	Used bool
}

// Networks are the keys of network ls; of network prune only label, label! and
// until.
func Networks() Keys[Network] {
	labels := func(n Network) map[string]string { return n.Labels }
	return Keys[Network]{
		"name":   name(func(n Network) []string { return []string{n.Name} }),
		"id":     text(func(n Network, v string) bool { return strings.HasPrefix(n.ID, v) }),
		"driver": text(func(n Network, v string) bool { return n.Driver == v }),
		"scope":  text(func(_ Network, v string) bool { return v == "local" }),
		"type": oneOf([]string{"custom", "builtin"}, func(n Network, v string) bool {
			return n.Predefined() == (v == "builtin")
		}),
		"dangling": truth(func(n Network) bool { return !n.Used && !n.Predefined() }),
		"label":    label(labels, true),
		"label!":   label(labels, false),
		"until":    until(func(n Network) time.Time { return n.Created }),
	}
}
