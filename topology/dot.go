package topology

import (
	"fmt"
	"io"
	"strings"
)

// DOT writes the map as a graph for Graphviz.
func (m *Map) DOT(w io.Writer) error {
	g := &graph{}
	root := m.tree()
	g.printf("digraph %s {\n", quote("mvrun on "+root.title))
	g.printf("\trankdir=LR;\n\tnode [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=10];\n\tedge [arrowhead=none];\n")
	g.node(root, 0)
	g.printf("}\n")
	_, err := io.WriteString(w, g.String())
	return err
}

type graph struct {
	strings.Builder
	last int // number of the last node
}

func (g *graph) printf(format string, a ...any) { fmt.Fprintf(g, format, a...) }

// node writes a node and what is below it. Nodes are numbered: names may come
// twice.
func (g *graph) node(n *node, above int) {
	g.last++
	id := g.last
	label := []string{n.title}
	if n.note != "" {
		label = append(label, "("+n.note+")")
	}
	for _, facts := range n.facts {
		label = append(label, strings.Join(facts, ", "))
	}
	g.printf("\tn%d [label=%s%s];\n", id, quote(strings.Join(label, "\n")), n.attributes())
	if above != 0 {
		g.printf("\tn%d -> n%d;\n", above, id)
	}
	for _, c := range n.children {
		g.node(c, id)
	}
}

func (n *node) attributes() string {
	switch {
	case n.kind == kindForeign || strings.HasPrefix(n.note, "not mvrun's"):
		return `, style="rounded,dashed"`
	case n.grey:
		return ", color=gray60, fontcolor=gray40"
	case n.light == lightOff:
		return ", color=red3"
	}
	return ""
}

// quote makes a string of the DOT language, in which a quotation mark alone is
// escaped and \n is a line break.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
