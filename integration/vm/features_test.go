package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFeatures is about what Debian's kernel has and others may lack, besides
// what the integration suite tests there (8021q, 802.1ad, ipvlan) and the
// switch of TestHosts (bridge with VLAN filtering).
func TestFeatures(t *testing.T) {
	t.Parallel()
	g := boot(t, shortDir(t), parts.Spec("features"))
	t.Run("doctor", func(t *testing.T) { doctorIsContent(g.on(t)) })
	t.Run("user namespaces", func(t *testing.T) { userNamespaces(g.on(t)) })
	t.Run("id-mapped mounts", func(t *testing.T) { idMapped(g.on(t)) })
	t.Run("32-bit programs", func(t *testing.T) { programs32(g.on(t)) })
	t.Run("AppArmor", func(t *testing.T) { appArmor(g.on(t)) })
}

// doctorIsContent: everything that doctor tries works here.
func doctorIsContent(g *guest) {
	out := g.ok("mvrun", "doctor")
	for _, check := range []string{"macvlan", "vlan", "firewall", "overlay", "cgroup", "seccomp", "userns"} {
		if !strings.Contains(out, "ok       "+check) {
			g.t.Errorf("doctor on Debian's kernel: %s is not ok:\n%s", check, out)
		}
	}
	if strings.Contains(out, "limits") || strings.Contains(out, "broken") {
		g.t.Errorf("doctor on Debian's kernel:\n%s", out)
	}
}

// userNamespaces: a container has none of its own, may make none (seccomp), and
// a privileged one may.
func userNamespaces(g *guest) {
	host := g.ok("readlink", "/proc/self/ns/user")
	if in := g.ok("mvrun", "run", "--rm", "--network", "none", "busybox", "readlink", "/proc/self/ns/user"); in != host {
		g.t.Errorf("user namespace of a container: %s, the host's: %s", in, host)
	}
	if r := g.try("mvrun", "run", "--rm", "--network", "none", "busybox", "unshare", "-U", "true"); r.Code == 0 || !strings.Contains(r.Stderr, "not permitted") {
		g.t.Errorf("a container makes a user namespace: %v", r)
	}
	in := g.ok("mvrun", "run", "--rm", "--privileged", "--network", "none", "busybox", "unshare", "-U", "-r", "sh", "-c", "id -u; cat /proc/self/uid_map")
	if fields := strings.Fields(in); len(fields) != 4 || strings.Join(fields, " ") != "0 0 0 1" {
		g.t.Errorf("a user namespace in a privileged container: %q", in)
	}
}

// idMapped: a directory that the host has mounted with other owners keeps them
// in the container, both ways.
func idMapped(g *guest) {
	g.sh("mkdir -p /srv/own /srv/mapped && touch /srv/own/root && chown 7 /srv/own/root")
	g.ok("agent", "idmap", "/srv/own", "/srv/mapped")
	defer g.sh("umount /srv/mapped")
	out := g.ok("mvrun", "run", "--rm", "--network", "none", "-v", "/srv/mapped:/data", "busybox",
		"sh", "-ec", "stat -c %u /data/root")
	if out != "100007" {
		g.t.Errorf("the owner 7, mapped: %s", out)
	}
	g.sh("chmod 777 /srv/own")
	g.ok("mvrun", "run", "--rm", "--network", "none", "-v", "/srv/mapped:/data", "--user", "100009:100009", "busybox", "touch", "/data/new")
	if out := g.ok("stat", "-c", "%u", "/srv/own/new"); out != "9" {
		g.t.Errorf("what user 100009 made belongs to %s, not to 9", out)
	}
}

// programs32: those of an image run under its seccomp profile, those that it did
// not bring are killed. Debian's kernel runs them; where the host's does not, this
// is what stands in for TestPrograms32 of integration/images.
func programs32(g *guest) {
	t := g.t
	path := filepath.Join(shortDir(t), "hello")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "../images/testdata/program32/main.go")
	build.Env = append(os.Environ(), "GOARCH=386", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build.Args, err, out)
	}
	program, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if r := g.tryIn(program, "sh", "-ec", "mkdir /srv/p; cat >/srv/p/hello; chmod 755 /srv/p/hello; tar -C /srv/p -c hello | mvrun import - tree"); r.Code != 0 {
		t.Fatal(r)
	}
	const confined = "hello, keyctl is forbidden"
	run := []string{"mvrun", "run", "--rm", "--network", "none"}
	if got := g.ok(append(run, "tree", "/hello")...); got != confined {
		t.Errorf("a 32-bit program of the image says %q", got)
	}
	const killed = 128 + 31 // SIGSYS
	if r := g.try(append(run, "-v", "/srv/p:/p", "busybox", "/p/hello")...); r.Code != killed {
		t.Errorf("%v, exit code %d is wanted", r, killed)
	}
	g.ok("mvrun", "rmi", "tree")
}

// appArmor: the default profile is in force once it is loaded, for the first
// process and for exec's; others can be asked for by name.
func appArmor(g *guest) {
	t := g.t
	current := func(args ...string) string {
		t.Helper()
		return g.ok(append(append([]string{"mvrun", "run", "--rm", "--network", "none"}, args...), "busybox", "cat", "/proc/self/attr/current")...)
	}
	if got := current(); got != "unconfined" {
		t.Errorf("no profile is loaded: %s", got)
	}
	if r := g.try("mvrun", "run", "--rm", "--security-opt", "apparmor=mvrun-default", "busybox", "true"); r.Code != 125 || !strings.Contains(r.Stderr, "mvrun-default is not loaded") {
		t.Errorf("a profile that is not loaded: %v", r)
	}
	g.ok("apparmor_parser", "-r", "/etc/apparmor.d/mvrun-default")
	g.sh("printf 'profile other { file, capability, network, signal, }' | apparmor_parser -r")
	for want, args := range map[string][]string{
		"mvrun-default (enforce)": nil,
		"other (enforce)":         {"--security-opt", "apparmor=other"},
		"unconfined":              {"--security-opt", "apparmor=unconfined"},
	} {
		if got := current(args...); got != want {
			t.Errorf("%v: %s, %s is wanted", args, got, want)
		}
	}
	if got := current("--privileged"); got != "unconfined" {
		t.Errorf("privileged: %s", got)
	}
	// With a capability too many it is the profile that holds.
	mount := []string{"--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "busybox", "mount", "-t", "tmpfs", "none", "/tmp"}
	g.ok(append([]string{"mvrun", "run", "--rm", "--network", "none", "--security-opt", "apparmor=unconfined"}, mount...)...)
	if r := g.try(append([]string{"mvrun", "run", "--rm", "--network", "none"}, mount...)...); r.Code == 0 {
		t.Errorf("mount under the profile: %v", r)
	}
	g.ok("mvrun", "run", "-d", "--name", "held", "--network", "none", "busybox", "sleep", "1000")
	if got := g.ok("mvrun", "exec", "held", "cat", "/proc/self/attr/current"); got != "mvrun-default (enforce)" {
		t.Errorf("exec: %s", got)
	}
	if got := g.ok("mvrun", "inspect", "-f", "{{.AppArmorProfile}}", "held"); got != "mvrun-default" {
		t.Errorf("inspect: %s", got)
	}
	g.ok("mvrun", "stop", "-t", "0", "held") // mvrun's signals get through
	g.ok("mvrun", "rm", "held")
}
