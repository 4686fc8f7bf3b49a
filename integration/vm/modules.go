package vm

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// modules are what the machines load before their root file system is there.
// Whatever this list lacks, a test finds missing in the kernel. A word after
// the name is its parameters.
var modules = []string{
	"virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng",
	"overlay", "loop",
	"8021q", "bonding max_bonds=0", "macvlan", "ipvlan", "veth", "bridge", "ifb numifbs=0", "dummy numdummies=0",
	"sch_ingress", "cls_bpf", "cls_flower", "cls_u32", "act_mirred", "act_vlan",
	"nf_tables", "nft_ct", "nft_reject_inet",
}

// moduleTree finds the modules of a kernel by name.
type moduleTree map[string]string // path by name with underscores

func readModuleTree(dir string) (moduleTree, error) {
	tree := moduleTree{}
	err := filepath.WalkDir(filepath.Join(dir, "kernel"), func(path string, d fs.DirEntry, err error) error {
		if name, _, ok := strings.Cut(d.Name(), ".ko"); ok && err == nil {
			tree[moduleName(name)] = path
		}
		return err
	})
	return tree, err
}

// moduleName is the kernel's form of a module's name: a file may have dashes
// where the name has underscores.
func moduleName(s string) string { return strings.ReplaceAll(s, "-", "_") }

// load returns the modules to load for the wanted ones, dependencies first,
// and their parameters. What the kernel has built in is not among them.
func (t moduleTree) load(wanted []string) (order []string, params map[string]string, err error) {
	params = map[string]string{}
	for _, want := range wanted {
		name, given, _ := strings.Cut(want, " ")
		params[moduleName(name)] = given
		if order, err = t.visit(moduleName(name), order); err != nil {
			return nil, nil, err
		}
	}
	return order, params, nil
}

func (t moduleTree) visit(name string, order []string) ([]string, error) {
	path, ok := t[name]
	if !ok || slices.Contains(order, name) {
		return order, nil
	}
	text, err := readModule(path)
	if err != nil {
		return nil, err
	}
	depends, err := dependencies(text)
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", path, err)
	}
	for _, d := range depends {
		if order, err = t.visit(d, order); err != nil {
			return nil, err
		}
	}
	return append(order, name), nil
}

// readModule returns a module as the kernel loads it. Newer Debians compress.
func readModule(path string) ([]byte, error) {
	if filepath.Ext(path) == ".xz" {
		return exec.Command("xz", "-dc", path).Output()
	}
	return os.ReadFile(path)
}

// dependencies reads the modules that must be loaded first from the module
// itself (depmod(8) does the same), hard ones and "softdep: pre:".
func dependencies(text []byte) ([]string, error) {
	f, err := elf.NewFile(strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("no .modinfo section")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	return dependsOf(string(info)), nil
}

func dependsOf(info string) []string {
	var names []string
	for line := range strings.SplitSeq(info, "\x00") {
		if list, ok := strings.CutPrefix(line, "depends="); ok && list != "" {
			names = append(names, strings.Split(list, ",")...)
		}
		if list, ok := strings.CutPrefix(line, "softdep=pre: "); ok {
			list, _, _ = strings.Cut(list, "post:")
			names = append(names, strings.Fields(list)...)
		}
	}
	for i, n := range names {
		names[i] = moduleName(n)
	}
	return names
}
