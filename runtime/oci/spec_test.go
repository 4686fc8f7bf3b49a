package oci

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "write the golden files")

func testHost() Host {
	return Host{
		User:   User{Home: "/root"},
		Rootfs: "/rootfs", NetNS: "/proc/1/fd/3", CgroupsPath: "/mvrun/id",
		Files:       map[string]string{"/etc/hosts": "/c/hosts", "/etc/resolv.conf": "/c/resolv.conf"},
		Volumes:     map[string]string{"data": "/volumes/data"},
		Caps:        append([]string{"CAP_NET_ADMIN", "CAP_SYS_ADMIN"}, defaultCaps...),
		Controllers: map[string]bool{"memory": true, "cpu": true, "pids": true},
		DeviceRules: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
		InitBinary:  "/init", RecursiveReadOnly: true,
	}
}

// TestSpec compares the spec of each configuration with a golden file: what
// a container may do must not change without somebody seeing it.
func TestSpec(t *testing.T) {
	for name, c := range map[string]container.Config{
		"default": {Cmd: []string{"sh"}, Hostname: "abc"},
		"terminal": {
			Entrypoint: []string{"/bin/e"}, Cmd: []string{"x"}, TTY: true, WorkingDir: "/w", Init: true,
			Env: []string{"PATH=/p", "A=1"},
		},
		"privileged": {Cmd: []string{"sh"}, Security: container.Security{Privileged: true}},
		"hardened": {
			Cmd: []string{"sh"}, ReadOnly: true,
			Security:  container.Security{CapDrop: []string{"all"}, CapAdd: []string{"net_admin"}, NoNewPrivileges: true, Seccomp: Unconfined},
			Resources: container.Resources{Memory: 64 << 20, NanoCPUs: 15e8, PidsLimit: 10, Ulimits: []container.Ulimit{{Name: "nofile", Hard: 20, Soft: 10}}, Sysctls: map[string]string{"net.ipv4.ip_forward": "1"}},
		},
		"mounts": {Cmd: []string{"sh"}, Mounts: []container.Mount{
			{Type: "bind", Source: "/src/deep", Destination: "/a/b/c", ReadOnly: true},
			{Type: "bind", Source: "/src", Destination: "/a", Propagation: "rshared"},
			{Type: "volume", Name: "data", Destination: "/data"},
			{Type: "tmpfs", Destination: "/dev/shm", Options: []string{"size=1m"}},
			{Type: "bind", Source: "/h", Destination: "/etc/hosts"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			spec, warnings, err := Spec(&c, testHost())
			if err != nil || len(warnings) != 0 {
				t.Fatal(err, warnings)
			}
			if s := spec.Linux.Seccomp; s != nil {
				if len(s.Architectures) != 1 {
					t.Errorf("seccomp for %v, want the native architecture alone", s.Architectures)
				}
				s.Syscalls = s.Syscalls[:0] // the profile is another project's to test
				s.Architectures = nil
			}
			golden(t, filepath.Join("testdata", "spec", name+".json"), spec)
		})
	}
}

func golden(t *testing.T, path string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestSpecSeccompArchitectures(t *testing.T) {
	native := specs.ArchX86_64
	sibling, its := specs.ArchX86, "386"
	if runtime.GOARCH == "arm64" {
		native, sibling, its = specs.ArchAARCH64, specs.ArchARM, "arm"
	}
	for _, tt := range []struct {
		image  string
		compat []string
		want   []specs.Arch
	}{
		{runtime.GOARCH, nil, []specs.Arch{native}},
		{its, nil, []specs.Arch{native, sibling}},
		{runtime.GOARCH, []string{"386", "arm"}, []specs.Arch{native, sibling}},
		{its, []string{its}, []specs.Arch{native, sibling}},
		{"", []string{"mips", ""}, []specs.Arch{native}},
	} {
		c := container.Config{Cmd: []string{"sh"}, Architecture: tt.image, Compat: tt.compat}
		spec, _, err := Spec(&c, testHost())
		if err != nil {
			t.Fatal(err)
		}
		if got := spec.Linux.Seccomp.Architectures; !slices.Equal(got, tt.want) {
			t.Errorf("image of %q with %q: architectures %v, want %v", tt.image, tt.compat, got, tt.want)
		}
	}
}

func TestSpecWarnsOfMissingControllers(t *testing.T) {
	h := testHost()
	h.Controllers = nil
	c := container.Config{Cmd: []string{"sh"}, Resources: container.Resources{Memory: 1 << 30, NanoCPUs: 1e9, PidsLimit: 5}}
	spec, warnings, err := Spec(&c, h)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 3 || !strings.Contains(warnings[0], "memory limit is not kept") {
		t.Errorf("warnings: %q", warnings)
	}
	if r := spec.Linux.Resources; r.Memory != nil || r.CPU != nil || r.Pids != nil {
		t.Errorf("limits without controllers: %+v", r)
	}
}

func TestCapabilities(t *testing.T) {
	have := append([]string{"CAP_NET_ADMIN"}, defaultCaps...)
	for _, tt := range []struct {
		add, drop []string
		want      int    // how many
		has       string // one of them
		err       string
	}{
		{want: len(defaultCaps), has: "CAP_CHOWN"},
		{add: []string{"NET_ADMIN"}, want: len(defaultCaps) + 1, has: "CAP_NET_ADMIN"},
		{add: []string{"cap_net_admin"}, drop: []string{"chown"}, want: len(defaultCaps), has: "CAP_NET_ADMIN"},
		{drop: []string{"ALL"}},
		{add: []string{"chown"}, drop: []string{"ALL"}, want: 1, has: "CAP_CHOWN"},
		{add: []string{"ALL"}, want: len(have)},
		{add: []string{"ALL"}, drop: []string{"CHOWN"}, want: len(have) - 1},
		{add: []string{"SYS_TIME"}, err: "does not have this capability"},
		{add: []string{"SPELL_CASTING"}, err: "invalid capability"},
		{drop: []string{""}, err: "invalid capability"},
	} {
		got, err := capabilities(container.Security{CapAdd: tt.add, CapDrop: tt.drop}, have)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("add %v drop %v: error %v, want %q", tt.add, tt.drop, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("add %v drop %v: %v", tt.add, tt.drop, err)
			continue
		}
		found := tt.has == ""
		for _, c := range got.Effective {
			found = found || c == tt.has
		}
		if len(got.Effective) != tt.want || !found || len(got.Ambient)+len(got.Inheritable) > 0 {
			t.Errorf("add %v drop %v: %+v", tt.add, tt.drop, got)
		}
	}
}

func TestMergeEnv(t *testing.T) {
	got := MergeEnv([]string{"A=1", "B=2", "C=3"}, []string{"B=x=y", "C", "D=4", "E"})
	if diff := cmp.Diff([]string{"A=1", "B=x=y", "D=4"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestInheritEnv(t *testing.T) {
	got := InheritEnv([]string{"B=x=y", "C", "D=4", "D=5"}, []string{"A=1", "B=2", "C=3"})
	if diff := cmp.Diff([]string{"B=x=y", "D=5", "A=1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRestartPolicy(t *testing.T) {
	for in, want := range map[string]string{
		"": "no", "no": "no", "always": "always", "unless-stopped": "unless-stopped",
		"on-failure": "on-failure", "on-failure:3": "on-failure:3", "on-failure:0": "on-failure",
		"on-failure:-1": "!", "on-failure:x": "!", "always:3": "!", "never": "!", "on-failure:": "!",
	} {
		p, err := container.ParseRestartPolicy(in)
		if (err != nil) != (want == "!") || err == nil && p.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, p, err, want)
		}
	}
}

func TestParseDevice(t *testing.T) {
	for in, want := range map[string]string{
		"/dev/null": "/dev/null rwm", "/dev/null:/dev/x": "/dev/x rwm", "/dev/null:r": "/dev/null r",
		"/dev/null:/dev/x:rw": "/dev/x rw", "/dev/null:/dev/x:q": "!", "/dev/null:x": "!", "null": "!",
		"/dev/null:/a:r:w": "!", "/nosuch": "!", "/etc/passwd": "!", "": "!",
	} {
		d, access, err := ParseDevice(in)
		got := d.Path + " " + access
		if (err != nil) != (want == "!") || err == nil && got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}
