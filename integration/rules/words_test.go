package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Words that were private to this program, and what the field says instead. The
// glossary in docs/architecture.md has the words that hold. Names have none of
// them in any part; in prose those that are ordinary English are let be.
var retired = map[string]string{
	"leg": "endpoint", "legs": "endpoints", "wish": "create options", "wishes": "create options",
	"seat": "host access", "seats": "host access", "hermit": "isolate from the host", "herald": "announcer",
	"ear": "listener", "ears": "listeners", "born": "the time of creation", "life": "run", "lives": "runs",
	"early": "prestart", "ahead": "prestart", "lead": "default route", "leads": "default route",
	"spend": "release", "spent": "released",
}

// ordinary are the words of retired that prose may use.
var ordinary = []string{"born", "life", "lives", "early", "ahead", "lead", "leads", "spend", "spent", "ear", "ears"}

// TestRetiredWordsStayOut reads names and comments of all Go files, the tests'
// too, and the documents.
func TestRetiredWordsStayOut(t *testing.T) {
	const limit = 0
	found := map[string]int{}
	root := moduleRoot(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || rel == "integration/rules" || rel == "bin"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			fset := token.NewFileSet()
			tree, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			n := retiredNames(tree)
			for _, group := range tree.Comments {
				n += retiredProse(group.Text())
			}
			found["all Go files"] += n
		case strings.HasSuffix(path, ".md") && rel != "CHANGELOG.md":
			text, err := os.ReadFile(path)
			if n := retiredProse(string(text)); n > 0 {
				found[rel] += n
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, found, limit, "retired words (see integration/rules/words_test.go)", retiredWordsLeft)
}

// retiredWordsLeft are those that nobody has replaced yet.
var retiredWordsLeft = map[string]int{
	"all Go files":          138,
	"docs/configuration.md": 1,
	"docs/doctor.md":        2,
	"docs/networking.md":    14,
	"docs/on-disk.md":       4,
}

// retiredNames counts the declarations of names with a retired word in them, so
// that the number stays when files move.
func retiredNames(tree *ast.File) int {
	n := 0
	count := func(names ...*ast.Ident) {
		for _, id := range names {
			if id != nil && slices.ContainsFunc(parts(id.Name), func(p string) bool { return retired[p] != "" }) {
				n++
			}
		}
	}
	ast.Inspect(tree, func(node ast.Node) bool {
		switch d := node.(type) {
		case *ast.FuncDecl:
			count(d.Name)
		case *ast.TypeSpec:
			count(d.Name)
		case *ast.ValueSpec:
			count(d.Names...)
		case *ast.Field:
			count(d.Names...)
		case *ast.RangeStmt:
			if d.Tok == token.DEFINE {
				count(identifiers(d.Key, d.Value)...)
			}
		case *ast.AssignStmt:
			if d.Tok == token.DEFINE {
				count(identifiers(d.Lhs...)...)
			}
		}
		return true
	})
	return n
}

func identifiers(all ...ast.Expr) []*ast.Ident {
	var names []*ast.Ident
	for _, e := range all {
		if id, ok := e.(*ast.Ident); ok {
			names = append(names, id)
		}
	}
	return names
}

var word = regexp.MustCompile(`[A-Za-z]+`)

func retiredProse(text string) int {
	n := 0
	for _, w := range word.FindAllString(text, -1) {
		for _, p := range parts(w) {
			if retired[p] != "" && !slices.Contains(ordinary, p) {
				n++
			}
		}
	}
	return n
}

// parts of a name in lower case: takeSeat has take and seat.
func parts(name string) []string {
	var all []string
	start := 0
	for i, r := range name {
		if i > start && (r == '_' || unicode.IsUpper(r)) {
			all = append(all, strings.ToLower(strings.Trim(name[start:i], "_")))
			start = i
		}
	}
	return append(all, strings.ToLower(strings.Trim(name[start:], "_")))
}

func TestWordsAreSeen(t *testing.T) {
	for name, want := range map[string]int{"takeSeat": 1, "legs": 1, "legacy": 0, "goAhead": 1, "aheadOf": 1, "seatHost": 1, "x": 0} {
		tree := &ast.File{Name: ast.NewIdent("p"), Decls: []ast.Decl{&ast.FuncDecl{Name: ast.NewIdent(name), Type: &ast.FuncType{}}}}
		if got := retiredNames(tree); got != want {
			t.Errorf("%s: %d names", name, got)
		}
	}
	if n := retiredProse("A leg of the hosts' seat leads early to delegates."); n != 2 {
		t.Errorf("%d words in prose", n)
	}
}
