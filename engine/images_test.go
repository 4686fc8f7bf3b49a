package engine_test

import (
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	served "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

// registryWith serves an image of random layers in this process, and returns its
// name.
func registryWith(t *testing.T, layers int64) image.Ref {
	t.Helper()
	server := httptest.NewServer(served.New(served.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	full := strings.TrimPrefix(server.URL, "http://") + "/some/image:1"
	tag, err := name.NewTag(full)
	check(t, err)
	img, err := random.Image(1<<10, layers)
	check(t, err)
	check(t, remote.Write(tag, img))
	return ref(full)
}

func TestPull(t *testing.T) {
	e := open(t)
	ctx := t.Context()
	there, mine := registryWith(t, 2), ref("mine:2")
	asked := 0
	o := engine.PullOptions{Registries: registry.Registries{Insecure: []string{"*"}}, Pulling: func() { asked++ }}
	img, old, err := e.Images.Pull(ctx, there, o)
	check(t, err)
	if asked != 1 || old.Hex != "" {
		t.Errorf("the registry was asked %d times, for an image that was %s", asked, old)
	}
	again, old, err := e.Images.Pull(ctx, there, o)
	check(t, err)
	if again.ID != img.ID || old != img.ID {
		t.Errorf("pulled again it is %s, was %s", again.ID, old)
	}
	check(t, e.Images.Tag(ctx, there, mine))
	found, err := e.Images.Get(ctx, mine)
	check(t, err)
	if found.ID != img.ID {
		t.Errorf("mine:2 is %s, not %s", found.ID, img.ID)
	}
	// It has no program: a container of it says so, and leaves nothing.
	_, err = e.Containers.Create(ctx, engine.CreateOptions{Image: mine})
	if err == nil || !strings.Contains(err.Error(), "no command specified") {
		t.Errorf("a container without a program: %v", err)
	}
	for _, name := range []image.Ref{mine, there} {
		_, err := e.Images.Remove(ctx, name, false)
		check(t, err)
	}
	var gone *engine.NotFound
	if _, err := e.Images.Get(ctx, there); !errors.As(err, &gone) || gone.Kind != engine.Image {
		t.Errorf("an image that was removed: %v", err)
	}
	if _, err := e.Containers.Create(ctx, engine.CreateOptions{Image: there, Pull: engine.PullOptions{Policy: registry.PullNever}}); !errors.As(err, &gone) {
		t.Errorf("a container of it: %v", err)
	}
}

func TestCommit(t *testing.T) {
	e := open(t)
	_, _, code := output(t, e, busybox("c1", "sh", "-c", "echo made > /file"), "")
	if code != 0 {
		t.Fatalf("it ended with %d", code)
	}
	_, err := e.Containers.Commit(t.Context(), "c1", engine.CommitOptions{Name: ref("made:1"), Changes: []string{`CMD ["cat", "/file"]`}})
	check(t, err)
	o := busybox("")
	o.Image = ref("made:1")
	if out, _, _ := output(t, e, o, ""); out != "made\n" {
		t.Errorf("the image's own command wrote %q", out)
	}
}

func TestNetworks(t *testing.T) {
	e := open(t)
	ctx := t.Context()
	subnets, err := ipam.Parse([]string{"172.16.10.0/24"}, nil, nil, nil)
	check(t, err)
	cfg := network.Config{Name: "net10", Driver: "macvlan", Subnets: subnets}
	check(t, cfg.Complete())
	cfg.Segment = network.Segment{Parent: trunk, VID: 10}
	_, err = e.Networks.Create(ctx, cfg)
	check(t, err)

	running(t, e, "c1")
	_, err = e.Networks.Connect(ctx, "c1", network.Request{Network: "net10"})
	check(t, err)
	cont, err := e.Containers.Get(ctx, "c1")
	check(t, err)
	eps := cont.Config.Network.Endpoints
	if len(eps) != 1 || len(eps[0].Addrs) != 1 || !netip.MustParsePrefix("172.16.10.0/24").Contains(eps[0].Addrs[0].Addr()) {
		t.Errorf("its endpoints: %+v", eps)
	}
	var used *engine.InUse
	if err := e.Networks.Remove(ctx, "net10"); !errors.As(err, &used) || used.Kind != engine.Network {
		t.Errorf("the removal of a network with a container: %v", err)
	}
	check(t, e.Networks.Disconnect(ctx, "c1", "net10", false))
	if err := e.Networks.Disconnect(ctx, "c1", "net10", false); err == nil {
		t.Error("it is taken off twice")
	}
	check(t, e.Networks.Disconnect(ctx, "c1", "net10", true))
	check(t, e.Networks.Remove(ctx, "net10"))
	var gone *engine.NotFound
	if _, err := e.Networks.Connect(ctx, "c1", network.Request{Network: "net10"}); !errors.As(err, &gone) {
		t.Errorf("a connection to no network: %v", err)
	}
}

// An unknown network is refused before an image is asked for.
func TestUnknownNetworkComesFirst(t *testing.T) {
	e := open(t)
	o := busybox("c1")
	o.Image, o.Endpoints = ref("127.0.0.1:9/nosuch/image"), []network.Request{{Network: "nosuch"}}
	_, _, err := e.Containers.Run(t.Context(), engine.RunOptions{CreateOptions: o})
	var gone *engine.NotFound
	if !errors.As(err, &gone) || gone.Kind != engine.Network || gone.Ref != "nosuch" {
		t.Errorf("%v", err)
	}
}
