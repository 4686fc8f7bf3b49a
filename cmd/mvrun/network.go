package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/network"
)

var networkCommand = &cli.Command{
	Name:  "network",
	Usage: "manage networks: VLANs of the LAN with their addresses",
	Subcommands: []*cli.Command{
		networkConnectCommand, networkCreateCommand, networkDisconnectCommand, networkInspectCommand, networkLsCommand, networkPruneCommand,
		networkReleaseCommand, networkRmCommand,
	},
}

// networkFilter is what --filter of network ls and prune asks for: for each
// key its values. One value of a key must match, and every key; of labels
// every value.
type networkFilter map[string][]string

func parseNetworkFilter(args []string, known ...string) (networkFilter, error) {
	f := networkFilter{}
	for _, arg := range args {
		key, value, found := strings.Cut(arg, "=")
		if !found {
			return nil, fmt.Errorf("--filter %q: write it as KEY=VALUE", arg)
		}
		ok := false
		for _, k := range known {
			ok = ok || k == key
		}
		if !ok {
			return nil, fmt.Errorf("--filter %s: %q is not known: it is one of %s", arg, key, strings.Join(known, ", "))
		}
		f[key] = append(f[key], value)
	}
	return f, nil
}

func (f networkFilter) match(cfg network.Config, used bool) (bool, error) {
	for key, values := range f {
		if key == "label" || key == "label!" {
			for _, v := range values {
				if hasLabel(cfg.Labels, v) != (key == "label") {
					return false, nil
				}
			}
			continue
		}
		any := false
		for _, v := range values {
			ok, err := matchNetwork(cfg, used, key, v)
			if err != nil {
				return false, err
			}
			any = any || ok
		}
		if !any {
			return false, nil
		}
	}
	return true, nil
}

func matchNetwork(cfg network.Config, used bool, key, value string) (bool, error) {
	switch key {
	case "name":
		return strings.Contains(cfg.Name, value), nil
	case "id":
		return strings.HasPrefix(cfg.ID, value), nil
	case "driver":
		return cfg.Driver == value, nil
	case "scope":
		return value == "local", nil
	case "type":
		kind := "custom"
		if cfg.Predefined() {
			kind = "builtin"
		}
		if value != "custom" && value != "builtin" {
			return false, fmt.Errorf("--filter type=%s: it is custom or builtin", value)
		}
		return kind == value, nil
	case "dangling":
		switch value {
		case "true", "1":
			return !used && !cfg.Predefined(), nil
		case "false", "0":
			return used || cfg.Predefined(), nil
		}
		return false, fmt.Errorf("--filter dangling=%s: it is true or false", value)
	case "until":
		limit, err := untilTime(value, time.Now())
		return err == nil && cfg.Created.Before(limit), err
	}
	return false, fmt.Errorf("--filter %s is not known", key)
}

// untilTime reads a moment as Docker does: a duration before now, a time, or
// seconds since 1970.
func untilTime(value string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(value); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, value, time.Local); err == nil {
			return t, nil
		}
	}
	var seconds int64
	if n, err := fmt.Sscanf(value, "%d", &seconds); n == 1 && err == nil {
		return time.Unix(seconds, 0), nil
	}
	return time.Time{}, fmt.Errorf("--filter until=%s: write it as 24h or 2026-01-31T12:00:00", value)
}

// hasLabel matches KEY or KEY=VALUE.
func hasLabel(labels map[string]string, want string) bool {
	key, value, valued := strings.Cut(want, "=")
	have, there := labels[key]
	return there && (!valued || have == value)
}
