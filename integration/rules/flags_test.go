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
	"internal/tarlimit":        1,
	"network/internal/testlan": unlimited,
	"doctor":                   14,
	"image":                    6,
	"network":                  22,
	"network/ipam":             11,
	"runtime":                  15,
	"topology":                 1,
}
