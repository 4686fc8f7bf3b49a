package rules

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every module that our code imports has its line in docs/dependencies.md,
// with what it is for and why this one; a line whose module nobody imports is
// a leftover.
func TestDependenciesAreDocumented(t *testing.T) {
	root := moduleRoot(t)
	doc, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		listed = append(listed, m[1])
	}
	slices.Sort(listed)
	if diff := cmp.Diff(directModules(t, root), listed); diff != "" {
		t.Errorf("imported (-) and listed in docs/dependencies.md (+) differ:\n%s", diff)
	}
}

// directModules finds the modules by what is imported, not by the "indirect"
// comments of go.mod, which only `go mod tidy` keeps true.
func directModules(t *testing.T, root string) []string {
	t.Helper()
	var mod struct{ Require []struct{ Path string } }
	unmarshal(t, root, &mod, "mod", "edit", "-json")
	var found []string
	for _, name := range importedPackages(t, root) {
		best := ""
		for _, r := range mod.Require {
			if under(name, r.Path) && len(r.Path) > len(best) {
				best = r.Path
			}
		}
		if best != "" && !slices.Contains(found, best) {
			found = append(found, best)
		}
	}
	slices.Sort(found)
	return found
}

func importedPackages(t *testing.T, root string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-tags", "seccomp embedbusybox", "-f",
		`{{join .Imports "\n"}}{{"\n"}}{{join .TestImports "\n"}}{{"\n"}}{{join .XTestImports "\n"}}`, "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return strings.Fields(string(out))
}

func unmarshal(t *testing.T, root string, v any, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, v)
	}
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
}
