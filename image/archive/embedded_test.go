//go:build embedbusybox

package archive_test

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/image/store"
)

func TestEmbeddedBusyboxNeedsNoNetwork(t *testing.T) {
	for _, ref := range []string{"busybox", "busybox:latest", "docker.io/library/busybox", "library/busybox:latest"} {
		s := it.Open(t)
		img, err := registry.Ensure(t.Context(), s, it.Ref(ref), registry.PullOptions{})
		if err != nil {
			t.Fatalf("Ensure(%q): %v", ref, err)
		}
		if got := img.Config.Config.Cmd; len(got) != 1 || got[0] != "sh" {
			t.Errorf("Cmd = %q, want sh", got)
		}
		if len(img.Names) != 1 || img.Names[0].Familiar() != "busybox:latest" {
			t.Errorf("Names = %q, want busybox:latest", img.Names)
		}
		again, err := s.Get(it.Ref(img.ID.String()[:19]))
		if err != nil || again.ID != img.ID {
			t.Errorf("Get by ID prefix = %v, %v", again, err)
		}
	}
}

func TestEmbeddedBusyboxIsNoOtherName(t *testing.T) {
	s := it.Open(t)
	for _, ref := range []string{"busybox:1.36", "quay.io/library/busybox", "me/busybox"} {
		if _, err := s.Get(it.Ref(ref)); !errors.Is(err, image.ErrNotFound) {
			t.Errorf("Get(%q) = %v, want image.ErrNotFound", ref, err)
		}
	}
}

func TestEmbeddedBusyboxHasWhatUsersExpect(t *testing.T) {
	s := it.Open(t)
	img, err := s.Get(it.Ref("busybox"))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	modes := map[string]int64{}
	for tr := tar.NewReader(r); ; {
		hdr, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[hdr.Name] = hdr.Mode
	}
	want := map[string]int64{
		"bin/sh": 0o755, "bin/ip": 0o755, "sbin/ip": 0o755, "usr/bin/env": 0o755, "bin/env": 0o755, "bin/ping": 0o755,
		"tmp/": 0o1777, "root/": 0o700, "etc/passwd": 0o644, "etc/group": 0o644, "etc/shadow": 0o600,
		"var/spool/mail/": 0o755, "var/www/": 0o755, "usr/sbin/": 0o755, "home/": 0o755, "dev/": 0o755,
	}
	for name, mode := range want {
		if modes[name] != mode {
			t.Errorf("%s has mode %o, want %o", name, modes[name], mode)
		}
	}
}

func BenchmarkGetBusybox(b *testing.B) {
	s := it.Open(b)
	if _, err := s.Get(it.Ref("busybox")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s := store.Open(filepath.Dir(filepath.Dir(s.Blobs.IngestDir())), archive.Busybox)
		img, err := s.Get(it.Ref("busybox"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := img.Layers(); err != nil {
			b.Fatal(err)
		}
	}
}

// A program of plain go build says how to come by the image.
func TestNoBusyboxBuiltIn(t *testing.T) {
	built := image.Embedded
	image.Embedded = nil
	t.Cleanup(func() { image.Embedded = built })
	s := it.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no registry is reached
	for _, policy := range []registry.Policy{registry.PullNever, registry.PullMissing} {
		_, err := registry.Ensure(ctx, s, it.Ref("busybox"), registry.PullOptions{Policy: policy})
		if err == nil || !errors.As(err, &image.NotBuiltIn{}) {
			t.Errorf("Ensure by policy %v = %v, want the way to the image", policy, err)
		}
	}
}
