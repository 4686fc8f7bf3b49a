package rules

import (
	"go/ast"
	"maps"
	"slices"
	"testing"
)

// A package has one noun, and whoever opens it sees what it is about: not more
// files than fit on a screen. Tests don't count.
func TestPackagesAreSmall(t *testing.T) {
	const limit = 25
	files := map[string]int{}
	for _, f := range goFiles(t) {
		files[f.dir()]++
	}
	check(t, files, limit, "files", largerPackages)
}

// largerPackages have more files. cmd/mvrun may, with a file for each command; the
// others are to become smaller.
var largerPackages = map[string]int{
	"cmd/mvrun": unlimited,
}

// A type with more methods is several types, or a program.
func TestTypesHaveFewMethods(t *testing.T) {
	const limit = 25
	methods := map[string]int{}
	for _, f := range goFiles(t) {
		for _, decl := range f.tree.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv != nil {
				methods[f.dir()+"."+receiver(fn)]++
			}
		}
	}
	check(t, methods, limit, "methods", largerTypes)
}

// largerTypes have more methods. lab.Host may: it is the vocabulary that the tests
// are written in. The others are to become smaller.
var largerTypes = map[string]int{
	"network/store.Store":       46,
	"network/endpoint.Attached": 43,
	"network/trunk.Handle":      34,
	"integration/lab.Host":      unlimited,
}

const unlimited = -1

// check compares what was counted with the limit and with the exceptions, which
// have a number each: what grows fails, and so does what has shrunk by a quarter,
// so that the list shrinks with it.
func check(t *testing.T, counted map[string]int, limit int, what string, exceptions map[string]int) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(counted)) {
		allowed, excepted := exceptions[name]
		switch n := counted[name]; {
		case allowed == unlimited:
		case !excepted && n > limit:
			t.Errorf("%s has %d %s, %d is the limit", name, n, what, limit)
		case excepted && n > allowed:
			t.Errorf("%s has %d %s: it is over the limit of %d, and %d are what it may have", name, n, what, limit, allowed)
		case excepted && n <= limit:
			t.Errorf("%s has only %d %s: take it off the list of exceptions in integration/rules", name, n, what)
		case excepted && n < allowed*3/4:
			t.Errorf("%s has only %d %s: put that number in the list of exceptions in integration/rules", name, n, what)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(exceptions)) {
		if counted[name] == 0 && exceptions[name] != unlimited {
			t.Errorf("%s is in a list of exceptions and has no %s: take it off", name, what)
		}
	}
}

// receiver is the name of a method's type.
func receiver(fn *ast.FuncDecl) string {
	kind := fn.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if generic, ok := kind.(*ast.IndexExpr); ok {
		kind = generic.X
	}
	name, _ := kind.(*ast.Ident)
	return name.Name
}
