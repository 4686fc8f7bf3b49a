package image

import (
	"errors"
	"strings"
	"testing"
)

const digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func canonical(s string) (string, error) {
	ref, err := ParseName(s)
	return ref.Canonical(), err
}

func familiar(t testing.TB, s string) string {
	t.Helper()
	ref, err := ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref.Familiar()
}

func TestCanonical(t *testing.T) {
	tests := map[string]string{
		"busybox":                       "docker.io/library/busybox:latest",
		"busybox:1.36":                  "docker.io/library/busybox:1.36",
		"team/app":                      "docker.io/team/app:latest",
		"docker.io/library/busybox":     "docker.io/library/busybox:latest",
		"index.docker.io/team/app:2":    "docker.io/team/app:2",
		"localhost/app":                 "localhost/app:latest",
		"localhost:5000/app":            "localhost:5000/app:latest",
		"registry.example.com/a/b/c:v1": "registry.example.com/a/b/c:v1",
		"busybox@" + digestA:            "docker.io/library/busybox@" + digestA,
		"busybox:1.36@" + digestA:       "docker.io/library/busybox@" + digestA,
		"a__b/c-d.e--f":                 "docker.io/a__b/c-d.e--f:latest",
		"beef":                          "docker.io/library/beef:latest",
		"10.0.0.1:5000/app":             "10.0.0.1:5000/app:latest",
		"[::1]:5000/app":                "[::1]:5000/app:latest",
		"my_reg.lan/app":                "my_reg.lan/app:latest",
	}
	for in, want := range tests {
		if got, err := canonical(in); err != nil || got != want {
			t.Errorf("Canonical(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, in := range []string{
		"", "Busybox", "busy box", "busybox:", ":latest", "busybox:a:b", "a//b", "/busybox", "busybox/",
		"a..b", "a___b", "-busybox", "busybox-", "busybox:-x", "busybox:.x", "busybox@sha256:zz", "busybox@",
		"../../etc", "a/../b", "busybox:" + strings.Repeat("x", 129), "http://busybox", "busybox\n",
		"./app", "../app", "./a/b", "a../b", ".a/b", "-a.b/c", "reg.lan:/app", "reg.lan:99999/app", "reg.lan:0/app", "[::1/app", "[1.2.3.4]:5/app",
		strings.Repeat("a", 64), strings.Repeat("a", 300), "x\x1b[31my",
	} {
		if got, err := canonical(in); !errors.Is(err, ErrBadReference) {
			t.Errorf("Canonical(%q) = %q, %v; want ErrBadReference", in, got, err)
		}
	}
}

// A message says what is wrong, and shows no byte that a terminal obeys.
func TestBadReferenceSaysWhy(t *testing.T) {
	for in, why := range map[string]string{
		"busybox@sha256:zz":     "64 hexadecimal digits",
		"http://reg/busybox":    "leave out the scheme",
		"BusyBox":               "lowercase",
		"a:b:c":                 "such as busybox:1.36",
		strings.Repeat("a", 64): "image ID",
		"x\x1b[31my":            `x\x1b[31my`,
	} {
		_, err := canonical(in)
		if err == nil || !strings.Contains(err.Error(), why) || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("Canonical(%q): %v, want %q", in, err, why)
		}
	}
}

func TestFamiliar(t *testing.T) {
	for in, want := range map[string]string{
		"docker.io/library/busybox:latest": "busybox:latest",
		"docker.io/team/app:2":             "team/app:2",
		"localhost:5000/app:latest":        "localhost:5000/app:latest",
	} {
		if got := familiar(t, in); got != want {
			t.Errorf("familiar(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"busybox", "a/b:c", "localhost:5000/x@" + digestA, "A", "a//b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		full, err := canonical(s)
		if err != nil {
			return
		}
		if again, err := canonical(full); err != nil || again != full {
			t.Errorf("Canonical(%q) = %q, but Canonical of that = %q, %v", s, full, again, err)
		}
		if back, err := canonical(familiar(t, full)); err != nil || back != full {
			t.Errorf("familiar(%q) = %q, which leads to %q, %v", full, familiar(t, full), back, err)
		}
		if strings.ContainsAny(full, " \n\x00") || strings.Contains(full, "..") {
			t.Errorf("Canonical(%q) = %q, no name for a file", s, full)
		}
	})
}

func TestParseTag(t *testing.T) {
	if _, err := ParseTag("mine@" + digestA); !errors.Is(err, ErrBadReference) || !strings.Contains(err.Error(), "digest") {
		t.Errorf("ParseTag of a digest = %v, want ErrBadReference", err)
	}
}

// What was typed is kept beside what it means, and an ID beside a name.
func TestRef(t *testing.T) {
	tests := map[string]struct{ id, tag, digest, typedWithTag, repository, familiar string }{
		"busybox":           {"", "latest", "", "busybox:latest", "docker.io/library/busybox", "busybox"},
		"busybox:1.36":      {"", "1.36", "", "busybox:1.36", "docker.io/library/busybox", "busybox"},
		"reg.lan:5000/a/b":  {"", "latest", "", "reg.lan:5000/a/b:latest", "reg.lan:5000/a/b", "reg.lan:5000/a/b"},
		"beef":              {"beef", "latest", "", "beef:latest", "docker.io/library/beef", "beef"},
		"a:b@" + digestA:    {"", "", digestA, "a:b@" + digestA, "docker.io/library/a", "a"},
		digestA:             {digestA[len("sha256:"):], "", "", digestA, "", ""},
		digestA[7:]:         {digestA[len("sha256:"):], "", "", digestA[7:], "", ""},
		"sha256:0123456789": {"0123456789", "", "", "sha256:0123456789", "", ""},
	}
	for typed, want := range tests {
		r, err := ParseRef(typed)
		if err != nil || r.ID() != want.id || r.Tag() != want.tag || r.Digest() != want.digest || r.TypedWithTag() != want.typedWithTag || r.String() != typed {
			t.Errorf("ParseRef(%q) = %+v, %v; want %+v", typed, r, err, want)
		}
		if r.IsName() != (want.repository != "") || r.IsName() && (r.Repository() != want.repository || r.FamiliarRepository() != want.familiar) {
			t.Errorf("ParseRef(%q): repository %q, %q; want %+v", typed, r.Repository(), r.FamiliarRepository(), want)
		}
	}
}
