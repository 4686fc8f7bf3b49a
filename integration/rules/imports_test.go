// Package rules holds the architecture as tests: who may import whom, and what
// the documents must list. A rule that is only written down does not hold.
package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mvrun/mvrun/"

// mayImport says which of our packages a package may import, by the longest
// prefix that fits; one with = before it means that package and none below it.
// Imports run downwards; the leaves don't know each other,
// so that each can be read, tested and replaced alone.
var mayImport = map[string][]string{
	"cmd": {"cmd", "config", "doctor", "topology", "engine", "runtime", "network", "image", "rootfs", "internal", "internal/door"},
	// The use cases know no door, nor what doors share.
	"engine":   {"runtime", "network", "image", "rootfs", "internal/jsonfile"},
	"config":   {"=network"},
	"doctor":   {"runtime", "network", "rootfs", "internal"},
	"topology": {"runtime", "network", "internal"},
	// What runs in the command is none of the monitor's.
	"runtime/monitor": {"runtime/container", "runtime/oci", "runtime/kernel", "runtime/logfile", "runtime/monitor/protocol", "runtime/monitor/stdio", "network", "rootfs", "internal"},
	// What runs in the command, and what both processes know.
	"runtime/monitor/client":   {"runtime", "network"},
	"runtime/monitor/stdio":    {"runtime"},
	"runtime/monitor/protocol": {"runtime", "network"},
	"runtime/logfile":          {"internal"},
	// Records at the bottom: they know neither the specification nor the kernel,
	// and those two not one another.
	"runtime/container": {"network", "rootfs", "internal"},
	"runtime/oci":       {"runtime/container", "internal"},
	"runtime/kernel":    {"runtime/container", "internal"},
	// The rooms of network, from its nouns, which do no I/O, upwards.
	"network":            {"network/ipam", "network/acd", "network/dhcp"},
	"network/trunk":      {"=network", "network/vlanbpf", "internal"},
	"network/store":      {"=network", "network/ipam", "network/acd", "network/trunk", "internal"},
	"network/hostaccess": {"=network", "network/ipam", "network/acd", "network/trunk", "network/store", "internal"},
	"network/endpoint":   {"=network", "network/acd", "network/dhcp", "network/trunk", "network/store", "network/hostaccess", "internal"},
	"network/prestart":   {"=network", "network/acd", "network/trunk", "network/endpoint"},
	"network/etcfiles":   {"network/dhcp", "internal"},
	// The leaves of network don't know each other, nor who uses them.
	"network/ipam":     {"internal", "network/internal"},
	"network/acd":      {"internal", "network/internal"},
	"network/dhcp":     {"internal", "network/internal"},
	"network/firewall": {"internal", "network/internal"},
	"network/vlanbpf":  {"internal", "network/internal"},
	"network/internal": {},
	// image has the nouns; the rooms stand on each other in this order.
	"image":                    {"image/compression", "internal"},
	"image/compression":        {},
	"image/store":              {"image", "internal"},
	"image/registry":           {"image", "image/compression", "image/store", "internal"},
	"image/archive":            {"image", "image/compression", "image/store", "internal"},
	"image/internal/imagetest": {"image"},
	"rootfs":                   {"rootfs", "internal"},
	"internal":                 {},
	"internal/door":            {"internal/door", "runtime", "network", "image", "rootfs", "internal"}, // what doors share, above the rest
	"integration":              {"integration"},
	"bench":                    {},
}

// onlyIn keeps each heavy dependency in one place. libcontainer's root package
// is the strictest: one file (design rule 10), so that a change of its API is
// a change of one file.
var onlyIn = map[string][]string{
	"github.com/opencontainers/runc/libcontainer":          {"runtime/kernel/libcontainer.go"},
	"github.com/opencontainers/runc/libcontainer/specconv": {"runtime/kernel/"},
	"github.com/urfave/cli":                                {"cmd/mvrun/"},
	"github.com/google/go-containerregistry":               {"image/", "rootfs/", "engine/", "cmd/", "internal/door/", "integration/vm/registry/"},
	"github.com/vishvananda/netlink":                       {"network/", "internal/rtnl/", "topology/", "doctor/", "integration/"},
	"github.com/pelletier/go-toml/v2":                      {"config/"},
	"github.com/cilium/ebpf":                               {"network/"},
	"github.com/google/nftables":                           {"network/"},
	"github.com/insomniacslk/dhcp":                         {"network/"},
}

type file struct {
	path    string // relative to the module, with slashes
	imports []string
	tree    *ast.File
	fset    *token.FileSet
}

func (f file) dir() string { return filepath.ToSlash(filepath.Dir(f.path)) }

// goFiles parses every Go file of the module that is not a test.
func goFiles(t *testing.T) []file {
	t.Helper()
	root := moduleRoot(t)
	var files []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || rel == "tools") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := file{path: filepath.ToSlash(rel), tree: tree, fset: fset}
		for _, spec := range tree.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			f.imports = append(f.imports, name)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 3 {
		t.Fatalf("only %d Go files found under %s: the rules see nothing", len(files), root)
	}
	return files
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// under reports whether the package path is the prefix or below it.
func under(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

func TestImportsRunDownwards(t *testing.T) {
	for _, f := range goFiles(t) {
		rule := ""
		for prefix := range mayImport {
			if under(f.dir(), prefix) && len(prefix) > len(rule) {
				rule = prefix
			}
		}
		if rule == "" {
			t.Errorf("%s: no rule says what this package may import", f.path)
			continue
		}
		for _, name := range f.imports {
			ours, ok := strings.CutPrefix(name, module)
			if ok && !slices.ContainsFunc(mayImport[rule], func(p string) bool {
				return "="+ours == p || under(ours, p) && (!under(ours, "internal/door") || under(p, "internal/door"))
			}) {
				t.Errorf("%s imports %s: %s may import only %v", f.path, ours, rule, mayImport[rule])
			}
		}
	}
}

func TestHeavyDependenciesHaveOnePlace(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, name := range f.imports {
			for dependency, places := range onlyIn {
				if !matches(name, dependency) {
					continue
				}
				if !slices.ContainsFunc(places, func(p string) bool { return strings.HasPrefix(f.path, p) }) {
					t.Errorf("%s imports %s: only %v may", f.path, name, places)
				}
			}
		}
	}
}

// matches takes libcontainer to the letter, since its sub-packages are small,
// and any other dependency with all that is below it.
func matches(name, dependency string) bool {
	if strings.Contains(dependency, "libcontainer") {
		return name == dependency
	}
	return under(name, dependency)
}

// A function of more than 100 lines has more than one thought.
func TestFunctionsAreShort(t *testing.T) {
	const limit = 100
	for _, f := range goFiles(t) {
		for _, decl := range f.tree.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			if lines > limit {
				t.Errorf("%s: %s has %d lines, %d is the limit", f.path, fn.Name.Name, lines, limit)
			}
		}
	}
}
