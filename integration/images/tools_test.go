package images

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/integration/lab"
)

// twoLayers makes an image named "two" of the built-in busybox and a layer that
// adds, changes and deletes. looks is what says that it is right.
func twoLayers(h *lab.Host) {
	h.OK("run", "--name", "build", "--network", "none", "busybox", "sh", "-c", "echo new >/new; echo changed >/etc/group; rm /etc/shadow")
	h.OK("commit", "-c", `CMD ["cat", "/new", "/etc/group"]`, "build", "two:1")
	h.OK("rm", "build")
}

const looks = "new\nchanged"

// isTwo runs the image and looks at what its layers did.
func isTwo(t *testing.T, h *lab.Host, image string) {
	t.Helper()
	if got := in(h, image); got != looks {
		t.Errorf("%s says %q, %q is wanted", image, got, looks)
	}
	if got := in(h, image, "ls", "/etc"); strings.Contains(got, "shadow") {
		t.Errorf("%s has a file that was deleted: %s", image, got)
	}
}

// saved is an archive of the image, whose host then forgets all images.
func saved(t *testing.T, h *lab.Host) string {
	t.Helper()
	twoLayers(h)
	path := filepath.Join(t.TempDir(), "two.tar")
	h.OK("save", "-o", path, "two:1")
	return path
}

// forget removes all images, so that what comes next comes whole.
func forget(h *lab.Host) { h.OK("image", "prune", "-a", "-f") }

func TestSkopeo(t *testing.T) {
	h := host(t)
	skopeo := program(t, "skopeo", "skopeo")
	startRegistry(t, h)
	twoLayers(h)
	dir := t.TempDir()
	copied := func(args ...string) {
		t.Helper()
		args = append([]string{"--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"}, args...)
		if r := h.Exec(nil, skopeo, args...); r.Code != 0 {
			t.Fatalf("%v", r)
		}
	}
	store := "oci:" + filepath.Join(h.Root, "images") + ":docker.io/library/two:1"
	archives := map[string][]string{
		"docker-archive":  {store, "docker-archive:" + dir + "/docker.tar:two:1"},
		"oci-archive":     {store, "oci-archive:" + dir + "/oci.tar:two:1"},
		"OCI layout":      {store, "oci:" + dir + "/layout:two:1"},
		"zstd OCI layout": {"--dest-compress-format", "zstd", "dir:" + dir + "/plain", "oci:" + dir + "/zstd:two:1"},
	}
	copied("--dest-decompress", store, "dir:"+dir+"/plain")
	for _, args := range archives {
		copied(args...)
	}
	copied(store, "docker://"+local+"/two:1") // a registry's image by another's hand
	copied("--format", "v2s2", store, "docker://"+local+"/two:schema2")
	for name, args := range archives {
		forget(h)
		path := strings.SplitN(args[len(args)-1], ":", 3)[1]
		if r := h.Mvrun("load", "-i", path); r.Code != 0 || !strings.Contains(r.Stdout, "Loaded image: two:1") {
			t.Errorf("%s: %v", name, r)
			continue
		}
		isTwo(t, h, "two:1")
	}
	for _, tag := range []string{"1", "schema2"} {
		forget(h)
		h.OK("pull", local+"/two:"+tag)
		isTwo(t, h, local+"/two:"+tag)
	}
	// And what mvrun pushes and saves, skopeo reads.
	h.OK("tag", local+"/two:schema2", local+"/again:1")
	h.OK("push", local+"/again:1")
	copied("docker://"+local+"/again:1", "dir:"+dir+"/again")
	h.OK("save", "-o", dir+"/saved.tar", local+"/again:1")
	copied("oci-archive:"+dir+"/saved.tar", "dir:"+dir+"/saved-oci")
	copied("docker-archive:"+dir+"/saved.tar", "dir:"+dir+"/saved-docker")
}

