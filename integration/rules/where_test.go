package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/integration/where"
)

// The list of tests that run on the host alone names tests that there are, each
// once, and none that needs something of the kernel: what the host's kernel lacks
// must run on another.
func TestWhere(t *testing.T) {
	dir := filepath.Join(moduleRoot(t), "integration")
	functions := testFunctions(t, dir)
	seen := map[string]bool{}
	for _, tests := range where.HostOnly {
		for _, test := range tests {
			if seen[test] {
				t.Errorf("%s is there twice", test)
			}
			seen[test] = true
			if script, ok := strings.CutPrefix(test, "TestScript/"); ok {
				if !exists(filepath.Join(dir, "testdata", "script", script+".txtar")) {
					t.Errorf("%s: there is no such script", test)
				}
				continue
			}
			if functions[test] == nil {
				t.Errorf("%s: there is no such test", test)
			} else if needs(functions, test, map[string]bool{}) {
				t.Errorf("%s needs something of the kernel that the host's may lack: it must run on Debian's too", test)
			}
		}
	}
	if !needs(functions, "TestBondAsParent", map[string]bool{}) {
		t.Error("not even the need of TestBondAsParent is seen")
	}
}

// testFunctions are the functions of the directory's tests by name.
func testFunctions(t *testing.T, dir string) map[string]*ast.FuncDecl {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]*ast.FuncDecl{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				functions[fn.Name.Name] = fn
			}
		}
	}
	return functions
}

// needs tells whether the function calls lab.Needs, itself or by others of its
// package.
func needs(functions map[string]*ast.FuncDecl, name string, seen map[string]bool) bool {
	fn := functions[name]
	if fn == nil || seen[name] {
		return false
	}
	seen[name] = true
	var called []string
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			found = found || n.Sel.Name == "Needs"
		case *ast.Ident:
			called = append(called, n.Name)
		}
		return true
	})
	return found || slices.ContainsFunc(called, func(name string) bool { return needs(functions, name, seen) })
}
