package vlanbpf

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

const redirect = 7 // TC_ACT_REDIRECT

func mustLoad(t *testing.T, name string, vid uint16) *ebpf.Program {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("eBPF needs root")
	}
	insns := popProgram(vid, 1)
	if name == "push" {
		insns = pushProgram(vid, 1)
	}
	prog, err := load(name, insns)
	if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("no eBPF to be had: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { prog.Close() })
	return prog
}

// A frame as the wire has it: addresses, tags, EtherType, payload.
func frame(tags ...byte) []byte {
	f := slices.Concat([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, tags, []byte{0x08, 0x00})
	return append(f, bytes.Repeat([]byte{0xab}, 50)...)
}

// The kernel runs the program on frames whose tags are in the frame; tags in
// the metadata come with real traffic, in package network's tests.
func TestPop(t *testing.T) {
	for _, c := range []struct {
		name string
		vid  uint16
		in   []byte
		want uint32
		out  []byte
	}{
		{"ours", 10, frame(0x81, 0, 0, 10), redirect, frame()},
		{"ours, with a priority and drop eligible", 10, frame(0x81, 0, 0xf0, 10), redirect, frame()},
		{"ours, a high VID", 4094, frame(0x81, 0, 0x0f, 0xfe), redirect, frame()},
		{"ours, with a VLAN inside", 10, frame(0x81, 0, 0, 10, 0x81, 0, 0, 20), redirect, nil},
		{"another VID", 10, frame(0x81, 0, 0, 11), ^uint32(0), frame(0x81, 0, 0, 11)},
		{"same low byte", 10, frame(0x81, 0, 1, 10), ^uint32(0), frame(0x81, 0, 1, 10)},
		{"priority alone", 10, frame(0x81, 0, 0xe0, 0), ^uint32(0), frame(0x81, 0, 0xe0, 0)},
		{"untagged", 10, frame(), ^uint32(0), frame()},
		{"a provider's tag", 10, frame(0x88, 0xa8, 0, 10), ^uint32(0), frame(0x88, 0xa8, 0, 10)},
	} {
		prog := mustLoad(t, "pop", c.vid)
		opts := ebpf.RunOptions{Data: c.in, DataOut: make([]byte, len(c.in)+64)}
		got, err := prog.Run(&opts)
		if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.name, int32(got), int32(c.want))
		}
		if c.out != nil && !bytes.Equal(opts.DataOut, c.out) {
			t.Errorf("%s: frame\n% x, want\n% x", c.name, opts.DataOut, c.out)
		}
	}
}

func TestPush(t *testing.T) {
	prog := mustLoad(t, "push", 10)
	if got, err := prog.Run(&ebpf.RunOptions{Data: frame()}); got != redirect || err != nil {
		t.Errorf("verdict %d, %v", int32(got), err)
	}
}

func TestFilterNames(t *testing.T) {
	for name, want := range map[string]bool{
		"mvrun vlan 10 to 7": true, "mvrun vlan 10": false, "": false, "mvrun": false, "x": false, "mvrun vlan 99999 to 7": false,
	} {
		vid, to, ours := parseName(name)
		if ours != want || ours && (vid != 10 || to != 7) {
			t.Errorf("%q: VLAN %d to %d, ours: %v", name, vid, to, ours)
		}
	}
}
