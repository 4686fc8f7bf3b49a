package rules

import (
	"go/ast"
	"strings"
	"testing"
)

// ofTheProcess is what belongs to one process and its user: an engine that
// touched it could not serve two callers at once.
var ofTheProcess = map[string]bool{
	"os.Stdin": true, "os.Stdout": true, "os.Stderr": true, "os.Args": true, "os.Exit": true,
	"os.Getenv": true, "os.LookupEnv": true, "os.Environ": true,
	"fmt.Print": true, "fmt.Printf": true, "fmt.Println": true,
}

// The engine serves whoever asks: it prints nothing, reads no environment and no
// arguments.
func TestEngineKnowsNoDoor(t *testing.T) {
	seen := 0
	for _, f := range goFiles(t) {
		if !under(f.dir(), "engine") {
			continue
		}
		seen++
		for _, name := range f.imports {
			if strings.HasSuffix(name, "/cli") || strings.Contains(name, "/cli/") || name == "flag" {
				t.Errorf("%s imports %s: flags are read in cmd", f.path, name)
			}
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && ofTheProcess[pkg.Name+"."+sel.Sel.Name] {
				t.Errorf("%s: %s.%s is the caller's", f.fset.Position(n.Pos()), pkg.Name, sel.Sel.Name)
			}
			return true
		})
	}
	if seen == 0 {
		t.Error("no file of the engine was seen")
	}
}
