package filter

import (
	"errors"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

// check parses filters (separated by ";"), applies them to all and compares the
// names of what fits.
func check[T any](t *testing.T, keys Keys[T], all []T, name func(T) string, filters, want string) {
	t.Helper()
	var args []string
	if filters != "" {
		args = strings.Split(filters, ";")
	}
	f, err := Parse(args, keys)
	if err != nil {
		t.Errorf("%s: %v", filters, err)
		return
	}
	fit, err := f.Apply(all)
	if err != nil {
		t.Errorf("%s: %v", filters, err)
		return
	}
	var names []string
	for _, item := range fit {
		names = append(names, name(item))
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s: %q, want %q", filters, got, want)
	}
}

// refused are filters that are wrong, and words of what is said.
func refused[T any](t *testing.T, keys Keys[T], all []T, filters map[string]string) {
	t.Helper()
	for arg, want := range filters {
		f, err := Parse([]string{arg}, keys)
		if err == nil {
			_, err = f.Apply(all)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "invalid filter ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", arg, err, want)
		}
	}
}

func TestNetworks(t *testing.T) {
	all := []Network{
		{network.Config{Name: "net10", ID: "bb22", Driver: "macvlan", Labels: map[string]string{"site": "north", "env": "lab"}, Created: time.Unix(1000, 0)}, false},
		{network.Config{Name: "net100", ID: "cc33", Driver: "macvlan", Created: time.Now()}, true},
		{network.Config{Name: "none", ID: "aa11", Driver: "null"}, false},
	}
	for filters, want := range map[string]string{
		"":                               "net10 net100 none",
		"name=net10":                     "net10 net100",
		"name=^net10$":                   "net10",
		"name=none;name=net100":          "net100 none",
		"id=bb":                          "net10",
		"driver=null":                    "none",
		"driver=macvlan;name=100":        "net100",
		"type=custom":                    "net10 net100",
		"type=builtin":                   "none",
		"scope=local":                    "net10 net100 none",
		"scope=swarm":                    "",
		"label=site":                     "net10",
		"label=site=north;label=env=lab": "net10",
		"label=site=south":               "",
		"label=site=north;label=env=x":   "",
		"label!=site":                    "net100 none",
		"dangling=true":                  "net10",
		"dangling=1":                     "net10",
		"dangling=false":                 "net100 none",
		"dangling=0":                     "net100 none",
		"until=1h;type=custom":           "net10",
		"until=1700000000;type=custom":   "net10",
		"until=500;type=custom":          "",
		" Name = net10 ":                 "net10 net100", // Docker takes blanks and case off
	} {
		check(t, Networks(), all, func(n Network) string { return n.Name }, filters, want)
	}
	refused(t, Networks(), all, map[string]string{
		"name": "bad format of filter (expected name=value)", "color=red": "'color': use one of dangling, driver,",
		"type=other": "'type=other': use one of custom, builtin", "dangling=perhaps": "'dangling=perhaps': use true or false",
		"until=soon": "is no time", "name=*": "'name=*': error parsing regexp",
	})
	if _, err := Parse([]string{"name"}, Networks()); !errors.Is(err, ErrFormat) {
		t.Errorf("%v", err)
	}
	if _, err := Parse([]string{"name=x"}, Only(Networks(), "label", "until")); err == nil || !strings.Contains(err.Error(), "use one of label, until") {
		t.Errorf("%v", err)
	}
}

