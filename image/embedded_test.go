//go:build embedbusybox

package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestEmbeddedBusyboxNeedsNoNetwork(t *testing.T) {
	for _, ref := range []string{"busybox", "busybox:latest", "docker.io/library/busybox", "library/busybox:latest"} {
		s := open(t)
		img, err := s.Ensure(t.Context(), ref, PullOptions{})
		if err != nil {
			t.Fatalf("Ensure(%q): %v", ref, err)
		}
		if got := img.Config.Config.Cmd; len(got) != 1 || got[0] != "sh" {
			t.Errorf("Cmd = %q, want sh", got)
		}
		if len(img.Names) != 1 || img.Names[0] != "busybox:latest" {
			t.Errorf("Names = %q, want busybox:latest", img.Names)
		}
		again, err := s.Get(img.ID.String()[:19])
		if err != nil || again.ID != img.ID {
			t.Errorf("Get by ID prefix = %v, %v", again, err)
		}
	}
}

func TestEmbeddedBusyboxIsNoOtherName(t *testing.T) {
	s := open(t)
	for _, ref := range []string{"busybox:1.36", "quay.io/library/busybox", "me/busybox"} {
		if _, err := s.Get(ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q) = %v, want ErrNotFound", ref, err)
		}
	}
}

func TestEmbeddedBusyboxHasWhatUsersExpect(t *testing.T) {
	s := open(t)
	img, err := s.Get("busybox")
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
	s := open(b)
	if _, err := s.Get("busybox"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(s.dir + "/..")
		if err != nil {
			b.Fatal(err)
		}
		img, err := s.Get("busybox")
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
	built := embedded
	embedded = nil
	t.Cleanup(func() { embedded = built })
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no registry is reached
	for _, policy := range []Policy{PullNever, PullMissing} {
		_, err := s.Ensure(ctx, "busybox", PullOptions{Policy: policy})
		if err == nil || !strings.Contains(err.Error(), "make build") {
			t.Errorf("Ensure by policy %v = %v, want the way to the image", policy, err)
		}
	}
}
