package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/mvrun/mvrun/integration/lab"
)

// local is where both registries are on a host's loopback.
const local = "127.0.0.1:5000"

// startRegistry runs Debian's docker-registry on the host, until the test ends.
func startRegistry(t *testing.T, h *lab.Host) {
	t.Helper()
	path := program(t, "docker-registry", "docker-registry")
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp: {addr: %q}\n", dir, local)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := h.Command(context.Background(), path, "serve", config)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h.Eventually("the registry answers", func() bool { return dials(h) })
}

func dials(h *lab.Host) bool {
	return h.Do(func() error {
		c, err := net.Dial("tcp", local)
		if err == nil {
			c.Close()
		}
		return err
	}) == nil
}

// fake is go-containerregistry's registry on a host, for what a real one would
// not take or do.
type fake struct {
	handler http.Handler
	fault   func(http.ResponseWriter, *http.Request) (done bool) // set before anyone asks; nil: none
}

// startFake listens at addr in the namespace, until the test ends.
func startFake(t *testing.T, n *lab.Netns, addr string) *fake {
	t.Helper()
	f := &fake{handler: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	var l net.Listener
	err := n.Do(func() (err error) {
		l, err = net.Listen("tcp", addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(f)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.fault != nil && f.fault(w, r) {
		return
	}
	f.handler.ServeHTTP(w, r)
}

// outside is an image's name, given without the host, at another door that is not
// on the lab's host.
func (f *fake) outside(t *testing.T, image string) name.Reference {
	t.Helper()
	door := httptest.NewServer(f.handler)
	t.Cleanup(door.Close)
	ref, err := name.ParseReference(door.Listener.Addr().String() + "/" + image)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// push puts the image into the registry.
func (f *fake) push(t *testing.T, repo string, img v1.Image) {
	t.Helper()
	if err := remote.Write(f.outside(t, repo), img); err != nil {
		t.Fatal(err)
	}
}

// layerTypes is how the registry's image says that its layers are packed.
func (f *fake) layerTypes(t *testing.T, image string) (mediaTypes []string) {
	t.Helper()
	img, err := remote.Image(f.outside(t, image))
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		mediaTypes = append(mediaTypes, string(l.MediaType))
	}
	return mediaTypes
}

// All tags of a repository, there and back.
func TestAllTags(t *testing.T) {
	h := host(t)
	startRegistry(t, h)
	h.OK("tag", "busybox", local+"/all:1")
	h.OK("tag", "busybox", local+"/all:2")
	h.OK("tag", "busybox", local+"/other:3")
	if got := h.OK("push", "-q", "-a", local+"/all"); got != local+"/all:1\n"+local+"/all:2" {
		t.Errorf("push -a says %q", got)
	}
	forget(h)
	h.OK("pull", "-q", "--all-tags", local+"/all")
	if got := h.OK("images", "--format", "{{.Repository}}:{{.Tag}}"); got != local+"/all:1\n"+local+"/all:2" {
		t.Errorf("pull -a brought %q", got)
	}
	in(h, local+"/all:2", "true")
	h.Refused(1, "no such image in the registry", "pull", "-a", local+"/other")
	h.Refused(1, "no such image: "+local+"/none has no tags here", "push", "-a", local+"/none")
	for _, command := range []string{"pull", "push"} {
		h.Refused(1, "give the repository alone", command, "-a", local+"/all:1")
		h.Refused(1, "there is no content trust", command, "--disable-content-trust=false", local+"/all:1")
		h.OK(command, "--disable-content-trust", local+"/all:1")
	}
}

// slowly sends bodies at 20 MB/s or so, so that there are moments in a pull.
func (f *fake) slowly(w http.ResponseWriter, r *http.Request) bool {
	f.handler.ServeHTTP(pieces{w}, r)
	return true
}

type pieces struct{ http.ResponseWriter }

func (w pieces) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		k := min(len(p), 64<<10)
		if _, err := w.ResponseWriter.Write(p[:k]); err != nil {
			return n, err
		}
		p, n = p[k:], n+k
		time.Sleep(3 * time.Millisecond)
	}
	return n, nil
}
