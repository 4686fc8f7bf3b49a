package view

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

func sample() *container.Container {
	c := &container.Container{}
	conf := &c.Config
	conf.ID, conf.Name, conf.Image = strings.Repeat("ab12", 16), "web", "busybox"
	conf.Created = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	conf.Cmd = []string{"sh", "-c", "echo hello; sleep 1000"}
	conf.Labels = map[string]string{"tier": "front", "a": "1"}
	conf.Security.CapAdd = []string{"net_admin", "ALL"}
	conf.Resources.Memory = 1 << 20
	conf.Mounts = []container.Mount{
		{Type: "bind", Source: "/srv", Destination: "/data", Mode: "ro", ReadOnly: true},
		{Type: "volume", Name: "cache", Destination: "/cache"},
		{Type: "volume", Name: "0123456789abcdef", Destination: "/anon", Anonymous: true},
		{Type: "tmpfs", Destination: "/tmp", Options: []string{"size=1m", "mode=700"}},
	}
	conf.Network.Mode = "net10"
	conf.Network.Endpoints = []network.Endpoint{{
		Network: "net10", NetworkID: "bb22", ID: "e1", IfName: "eth0", MAC: "02:00:00:00:00:01",
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24"), netip.MustParsePrefix("fd00::5/64")}, Gateway: netip.MustParseAddr("10.0.0.1"),
	}}
	c.State.Status, c.State.StartedAt = container.Running, conf.Created
	c.State.Init.Pid = 42
	return c
}

// What scripts ask of inspect is where Docker has it.
func TestContainer(t *testing.T) {
	c := sample()
	v := NewContainer(c, Place{Dir: "/c/x", Log: "/c/x/log", AppArmor: "p", Volume: func(name string) string { return "/v/" + name }})
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"Id": c.Config.ID, "Name": "/web", "Created": "2026-01-02T03:04:05.000000006Z", "Path": "sh", "LogPath": "/c/x/log",
		"State.Status": "running", "State.Running": "true", "State.Pid": "42", "State.FinishedAt": "0001-01-01T00:00:00Z",
		"HostsPath": "/c/x/hosts", "AppArmorProfile": "p", "GraphDriver.Data.UpperDir": "/c/x/upper",
		"HostConfig.Binds.0": "/srv:/data:ro", "HostConfig.Binds.1": "cache:/cache", "HostConfig.Binds.2": "null",
		"HostConfig.Tmpfs./tmp": "size=1m,mode=700", "HostConfig.CapAdd.0": "CAP_NET_ADMIN", "HostConfig.CapAdd.1": "ALL",
		"HostConfig.Memory": "1048576", "HostConfig.MemorySwap": "2097152", "HostConfig.NetworkMode": "net10",
		"Mounts.0.RW": "false", "Mounts.0.Propagation": "rprivate", "Mounts.1.Source": "/v/cache", "Mounts.3": "null",
		"Config.Cmd.2": "echo hello; sleep 1000", "Config.Volumes./anon": "{}", "Config.Labels.tier": "front",
		"NetworkSettings.IPAddress": "10.0.0.5", "NetworkSettings.IPPrefixLen": "24", "NetworkSettings.Gateway": "10.0.0.1",
		"NetworkSettings.Networks.net10.GlobalIPv6Address": "fd00::5", "NetworkSettings.Networks.net10.NetworkID": "bb22",
		"NetworkSettings.SandboxKey": "/proc/42/ns/net",
	} {
		if have := at(got, strings.Split(path, ".")); have != want {
			t.Errorf("%s: %s, want %s", path, have, want)
		}
	}
}

// at is the value at a path of keys and indices; what is text goes without quotes.
func at(v any, path []string) string {
	for _, key := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			v = nil
			if i := int(key[0] - '0'); i < len(x) {
				v = x[i]
			}
		}
	}
	if s, ok := v.(string); ok {
		return s
	}
	data, _ := json.Marshal(v)
	return string(data)
}

func TestContainerRow(t *testing.T) {
	c := sample()
	row := ContainerRow(c, false)
	for field, want := range map[string]string{
		"ID": "ab12ab12ab12", "Command": "\"sh -c 'echo hello; …\"", "Ports": "10.0.0.5, fd00::5", "Networks": "net10",
		"Mounts": "/srv,cache,0123456789abcd…", "Labels": "a=1,tier=front", "State": "running", "LocalVolumes": "2",
	} {
		if row[field] != want {
			t.Errorf("%s: %q, want %q", field, row[field], want)
		}
	}
	if full := ContainerRow(c, true); full["Command"] != "\"sh -c 'echo hello; sleep 1000'\"" || full["ID"] != c.Config.ID {
		t.Errorf("%v", full)
	}
	for field := range row {
		if ContainerHeads[field] == "" {
			t.Errorf("%s has no heading", field)
		}
	}
	if size := ContainerSize(1500, 4_000_000); size != "1.5kB (virtual 4MB)" {
		t.Error(size)
	}
}

func TestStatusText(t *testing.T) {
	ago := time.Now().Add(-2 * time.Hour)
	for _, c := range []struct {
		state container.State
		want  string
	}{
		{container.State{Status: container.Running, StartedAt: ago}, "Up 2 hours"},
		{container.State{Status: container.Paused, StartedAt: ago}, "Up 2 hours (Paused)"},
		{container.State{Status: container.Exited, ExitCode: 3, FinishedAt: ago}, "Exited (3) 2 hours ago"},
		{container.State{Status: container.Restarting, ExitCode: 1, FinishedAt: ago}, "Restarting (1) 2 hours ago"},
		{container.State{Status: container.Created}, "Created"},
	} {
		if got := statusText(&c.state); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestNetworkRow(t *testing.T) {
	row := NetworkRow(network.Config{Name: "net10", ID: strings.Repeat("c", 64), Driver: "macvlan", Labels: map[string]string{"b": "2", "a": "1"}}, false)
	delete(row, "CreatedAt")
	want := map[string]string{
		"ID": "cccccccccccc", "Name": "net10", "Driver": "macvlan", "Scope": "local", "IPv4": "true", "IPv6": "false", "Internal": "false",
		"Labels": "a=1,b=2", "VLAN": row["VLAN"], "Parent": "", "Subnet": "",
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