// umoci changes an image as its users do: unpack, edit, repack.
func TestUmoci(t *testing.T) {
	h := host(t)
	umoci := program(t, "umoci", "umoci")
	archive := saved(t, h)
	layout, bundle := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "bundle")
	output(t, program(t, "skopeo", "skopeo"), "--insecure-policy", "copy", "-q", "oci-archive:"+archive, "oci:"+layout+":two")
	output(t, umoci, "unpack", "--image", layout+":two", bundle)
	for path, want := range map[string]string{"new": "new\n", "etc/group": "changed\n"} {
		if got, err := os.ReadFile(filepath.Join(bundle, "rootfs", path)); err != nil || string(got) != want {
			t.Errorf("umoci finds %q in %s of mvrun's image, %v", got, path, err)
		}
	}
	if err := os.RemoveAll(bundle + "/rootfs/etc/profile.d"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(bundle + "/rootfs/new"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bundle+"/rootfs/umoci", []byte("by umoci\n"), 0o4755); err != nil {
		t.Fatal(err)
	}
	output(t, umoci, "repack", "--image", layout+":three", bundle)
	output(t, umoci, "config", "--image", layout+":three", "--config.cmd", "cat", "--config.cmd", "/umoci", "--config.env", "A=b c", "--config.user", "1000:1000")
	forget(h)
	h.OK("load", "-i", layout)
	isTwo(t, h, "two")
	if got := in(h, "three"); got != "by umoci" {
		t.Errorf("umoci's image says %q", got)
	}
	if got := in(h, "three", "sh", "-c", `id -u; echo $A; ls /new 2>&1 | tail -n 1`); !strings.HasPrefix(got, "1000\nb c\n") || !strings.Contains(got, "No such file") {
		t.Errorf("umoci's configuration: %q", got)
	}
}

// docker save, as Debian's docker writes it, and what docker makes of mvrun's.
func TestDockerSave(t *testing.T) {
	h := host(t)
	docker := startDocker(t, h)
	archive := saved(t, h)
	docker("load", "-q", "-i", archive)
	if got, want := docker("image", "inspect", "-f", "{{.RootFS.Layers}}", "two:1"), h.OK("image", "inspect", "-f", "{{.RootFS.Layers}}", "two:1"); got != want {
		t.Errorf("docker has the layers %s, mvrun saved %s", got, want)
	}
	id := docker("create", "--network", "none", "two:1", "true")
	group := filepath.Join(t.TempDir(), "group")
	docker("cp", id+":/etc/group", group)
	if got, err := os.ReadFile(group); err != nil || string(got) != "changed\n" {
		t.Errorf("docker finds %q in /etc/group, %v", got, err)
	}
	// A layer of docker's own on top.
	added := filepath.Join(t.TempDir(), "added")
	if err := os.WriteFile(added, []byte("by docker\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	docker("cp", added, id+":/added")
	docker("commit", "-c", `CMD ["cat", "/added"]`, id, "team/three:1")
	docker("tag", "team/three:1", "team/three:2")
	back := filepath.Join(t.TempDir(), "back.tar")
	docker("save", "-o", back, "two:1", "team/three:1", "team/three:2")
	forget(h)
	r := h.Mvrun("load", "-i", back)
	for _, name := range []string{"two:1", "team/three:1", "team/three:2"} {
		if r.Code != 0 || !strings.Contains(r.Stdout, "Loaded image: "+name+"\n") {
			t.Fatalf("%s is missing: %v", name, r)
		}
	}
	isTwo(t, h, "two:1")
	if got := in(h, "team/three:2"); got != "by docker" {
		t.Errorf("docker's image says %q", got)
	}
	if got := in(h, "team/three:2", "stat", "-c", "%a", "/added"); got != "640" {
		t.Errorf("the file of docker's layer has mode %s", got)
	}
}

// startDocker runs a dockerd of the test's own on the host, and returns the
// command line that speaks to it.
func startDocker(t *testing.T, h *lab.Host) (docker func(args ...string) string) {
	t.Helper()
	client, daemon := program(t, "docker", "docker.io"), program(t, "dockerd", "docker.io")
	dir, err := os.MkdirTemp("", "mvrun-docker-") // short: there are sockets in it
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	// In a mount namespace of its own, so that its mounts end with it.
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", daemon,
		"--data-root", dir+"/data", "--exec-root", dir+"/exec", "--pidfile", dir+"/pid", "-H", "unix://"+dir+"/sock",
		"--iptables=false", "--ip6tables=false", "--bridge=none", "--log-level=error")
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) } // it ends its containerd
	cmd.WaitDelay = lab.Within(20 * time.Second)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("dockerd: %s", log.String())
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("dockerd left: %v", err)
		}
	})
	run := func(args ...string) ([]byte, error) {
		return exec.Command(client, append([]string{"-H", "unix://" + dir + "/sock"}, args...)...).CombinedOutput()
	}
	deadline := time.Now().Add(lab.Within(60 * time.Second))
	for {
		out, err := run("info")
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("dockerd does not come up: %s", out)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return func(args ...string) string {
		t.Helper()
		out, err := run(args...)
		if err != nil {
			t.Fatalf("docker %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
}
