package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mvrun/mvrun/runtime/container"
)

func TestParseVolume(t *testing.T) {
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]container.Mount{
		"/data":                     {Type: "volume", Destination: "/data", Anonymous: true},
		"vol:/data":                 {Type: "volume", Name: "vol", Destination: "/data"},
		"vol:/data:nocopy":          {Type: "volume", Name: "vol", Destination: "/data", NoCopy: true, Mode: "nocopy"},
		"/src:/dst":                 {Type: "bind", Source: "/src", Destination: "/dst"},
		"/src/../x/:/dst:ro,cached": {Type: "bind", Source: "/x", Destination: "/dst", ReadOnly: true, Mode: "ro,cached"},
		"/src:/dst:rw,rslave":       {Type: "bind", Source: "/src", Destination: "/dst", Propagation: "rslave", Mode: "rw,rslave"},
		"./x:/dst":                  {Type: "bind", Source: filepath.Join(cwd, "x"), Destination: "/dst"},
		"/with space:/dst/ here":    {Type: "bind", Source: "/with space", Destination: "/dst/ here"},
	} {
		got, err := parseVolume(in)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", in, err, diff)
		}
	}
	for _, in := range []string{"", ":", "a:", ":/b", "/a:/b:/c:/d", "/a:/b:what", "/a::ro", "-x:/b", "a/b:/c", "/a:/b:z", "/a:/b:ro,Z"} {
		if got, err := parseVolume(in); err == nil {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

func TestParseMount(t *testing.T) {
	dir := t.TempDir()
	for in, want := range map[string]container.Mount{
		"type=bind,source=" + dir + ",target=/t,readonly":         {Type: "bind", Source: dir, Destination: "/t", ReadOnly: true, MustExist: true},
		"type=bind,src=" + dir + ",dst=/t,ro=false":               {Type: "bind", Source: dir, Destination: "/t", MustExist: true},
		"type=tmpfs,destination=/t,tmpfs-size=1k,tmpfs-mode=1770": {Type: "tmpfs", Destination: "/t", Options: []string{"size=1024", "mode=1770"}},
		"src=v1,target=/t":      {Type: "volume", Name: "v1", Destination: "/t"},
		"type=volume,target=/t": {Type: "volume", Destination: "/t", Anonymous: true},
	} {
		got, err := parseMount(in)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", in, err, diff)
		}
	}
	for in, says := range map[string]string{
		"":                                    "EOF",
		"type=bind,source=/nosuch,target=/t":  "does not exist",
		"type=bind,target=/t":                 "source is required",
		"type=bind,source=rel,target=/t":      "absolute",
		"type=bind,source=/":                  "target is required",
		"type=tmpfs,source=/x,target=/t":      "no source",
		"type=magic,target=/t":                "mount type unknown",
		"type=tmpfs,target=/t,colour=red":     "unexpected key",
		"type=tmpfs,target=/t,readonly=maybe": "invalid value",
		"type=volume,source=a/b,target=/t":    "invalid volume name",
	} {
		if _, err := parseMount(in); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", in, err, says)
		}
	}
}

func FuzzParseMount(f *testing.F) {
	f.Add("type=bind,source=/,target=/t,readonly")
	f.Add("a:b:c")
	f.Fuzz(func(t *testing.T, in string) {
		if m, err := parseMount(in); err == nil && m.Destination == "" {
			t.Errorf("%q: no destination", in)
		}
		if m, err := parseVolume(in); err == nil && m.Type == "bind" && !filepath.IsAbs(m.Source) {
			t.Errorf("%q: source %q", in, m.Source)
		}
	})
}

func TestNanoCPUs(t *testing.T) {
	for in, want := range map[string]int64{"": 0, "0": 0, "1": 1e9, "0.5": 5e8, "0.01": 1e7, "1.25": 125e7} {
		if got, err := nanoCPUs(in); err != nil || got != want {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"x", "-1", "0.001", "100000", "0.00000000001"} {
		if got, err := nanoCPUs(in); err == nil {
			t.Errorf("%q: %d", in, got)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("MVRUN_TEST_SET", "from host")
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("# comment\n\nA=1\n  B=2 two \nMVRUN_TEST_SET\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := environment([]string{"A=over", "MVRUN_TEST_UNSET", "C="}, []string{file})
	want := []string{"A=1", "B=2 two ", "MVRUN_TEST_SET=from host", "A=over", "MVRUN_TEST_UNSET", "C="}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, bad := range []string{"=x", ""} {
		if _, err := environment([]string{bad}, nil); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if err := os.WriteFile(file, []byte("a b=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := environment(nil, []string{file}); err == nil {
		t.Error("a name with a space is taken")
	}
}
