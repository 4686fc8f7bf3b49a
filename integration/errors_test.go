package integration

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// refusal is a command that must fail with one clear line and leave nothing.
type refusal struct {
	name string
	code int
	want string // pattern of the line
	args []string
}

// onVLAN is the start of a run whose network is the thing in question.
func onVLAN(more ...string) []string {
	return append(append([]string{"run", "-d"}, more...), "busybox", "sleep", "1000")
}

func TestBadNetworksAreRefused(t *testing.T) {
	h := host(t)
	h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16.10.0/24", "--gateway", "172.16.10.1",
		"--aux-address", "router=172.16.10.254", "-o", "parent=enp0s9.10", "net10")
	h.OK(onVLAN("--name", "holder", "--network", "net10", "--ip", "172.16.10.10")...)
	before := h.Snapshot()
	for _, c := range []refusal{
		{"VLAN 0", 125, `VLAN 0: .*1 to 4094`, onVLAN("--vlan", "0", "--parent", lab.Trunk)},
		{"VLAN 4095", 125, `VLAN 4095: .*1 to 4094`, onVLAN("--vlan", "4095", "--parent", lab.Trunk)},
		{"VLAN abc", 125, `VLAN abc: .*1 to 4094`, onVLAN("--vlan", "abc", "--parent", lab.Trunk)},
		{"VLAN -1", 125, `VLAN -1: .*1 to 4094`, onVLAN("--vlan=-1", "--parent", lab.Trunk)},
		{"VLAN 99999999999999999999", 125, `VLAN 99999999999999999999: .*1 to 4094`, onVLAN("--vlan", "99999999999999999999", "--parent", lab.Trunk)},
		{"parent missing", 125, `enp9s9.*(no such|not found|missing|does not exist)`, onVLAN("--vlan", "10", "--parent", "enp9s9")},
		{"no parent and no default route", 125, `--parent`, onVLAN("--vlan", "10")},
		{"parent with a slash", 125, `parent`, onVLAN("--vlan", "10", "--parent", "../../etc")},
		{"outside the subnet", 125, `172\.16\.11\.10.*(outside|not in).*172\.16\.10\.0/24`, onVLAN("--network", "net10", "--ip", "172.16.11.10")},
		{"network address", 125, `172\.16\.10\.0.*network address`, onVLAN("--network", "net10", "--ip", "172.16.10.0")},
		{"broadcast", 125, `172\.16\.10\.255.*broadcast`, onVLAN("--network", "net10", "--ip", "172.16.10.255")},
		{"gateway's", 125, `172\.16\.10\.1\b.*gateway`, onVLAN("--network", "net10", "--ip", "172.16.10.1")},
		{"auxiliary", 125, `172\.16\.10\.254.*(aux|router)`, onVLAN("--network", "net10", "--ip", "172.16.10.254")},
		{"claimed", 125, `172\.16\.10\.10\b.*holder`, onVLAN("--network", "net10", "--ip", "172.16.10.10")},
		{"claimed, by the short form", 125, `172\.16\.10\.10\b.*holder`, onVLAN("--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24")},
		{"no address", 125, `banana`, onVLAN("--vlan", "10", "--parent", lab.Trunk, "--ip", "banana")},
		{"multicast MAC", 125, `01:00:5e:00:00:01.*(multicast|unicast)`, onVLAN("--network", "net10", "--mac-address", "01:00:5e:00:00:01")},
		{"no MAC", 125, `02:00`, onVLAN("--network", "net10", "--mac-address", "02:00")},
		{"unknown network", 125, `network nosuch not found`, onVLAN("--network", "nosuch")},
		{"published port", 125, `-p|port`, onVLAN("--network", "net10", "-p", "80:80")},
		{"network in use", 1, `net10.*(active endpoints|in use)`, []string{"network", "rm", "net10"}},
		{"removal of an unknown network", 1, `network nosuch not found`, []string{"network", "rm", "nosuch"}},
		{"removal of a predefined network", 1, `host.*(pre-defined|predefined)`, []string{"network", "rm", "host"}},
		{"duplicate network", 1, `network.* net10 already exists`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/24", "-o", "parent=enp0s9.11", "net10"}},
		{"overlap on the segment", 1, `172\.16\.10\.128/25.*(overlap).*net10|overlap`, []string{"network", "create", "-d", "macvlan", "--subnet", "172.16.10.128/25", "-o", "parent=enp0s9.10", "over"}},
		{"overlap within the network", 1, `overlap`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/24", "--subnet", "10.1.0.0/16", "-o", "parent=enp0s9.12", "over"}},
		{"range outside", 1, `10\.2\.0\.0/25`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/24", "--ip-range", "10.2.0.0/25", "-o", "parent=enp0s9.13", "out"}},
		{"no subnet", 1, `10\.1\.0\.0/33`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/33", "-o", "parent=enp0s9.13", "out"}},
		{"VLAN in the parent's name", 1, `4095`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/24", "-o", "parent=enp0s9.4095", "out"}},
		{"parent of a network missing", 1, `enp9s9`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/24", "-o", "parent=enp9s9.10", "out"}},
		{"unknown mode", 1, `macvlan_mode|mode.*banana`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/24", "-o", "parent=enp0s9.13", "-o", "macvlan_mode=banana", "out"}},
		{"unknown option", 1, `banana`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/24", "-o", "parent=enp0s9.13", "-o", "banana=1", "out"}},
		{"unknown driver", 1, `overlay`, []string{"network", "create", "-d", "overlay", "out"}},
		{"bad name", 1, `\.\./x|name`, []string{"network", "create", "-d", "macvlan", "--subnet", "10.1.0.0/24", "-o", "parent=enp0s9.13", "../x"}},
	} {
		t.Run(c.name, func(t *testing.T) { h.Refused(c.code, c.want, c.args...) })
	}
	if got := h.OK("ps", "-a", "--format", "{{.Names}}"); got != "holder" {
		t.Errorf("containers after all that: %q", got)
	}
	if got := h.OK("network", "ls", "-q", "--filter", "driver=macvlan"); len(strings.Fields(got)) != 1 {
		t.Errorf("networks after all that: %q", got)
	}
	if now := h.Snapshot(); now != before {
		t.Errorf("the host has changed from\n%s\nto\n%s", before, now)
	}
}

func TestBadContainersAreRefused(t *testing.T) {
	h := host(t)
	run := func(more ...string) []string { return append([]string{"run", "--network", "none"}, more...) }
	h.OK(run("-d", "--name", "holder", "busybox", "sleep", "1000")...)
	for _, c := range []refusal{
		{"duplicate name", 125, `holder.*already in use`, run("--name", "holder", "busybox", "true")},
		{"bad name", 125, `a/b.*\[a-zA-Z0-9_.-\]`, run("--name", "a/b", "busybox", "true")},
		{"name of one letter", 125, `two to 200`, run("--name", "a", "busybox", "true")},
		{"unknown image", 125, `nosuchimage`, run("nosuchimage:1", "true")},
		{"unknown image, never pulled", 125, `nosuchimage`, run("--pull", "never", "nosuchimage:1", "true")},
		{"bad image name", 125, `(?i)invalid reference|Bad:`, run("Bad:Image:Name", "true")},
		{"no image", 1, `(?i)requires at least 1 argument|image`, run()},
		{"unknown flag", 125, `no-such-flag`, run("--no-such-flag", "busybox")},
		{"command not found", 127, `nosuchcommand.*not found`, run("busybox", "nosuchcommand")},
		{"path not found", 127, `/no/such.*no such file`, run("busybox", "/no/such")},
		{"command not executable", 126, `/etc/passwd.*permission denied`, run("busybox", "/etc/passwd")},
		{"a directory as command", 126, `/etc.*(permission denied|is a directory)`, run("busybox", "/etc")},
		{"unknown user", 125, `nosuchuser`, run("-u", "nosuchuser", "busybox", "true")},
		{"unknown group", 125, `nosuchgroup`, run("-u", "root:nosuchgroup", "busybox", "true")},
		{"bad memory", 125, `banana`, run("--memory", "banana", "busybox", "true")},
		{"memory too small", 125, `(?i)6 ?m`, run("--memory", "1k", "busybox", "true")},
		{"bad cpus", 125, `banana`, run("--cpus", "banana", "busybox", "true")},
		{"negative cpus", 125, `-1`, run("--cpus=-1", "busybox", "true")},
		{"too many cpus", 125, `(?i)1000|cpus`, run("--cpus", "1000", "busybox", "true")},
		{"bad volume", 125, `relative`, run("-v", "/tmp:relative", "busybox", "true")},
		{"volume onto the root", 125, `/`, run("-v", "/tmp:/", "busybox", "true")},
		{"bad volume mode", 125, `banana`, run("-v", "/tmp:/x:banana", "busybox", "true")},
		{"mount source missing", 125, `/no/such/dir`, run("--mount", "type=bind,src=/no/such/dir,dst=/x", "busybox", "true")},
		{"bad mount type", 125, `banana`, run("--mount", "type=banana,dst=/x", "busybox", "true")},
		{"bad env", 125, `=x`, run("-e", "=x", "busybox", "true")},
		{"env file missing", 125, `/no/such/file`, run("--env-file", "/no/such/file", "busybox", "true")},
		{"bad restart policy", 125, `banana`, run("--restart", "banana", "busybox", "true")},
		{"restart with rm", 125, `(?i)conflicting.*--restart.*--rm|--rm.*--restart`, run("--restart", "always", "--rm", "busybox", "true")},
		{"bad capability", 125, `BANANA`, run("--cap-add", "BANANA", "busybox", "true")},
		{"bad security option", 125, `banana`, run("--security-opt", "banana=1", "busybox", "true")},
		{"seccomp file missing", 125, `/no/such/profile`, run("--security-opt", "seccomp=/no/such/profile", "busybox", "true")},
		{"bad ulimit", 125, `banana`, run("--ulimit", "banana=1", "busybox", "true")},
		{"bad sysctl", 125, `banana`, run("--sysctl", "banana", "busybox", "true")},
		{"sysctl of the host", 125, `kernel\.panic`, run("--sysctl", "kernel.panic=1", "busybox", "true")},
		{"bad stop signal", 125, `(?i)banana`, run("--stop-signal", "BANANA", "busybox", "true")},
		{"bad working directory", 125, `relative`, run("-w", "relative", "busybox", "true")},
		{"host name of 65 letters", 125, `(?i)host ?name`, run("-h", strings.Repeat("x", 65), "busybox", "true")},
		{"cid file there already", 125, `/etc/passwd`, run("--cidfile", "/etc/passwd", "busybox", "true")},
		{"detached with terminal attach conflict", 125, `--rm|-d|attach`, run("-d", "-a", "stdout", "busybox", "true")},
		{"unknown container to stop", 1, `(?i)no such container: nosuch`, []string{"stop", "nosuch"}},
		{"unknown container to start", 1, `(?i)no such container: nosuch`, []string{"start", "nosuch"}},
		{"unknown container to exec in", 1, `(?i)no such container: nosuch`, []string{"exec", "nosuch", "true"}},
		{"unknown container's logs", 1, `(?i)no such container: nosuch`, []string{"logs", "nosuch"}},
		{"unknown container to wait for", 1, `(?i)no such container: nosuch`, []string{"wait", "nosuch"}},
		{"unknown container to kill", 1, `(?i)no such container: nosuch`, []string{"kill", "nosuch"}},
		{"unknown container to remove", 1, `(?i)no such container: nosuch`, []string{"rm", "nosuch"}},
		{"unknown container to attach to", 1, `(?i)no such container: nosuch`, []string{"attach", "nosuch"}},
		{"unknown container to pause", 1, `(?i)no such container: nosuch`, []string{"pause", "nosuch"}},
		{"container by a way out", 1, `(?i)no such container`, []string{"inspect", "--type", "container", "../../etc"}},
		{"running container to remove", 1, `(?i)holder.*(running|stop)`, []string{"rm", "holder"}},
		{"exec of what is not there", 127, `nosuchcommand.*not found`, []string{"exec", "holder", "nosuchcommand"}},
		{"exec of what can't be", 126, `/etc/passwd.*permission denied`, []string{"exec", "holder", "/etc/passwd"}},
		{"exec as nobody known", 126, `nosuchuser`, []string{"exec", "-u", "nosuchuser", "holder", "true"}},
		{"exec in a missing directory", 127, `/no/such/dir`, []string{"exec", "-w", "/no/such/dir", "holder", "true"}},
		{"bad signal", 1, `(?i)banana`, []string{"kill", "-s", "BANANA", "holder"}},
		{"unpause of what is not paused", 1, `(?i)not paused`, []string{"unpause", "holder"}},
		{"bad filter", 1, `banana`, []string{"ps", "--filter", "banana=1"}},
		{"bad template", 1, `(?i)template`, []string{"ps", "--format", "{{.Nope"}},
		{"unknown field", 1, `Nope`, []string{"ps", "--format", "{{.Nope}}"}},
		{"unknown command", 1, `nosuchcommand`, []string{"nosuchcommand"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.Refused(c.code, c.want, c.args...)
			if got := h.OK("ps", "-a", "--format", "{{.Names}}"); got != "holder" {
				t.Fatalf("containers after it: %q", got)
			}
		})
	}
}

// Without carrier there is nobody to talk to yet; the container starts, a
// warning tells, and it works when the cable is plugged in.
func TestParentWithoutCarrierIsAWarning(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Down(lab.Trunk)
	r := h.Mvrun("run", "-d", "--name", "c1", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
	if r.Code != 0 || !strings.HasPrefix(r.Stderr, "mvrun: warning: ") || !strings.Contains(r.Stderr, "carrier") || !strings.Contains(r.Stderr, lab.Trunk) {
		t.Errorf("%v", r)
	}
	wire.Up(lab.Trunk)
	frames := wire.CaptureOn(lab.Trunk)
	h.Eventually("its frames come out when the cable is in", func() bool {
		h.Mvrun("exec", "c1", "ping", "-c", "1", "-W", "1", "172.16.10.11")
		for _, p := range frames.Frames() {
			if lab.VID(p) == 10 {
				return true
			}
		}
		return false
	})
}

// A parent that is down is set up, and stays so: who made it down is asked
// for nothing, as with Docker.
func TestParentThatIsDownIsSetUp(t *testing.T) {
	t.Parallel()
	h, _ := lab.OneHost(t)
	h.Down(lab.Trunk)
	h.OK(onVLAN("--name", "c1", "--vlan", "10", "--parent", lab.Trunk)...)
	h.Eventually("the container has carrier", func() bool {
		return h.OK("exec", "c1", "cat", "/sys/class/net/eth0/carrier") == "1"
	})
	h.OK("rm", "-f", "c1")
	h.Up(lab.Trunk)
}

// A radio is played by a /sys that says so, in a mount namespace of the command.
func TestWirelessParentIsRefused(t *testing.T) {
	h := host(t)
	r := h.Exec(nil, "unshare", "-m", "sh", "-c", `
		mount -t tmpfs none /sys/class/net && mkdir -p /sys/class/net/enp0s9/wireless /sys/class/net/enp0s9/phy80211 &&
		exec "$0" run -d --name c1 --vlan 10 --parent enp0s9 --ip 172.16.10.10/24 busybox sleep 1000`, lab.Program())
	h.CheckRefused(r, 125, `enp0s9.*(wireless|Wi-?Fi)`)
	if got := h.OK("ps", "-aq"); got != "" {
		t.Errorf("left: %s", got)
	}
}

func TestWithoutRootItSaysSo(t *testing.T) {
	h := host(t)
	for _, args := range [][]string{{"run", "busybox", "true"}, {"ps"}, {"network", "ls"}} {
		ctx, cancel := context.WithTimeout(context.Background(), lab.Within(time.Minute))
		defer cancel()
		cmd := h.Command(ctx, lab.Program(), args...)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true}}
		var out strings.Builder
		cmd.Stderr = &out
		if err := h.Start(cmd); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		code := 1
		if args[0] == "run" {
			code = 125
		}
		h.CheckRefused(lab.Result{Args: args, Stderr: out.String(), Code: lab.ExitCode(cmd)}, code, `root`)
	}
}

// A kernel without a feature says so in its own way; mvrun says it in words,
// and leaves nothing.
func TestKernelWithout(t *testing.T) {
	for _, c := range []struct {
		feature lab.Feature
		want    string
	}{
		{lab.Macvlan, `kernel.*macvlan`},
		{lab.Overlay, `kernel.*overlay`},
		{lab.NetworkNamespaces, `kernel.*namespace`},
		{lab.PIDNamespaces, `kernel.*namespace`},
	} {
		t.Run(c.feature.Name, func(t *testing.T) {
			h := host(t)
			args := onVLAN("--name", "c1", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24")
			h.CheckRefused(h.Without(c.feature, args...), 125, c.want)
			if got := h.OK("ps", "-aq"); got != "" {
				t.Errorf("left: %s", got)
			}
			wantLinks(t, h, "after the refusal")
			h.OK(args...) // with the feature it works, so it was that
		})
	}
}

func TestFullDisk(t *testing.T) {
	h := host(t)
	h.MountRoot("size=300k")
	h.Refused(125, `no space left`, "run", "--rm", "--network", "none", "busybox", "true")
	h.RemountRoot("size=64m")
	h.OK("run", "--rm", "--network", "none", "busybox", "true")
	h.Sh("dd if=/dev/zero of=" + h.Root + "/ballast bs=64k 2>/dev/null || true")
	for range 3 {
		h.Refused(125, `no space left`, onVLAN("--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24")...)
	}
	wantLinks(t, h, "after the refusal")
	h.Sh("rm " + h.Root + "/ballast")
	if got := h.OK("ps", "-aq"); got != "" {
		t.Errorf("left: %s", got)
	}
	h.OK(onVLAN("--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24")...)
}

// The disk fills up under a running container: it is told by its writes, and
// mvrun can still tell how it ended, and remove it.
func TestDiskFillsUpUnderAContainer(t *testing.T) {
	h := host(t)
	h.MountRoot("size=64m")
	h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sh", "-c", "dd if=/dev/zero of=/big bs=64k; yes | head -c 100000; trap 'exit 3' TERM; while :; do sleep 0.1; done")
	h.Eventually("the disk is full", func() bool { return h.Sh("df --output=avail "+h.Root+" | tail -n 1 | tr -d ' '") == "0" })
	h.OK("stop", "c1")
	if got := field(t, h, "c1", "{{.State.Status}} {{.State.ExitCode}}"); got != "exited 3" {
		t.Errorf("after the stop it is %s", got)
	}
	h.OK("rm", "c1")
	h.OK("run", "--rm", "--network", "none", "busybox", "true")
}

func TestReadOnlyRootDirectory(t *testing.T) {
	h := host(t)
	h.MountRoot("size=64m")
	h.OK("create", "--name", "c1", "--network", "none", "busybox", "true")
	h.RemountRoot("ro")
	h.Refused(125, `read-only file system`, onVLAN("--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24")...)
	h.Refused(1, `read-only file system`, "rm", "c1")
	if got := h.OK("ps", "-a", "--format", "{{.Names}}"); got != "c1" {
		t.Errorf("ps on a read-only disk: %q", got)
	}
	wantLinks(t, h, "after the refusal")
	h.RemountRoot("rw")
	h.OK("rm", "c1")
}

// One container's records are damaged: it is reported by its name and file,
// the others are as they were, and rm -f removes it.
func TestCorruptRecords(t *testing.T) {
	for _, file := range []string{"config.json", "state.json"} {
		for _, damage := range []struct{ name, content string }{
			{"empty", ""}, {"cut short", `{"id": "`}, {"noise", "\x00\xff\x13"}, {"another type", `[1,2]`}, {"null", "null"},
		} {
			t.Run(file+"/"+damage.name, func(t *testing.T) {
				h := host(t)
				h.OK("run", "-d", "--name", "well", "--network", "none", "busybox", "sleep", "1000")
				h.OK("run", "--name", "sick", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "true")
				found, err := filepath.Glob(filepath.Join(h.Root, "containers", field(t, h, "sick", "{{.Id}}"), file))
				if err != nil || len(found) != 1 {
					t.Fatalf("no %s: %v", file, err)
				}
				if err := os.WriteFile(found[0], []byte(damage.content), 0o600); err != nil {
					t.Fatal(err)
				}
				r := h.Mvrun("ps", "-a", "--format", "{{.Names}}")
				if r.Code != 0 || !strings.Contains(r.Stdout, "well") {
					t.Errorf("ps -a: %v", r)
				}
				if !strings.Contains(r.Stderr, "mvrun: warning: ") || !strings.Contains(r.Stderr, found[0]) {
					t.Errorf("ps -a does not name the damaged file: %v", r)
				}
				h.OK("exec", "well", "true")
				r = h.Mvrun("start", "sick")
				h.CheckRefused(r, 1, `sick|`+filepath.Base(filepath.Dir(found[0])))
				h.OK("rm", "-f", "sick")
				h.OK("run", "--rm", "--name", "sick", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "true")
			})
		}
	}
}

func TestCorruptNetworkRecord(t *testing.T) {
	h := host(t)
	for _, name := range []string{"well", "sick"} {
		vid := map[string]string{"well": "10", "sick": "20"}[name]
		h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16."+vid+".0/24", "-o", "parent=enp0s9."+vid, name)
	}
	if err := os.WriteFile(filepath.Join(h.Root, "networks", "sick", "network.json"), []byte(`{"`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := h.Mvrun("network", "ls", "--format", "{{.Name}}")
	if r.Code != 0 || !strings.Contains(r.Stdout, "well") || !strings.Contains(r.Stderr, "sick") {
		t.Errorf("%v", r)
	}
	h.OK("run", "--rm", "--network", "well", "busybox", "true")
	h.Refused(125, `sick`, "run", "--rm", "--network", "sick", "busybox", "true")
	h.OK("network", "rm", "sick")
}

// Directories with long names, blanks and symbolic links: paths are data.
func TestUnusualDirectories(t *testing.T) {
	h := host(t)
	h.MoveTo("a directory with blanks, commas:colons and " + strings.Repeat("long-", 25) + "name")
	h.OK("run", "-d", "--name", "c1", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "-v", "data:/data", "busybox", "sleep", "1000")
	if got := h.OK("exec", "c1", "hostname", "-i"); got != "172.16.10.10" {
		t.Errorf("hostname -i: %s", got)
	}
	term := onTerminal(t, h, 24, 80, "run", "-it", "--name", "t1", "--network", "none", "busybox")
	term.expect(`/ # `)
	term.keys(detachKeys)
	if code := term.end(); code != 0 {
		t.Errorf("detached with code %d", code)
	}
	term = onTerminal(t, h, 24, 80, "attach", "t1")
	term.keys("exit\n")
	if code := term.end(); code != 0 {
		t.Errorf("ended with code %d", code)
	}
}
