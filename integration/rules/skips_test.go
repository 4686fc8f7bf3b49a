package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// A test of the built program is skipped by lab.Needs alone, which tries the
// thing and believes nothing but the kernel: any other skip hides a failure.
func TestNoOtherSkips(t *testing.T) {
	root := filepath.Join(moduleRoot(t), "integration")
	allowed := filepath.Join(root, "lab", "need.go")
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir // what tests that run meanwhile keep there
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && isSkip(sel.Sel.Name) {
				seen++
				if path != allowed {
					t.Errorf("%s: %s: use lab.Needs", fset.Position(n.Pos()), sel.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("not even the skip of lab.Needs was seen")
	}
}

func isSkip(name string) bool { return name == "Skip" || name == "Skipf" || name == "SkipNow" }
