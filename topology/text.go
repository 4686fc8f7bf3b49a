package topology

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text writes the map as a tree. On a terminal (colours) what does not run is
// dimmed.
func (m *Map) Text(w io.Writer, colours bool) error {
	var b strings.Builder
	t := textTree{&b, colours}
	root := m.tree()
	fmt.Fprintln(&b, root.title)
	t.children(root, "")
	if len(m.Parents) == 0 {
		fmt.Fprintln(&b, "└─ no interface carries a VLAN, a network or a macvlan")
	}
	for _, c := range m.Others {
		fmt.Fprintf(&b, "on no segment: %s (%s, network %s)\n", clean(c.Name), c.Status, clean(c.Mode))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type textTree struct {
	w       io.Writer
	colours bool
}

func (t textTree) children(n *node, indent string) {
	widths := map[kind]int{} // names of one kind side by side are columns
	for _, c := range n.children {
		widths[c.kind] = max(widths[c.kind], utf8.RuneCountInString(c.title))
	}
	for i, c := range n.children {
		branch, below := "├─ ", "│  "
		if i == len(n.children)-1 {
			branch, below = "└─ ", "   "
		}
		line := strings.TrimRight(c.title+strings.Repeat(" ", widths[c.kind]-utf8.RuneCountInString(c.title))+"  "+c.line(), " ")
		if t.colours && c.grey {
			line = "\x1b[2m" + line + "\x1b[0m"
		}
		fmt.Fprintf(t.w, "%s%s%s\n", indent, branch, line)
		t.children(c, indent+below)
	}
}

// line is all that is known of a node but its name.
func (n *node) line() string {
	var words []string
	if n.note != "" {
		words = append(words, "("+n.note+")")
	}
	for _, facts := range n.facts {
		words = append(words, facts...)
	}
	return strings.Join(words, "  ")
}
