package doctor

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/firewall"
	"github.com/mvrun/mvrun/network/trunk"
)

func (e *examination) macvlan(context.Context) []Finding {
	if err := trunk.DetectMacvlan(); err != nil {
		return []Finding{{
			"macvlan", Broken, fmt.Sprintf("the kernel makes no macvlan: %v", oneLine(err)),
			"every container's interface is one", "use a kernel with CONFIG_MACVLAN, or load it: modprobe macvlan",
		}}
	}
	return []Finding{fine("macvlan", "the kernel has it")}
}

func (e *examination) vlan(context.Context) []Finding {
	driver, err := trunk.DetectVLANDriver()
	if err != nil {
		return []Finding{{
			"vlan", Broken, fmt.Sprintf("no VLAN driver works: %v", oneLine(err)),
			"containers can be on the untagged segment of a NIC alone",
			"use a kernel with CONFIG_VLAN_8021Q (modprobe 8021q), or one with CONFIG_IFB, CONFIG_NET_CLS_BPF and CONFIG_BPF_SYSCALL",
		}}
	}
	e.driver = string(driver)
	if driver == "ebpf" {
		return []Finding{fine("vlan", "driver ebpf: the kernel has no 8021q, and ifb with two eBPF classifiers stands in")}
	}
	return []Finding{fine("vlan", "driver kernel: 8021q works")}
}

func (e *examination) firewall(context.Context) []Finding {
	rule, err := firewall.Parse("icmp")
	if err == nil {
		var ns *trunk.Namespace
		if ns, err = trunk.NewNamespace(); err == nil {
			err = firewall.Apply(int(ns.File().Fd()), []firewall.Rule{rule})
			ns.Close()
		}
	}
	if err != nil {
		return []Finding{{
			"firewall", Warning, fmt.Sprintf("nf_tables does not take a rule: %v", oneLine(err)),
			"containers with --allow do not start", "use a kernel with CONFIG_NF_TABLES, NF_TABLES_INET and NFT_CT (modprobe nf_tables)",
		}}
	}
	return []Finding{fine("firewall", "nf_tables works")}
}

// seccomp sets a filter that lets everything through, on a thread that ends
// with it.
func (e *examination) seccomp(context.Context) []Finding {
	err := onThread(func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		const allow = 0x7fff0000 // SECCOMP_RET_ALLOW
		insns := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: allow}}
		prog := unix.SockFprog{Len: 1, Filter: &insns[0]}
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
		if errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		return []Finding{{
			"seccomp", Broken, fmt.Sprintf("the kernel takes no filter: %v", oneLine(err)),
			"no container starts without --security-opt seccomp=unconfined", "use a kernel with CONFIG_SECCOMP_FILTER",
		}}
	}
	return []Finding{fine("seccomp", "filters work")}
}

func (e *examination) userNamespace(ctx context.Context) []Finding {
	cmd := exec.CommandContext(ctx, e.Program[0], e.Program[1:]...)
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
	}
	if err := cmd.Run(); err != nil {
		return []Finding{{
			"userns", Warning, fmt.Sprintf("no process starts in a user namespace: %v", oneLine(err)),
			"programs that put themselves into a sandbox, such as browsers, may fail in containers",
			"see that the sysctl user.max_user_namespaces is not 0, and use a kernel with CONFIG_USER_NS",
		}}
	}
	return []Finding{fine("userns", "user namespaces work")}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
