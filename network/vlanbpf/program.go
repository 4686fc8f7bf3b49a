// Package vlanbpf carries a VLAN of a NIC where the kernel has no 8021q: an
// ifb device stands for the sub-interface, and two eBPF classifiers (clsact)
// take the tag off on the way in and put it on on the way out. Everything is
// in the kernel and found there again; nothing is pinned.
package vlanbpf

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Offsets in struct __sk_buff (linux/bpf.h), which never change.
const (
	skbProtocol    = 16
	skbVLANPresent = 20
	skbVLANTCI     = 24
	skbVLANProto   = 28
)

// Verdicts of a classifier (linux/pkt_cls.h).
const (
	actUnspec = -1 // not ours: the next filter decides
	actShot   = 2
)

const (
	vidMask       = 0x0fff
	redirectIn    = 1                // BPF_F_INGRESS
	tciInFrame    = 14               // behind two MAC addresses and the EtherType
	protocol8021Q = unix.ETH_P_8021Q // host order
)

// popProgram is for the parent's ingress. A frame with the VID loses its tag
// and comes in on the ifb; every other frame goes its way untouched. The NIC
// or the kernel keeps the tag in the metadata as a rule; a tag still in the
// frame is looked for there.
func popProgram(vid uint16, ifb int) asm.Instructions {
	proto := int32(htons(protocol8021Q))
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R2, asm.R6, skbVLANPresent, asm.Word),
		asm.JEq.Imm(asm.R2, 0, "payload"),
		asm.LoadMem(asm.R2, asm.R6, skbVLANProto, asm.Word),
		asm.JNE.Imm(asm.R2, proto, "pass"),
		asm.LoadMem(asm.R2, asm.R6, skbVLANTCI, asm.Word),
		asm.Ja.Label("compare"),

		asm.LoadMem(asm.R2, asm.R6, skbProtocol, asm.Word).WithSymbol("payload"),
		asm.JNE.Imm(asm.R2, proto, "pass"),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, tciInFrame),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, -8),
		asm.Mov.Imm(asm.R4, 2),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, "pass"),
		asm.LoadMem(asm.R2, asm.RFP, -8, asm.Half),
		asm.HostTo(asm.BE, asm.R2, asm.Half),

		asm.And.Imm(asm.R2, vidMask).WithSymbol("compare"),
		asm.JNE.Imm(asm.R2, int32(vid), "pass"),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnSkbVlanPop.Call(),
		asm.JNE.Imm(asm.R0, 0, "drop"),
		asm.Mov.Imm(asm.R1, int32(ifb)),
		asm.Mov.Imm(asm.R2, redirectIn),
		asm.FnRedirect.Call(),
		asm.Return(),

		asm.Mov.Imm(asm.R0, actUnspec).WithSymbol("pass"),
		asm.Return(),
		asm.Mov.Imm(asm.R0, actShot).WithSymbol("drop"),
		asm.Return(),
	}
}

// pushProgram is for the ifb's egress. A frame that can't be tagged is dropped:
// it must never leave untagged.
func pushProgram(vid uint16, parent int) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Imm(asm.R2, int32(htons(protocol8021Q))),
		asm.Mov.Imm(asm.R3, int32(vid)),
		asm.FnSkbVlanPush.Call(),
		asm.JNE.Imm(asm.R0, 0, "drop"),
		asm.Mov.Imm(asm.R1, int32(parent)),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return(),
		asm.Mov.Imm(asm.R0, actShot).WithSymbol("drop"),
		asm.Return(),
	}
}

// program is one that is being loaded; called, it waits until that is done.
type program func() (*ebpf.Program, error)

// loading loads a program while its caller does something else: the kernel takes
// its time to verify one.
func loading(name string, insns asm.Instructions) program {
	p := sync.OnceValues(func() (*ebpf.Program, error) { return load(name, insns) })
	go p()
	return p
}

func (p program) close() {
	if prog, err := p(); err == nil {
		prog.Close()
	}
}

// load hands the program to the kernel. Before 5.11 a program's memory counts
// against RLIMIT_MEMLOCK, which is small by default: raise it and try again.
func load(name string, insns asm.Instructions) (*ebpf.Program, error) {
	spec := &ebpf.ProgramSpec{Name: name, Type: ebpf.SchedCLS, License: "Apache-2.0", Instructions: insns}
	prog, err := ebpf.NewProgram(spec)
	if errors.Is(err, unix.EPERM) {
		all := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
		if unix.Setrlimit(unix.RLIMIT_MEMLOCK, &all) == nil {
			prog, err = ebpf.NewProgram(spec)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load eBPF program %s: %w", name, err)
	}
	return prog, nil
}
