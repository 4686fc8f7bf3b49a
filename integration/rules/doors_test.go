package rules

import (
	"go/ast"
	"go/token"
	"regexp"
	"testing"
)

// flagText is an option as a user types it.
var flagText = regexp.MustCompile(`(^|[^\w-])--[a-z][a-z0-9-]+`)

// An error of a library carries facts. What to type is a hint, and only the door
// knows whether its command has such a flag.
func TestLibrariesNameNoFlags(t *testing.T) {
	const limit = 0
	flags := map[string]int{}
	for _, f := range goFiles(t) {
		if under(f.dir(), "cmd") || under(f.dir(), "internal/door") || under(f.dir(), "integration") || under(f.dir(), "bench") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING && flagText.MatchString(s.Value) {
				flags[f.dir()]++
			}
			return true
		})
	}
	check(t, flags, limit, "texts with a --flag", packagesWithFlags)
}

// packagesWithFlags call other programs with options; those that have a number
// still name mvrun's.
var packagesWithFlags = map[string]int{
	"network/internal/testlan": unlimited,
	"doctor":                   14,
	"network":                  4,
	"network/endpoint":         1,
	"network/trunk":            2,
	"network/ipam":             11,
	"topology":                 1,
}

// The command line's library is the door's alone: what is behind it takes values.
func TestContextOfTheCommandLineStaysInCmd(t *testing.T) {
	for _, f := range goFiles(t) {
		if under(f.dir(), "cmd") {
			continue
		}
		for _, use := range usesOf(f.tree, "cli", "Context") {
			t.Errorf("%s: *cli.Context outside cmd", f.fset.Position(use))
		}
	}
}

// usesOf are the places where a file has this name of a package.
func usesOf(tree *ast.File, pkg, name string) []token.Pos {
	var found []token.Pos
	ast.Inspect(tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg {
				found = append(found, sel.Pos())
			}
		}
		return true
	})
	return found
}
