package lab

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The lab's own tests need no mvrun.
func TestMain(m *testing.M) {
	program = "true"
	os.Exit(m.Run())
}

// The leak check must see each kind of leftover, else it proves nothing.
func TestLeaksAreSeen(t *testing.T) {
	leak := map[string]func(t *testing.T, h *Host){
		"link": func(t *testing.T, h *Host) {
			check(t, h.Link.LinkAdd(&netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: "enp0s9.10"}}))
		},
		"qdisc": func(t *testing.T, h *Host) {
			index := h.Find(Trunk).Attrs().Index
			check(t, h.Link.QdiscAdd(&netlink.GenericQdisc{
				QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT},
				QdiscType:  "clsact",
			}))
		},
		"address": func(t *testing.T, h *Host) {
			addr, _ := netlink.ParseAddr("10.9.8.7/24")
			check(t, h.Link.AddrAdd(h.Find(Trunk), addr))
		},
		"cgroup": func(t *testing.T, h *Host) {
			parents, _ := filepath.Glob("/sys/fs/cgroup/pids")
			parents = append(parents, "/sys/fs/cgroup")
			check(t, os.MkdirAll(parents[0]+h.CgroupParent+"/deadbeef", 0o755))
		},
		"process": func(t *testing.T, h *Host) {
			cmd := exec.Command("sleep", "1000")
			cmd.Env = h.Env
			check(t, cmd.Start())
			go cmd.Wait()
			// execve closes the pipe that Start waits for before the new environment shows.
			for len(h.processes()) == 0 {
				time.Sleep(time.Millisecond)
			}
		},
		"file": func(t *testing.T, h *Host) {
			check(t, os.MkdirAll(h.Root+"/containers/deadbeef", 0o700))
			check(t, os.WriteFile(h.Root+"/containers/deadbeef/config.json", []byte("{}"), 0o600))
		},
		"mount": func(t *testing.T, h *Host) {
			check(t, os.MkdirAll(h.Root+"/merged", 0o700))
			check(t, unix.Mount("none", h.Root+"/merged", "tmpfs", 0, ""))
		},
	}
	for kind, make := range leak {
		t.Run(kind, func(t *testing.T) {
			h, _ := OneHost(t)
			if leaks := h.Leaks(); len(leaks) > 0 {
				t.Fatalf("a new host leaks: %q", leaks)
			}
			make(t, h)
			leaks := strings.Join(h.Leaks(), "\n")
			h.Settled()
			unix.Unmount(h.Root+"/merged", unix.MNT_DETACH)
			os.RemoveAll(h.Root)
			h.endProcesses()
			h.removeCgroups()
			if leaks == "" {
				t.Error("not seen")
			}
		})
	}
}

func TestCaptureSeesTags(t *testing.T) {
	a, b := NewNetns(t), NewNetns(t)
	Cable(t, a, "left", b, "right")
	atSender, atReceiver := a.CaptureOn("left"), b.CaptureOn("right")
	tagged := append(make([]byte, 12), 0x81, 0x00, 0x00, 42, 0x88, 0xb5)
	untagged := append(make([]byte, 12), 0x88, 0xb5)
	for _, frame := range [][]byte{tagged, untagged} {
		send(t, a, "left", append(frame, make([]byte, 46)...))
	}
	for name, c := range map[string]*Capture{"sender": atSender, "receiver": atReceiver} {
		deadline := time.Now().Add(Within(5 * time.Second))
		for len(c.Frames()) < 2 && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		frames := c.Frames()
		if len(frames) != 2 || VID(frames[0]) != 42 || VID(frames[1]) != 0 {
			t.Errorf("%s: got %v", name, frames)
		}
	}
	if tag := atReceiver.Frames()[0].Layer(layers.LayerTypeDot1Q); tag == nil {
		t.Error("the packet library sees no 802.1Q layer")
	}
}

func send(t *testing.T, n *Netns, link string, frame []byte) {
	t.Helper()
	attrs := n.Find(link).Attrs()
	check(t, n.Do(func() error {
		fd, err := openPacketSocket(attrs.Index)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: attrs.Index, Halen: 6})
	}))
}

func TestExitCodeOfASignal(t *testing.T) {
	h := NewHost(t)
	if r := h.Exec(nil, "sh", "-c", "kill -TERM $$"); r.Code != 128+15 {
		t.Errorf("%v", r)
	}
	if r := h.Exec(nil, "sh", "-c", "exit 7"); r.Code != 7 {
		t.Errorf("%v", r)
	}
}

// A host is a machine of its own: its commands see its links only.
func TestCommandsRunInTheNamespace(t *testing.T) {
	h, _ := OneHost(t)
	out := h.Sh("ip -o link | wc -l; ls /sys/fs/cgroup | wc -l")
	mine, err := net.Interfaces()
	check(t, err)
	if !strings.HasPrefix(out, "2\n") {
		t.Errorf("lo and the trunk are wanted, %d links are on the machine: %s", len(mine), out)
	}
	if strings.HasSuffix(out, "\n0") {
		t.Error("the mount namespace has changed")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