func TestContainers(t *testing.T) {
	made := func(id, name, image string, minute int, state container.State) *container.Container {
		c := &container.Container{State: state}
		c.Config.ID, c.Config.Name, c.Config.Image = id, name, image
		c.Config.Created = time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)
		return c
	}
	web := made("aa11", "web", "example.org/web", 1, container.State{Status: container.Running})
	web.Config.Labels = map[string]string{"tier": "front"}
	web.Config.Network.Endpoints = []network.Endpoint{{Network: "net10", NetworkID: "bb22"}}
	web.Config.ImageID = "sha256:abcdef"
	db := made("aa22", "web-db", "db:2", 2, container.State{Status: container.Exited, ExitCode: 3})
	db.Config.Mounts = []container.Mount{{Type: "volume", Name: "data", Destination: "/var/data"}}
	db.Config.Network.Mode = "none"
	job := made("cc33", "job", "db", 3, container.State{Status: container.Exited})
	all := []*container.Container{web, db, job}
	for filters, want := range map[string]string{
		"":                            "web web-db job",
		"id=aa":                       "web web-db",
		"name=web":                    "web web-db",
		"name=^web$":                  "web",
		"name=^/web$":                 "web",
		"name=job;name=db":            "web-db job",
		"label=tier":                  "web",
		"label=tier=back":             "",
		"status=exited":               "web-db job",
		"status=exited;status=paused": "web-db job",
		"exited=3":                    "web-db",
		"exited=0":                    "job",
		"ancestor=example.org/web":    "web",
		"ancestor=abcd":               "web",
		"ancestor=db":                 "job",
		"ancestor=db:2":               "web-db",
		"network=net10":               "web",
		"network=bb":                  "web",
		"network=none":                "web-db",
		"volume=data":                 "web-db",
		"volume=/var/data":            "web-db",
		"before=web-db":               "web",
		"since=web":                   "web-db job",
		"since=aa11;before=job":       "web-db",
	} {
		check(t, Containers(), all, func(c *container.Container) string { return c.Config.Name }, filters, want)
	}
	refused(t, Containers(), all, map[string]string{
		"status=up": "use one of created, restarting", "exited=x": "use an exit code", "before=none": "no such container: none",
		"name=(": "error parsing regexp", "since=": "no such container",
	})
	f, err := Parse([]string{"status=exited", "exited=0"}, Containers())
	if err != nil || !f.Has("status") || f.Has("name") || strings.Join(f.Values("exited"), " ") != "0" {
		t.Errorf("%v %v", f, err)
	}
}

func TestImages(t *testing.T) {
	made := func(hex string, minute int, names ...string) *image.Image {
		img := &image.Image{ID: v1.Hash{Algorithm: "sha256", Hex: hex}}
		for _, name := range names {
			ref, err := image.ParseName(name)
			if err != nil {
				t.Fatal(err)
			}
			img.Names = append(img.Names, ref)
		}
		img.Config = &v1.ConfigFile{Created: v1.Time{Time: time.Date(2023, 1, 1, 0, minute, 0, 0, time.UTC)}}
		return img
	}
	web := made("aa11", 1, "example.org/web:1", "example.org/web:latest")
	web.Config.Config.Labels = map[string]string{"tier": "front"}
	box := made("bb22", 2, "busybox:latest")
	lost := made("cc33", 3)
	all := []*image.Image{web, box, lost}
	for filters, want := range map[string]string{
		"":                             "aa11 bb22 cc33",
		"dangling=true":                "cc33",
		"dangling=false":               "aa11 bb22",
		"label=tier":                   "aa11",
		"label!=tier":                  "bb22 cc33",
		"reference=busybox":            "bb22",
		"reference=example.org/*:1":    "aa11",
		"reference=*:latest":           "bb22",
		"before=busybox":               "aa11",
		"since=sha256:bb":              "cc33",
		"until=1700000000":             "aa11 bb22 cc33",
		"until=2023-01-01T00:02Z":      "aa11",
		"until=2023-01-01T00:02:30.5Z": "aa11 bb22",
		"since=aa11;until=2023-01-01Z": "",
	} {
		check(t, Images(), all, func(i *image.Image) string { return i.ID.Hex }, filters, want)
	}
	refused(t, Images(), all, map[string]string{
		"dangling=yes": "use true or false", "before=nosuch": "no such image: nosuch", "until=never": "is no time",
	})
}

func TestVolumes(t *testing.T) {
	all := []Volume{
		{rootfs.Volume{Name: "data", Labels: map[string]string{"keep": "1"}}, true},
		{rootfs.Volume{Name: "cache"}, false},
	}
	for filters, want := range map[string]string{
		"name=a": "data cache", "name=^ca": "cache", "driver=local": "data cache", "driver=nfs": "", "dangling=true": "cache",
		"label=keep": "data", "label!=keep": "cache", "label!=keep=2": "data cache", "all=true": "data cache",
	} {
		check(t, Volumes(), all, func(v Volume) string { return v.Name }, filters, want)
	}
	refused(t, Volumes(), all, map[string]string{"all=some": "use true or false", "size=1": "use one of all, dangling"})
}

func TestEvents(t *testing.T) {
	all := []container.Event{{Type: "container", Action: "start", ID: "aa11", Name: "web"}, {Type: "network", Action: "conflict", Name: "net10"}}
	for filters, want := range map[string]string{
		"container=web": "web", "container=aa": "web", "event=conflict": "net10", "type=network;type=container": "web net10",
		"type=network;event=start": "", "container=": "",
	} {
		check(t, Events(), all, func(e container.Event) string { return e.Name }, filters, want)
	}
	refused(t, Events(), all, map[string]string{"colour=red": "use one of container, event, type"})
}
