package topology

import (
	"strings"
	"unicode/utf8"
)

// Measures in pixels. An SVG can't ask for the width of a text: the facts are
// set in a monospaced font, whose characters are 0.6 em wide, and a title of
// the other font is given what a wide one takes.
const (
	margin     = 24.0
	header     = 58.0 // title and time
	columnGap  = 64.0
	rowGap     = 14.0
	padX, padY = 12.0, 9.0
	titleSize  = 13.0
	titleLine  = 19.0
	titleChar  = 7.9
	factSize   = 11.0
	factLine   = 15.5
	factChar   = 6.65
	lampSpace  = 18.0
	maxTitle   = 40 // characters
	maxFacts   = 44 // characters of a line
)

// box is a node with its place.
type box struct {
	*node
	title      string   // as it fits
	lines      []string // the note first, if there is one
	column     int
	x, y, w, h float64
	children   []*box
}

// column of a kind: macvlans of others hang on a segment without a network
// between, and stand with the containers all the same.
var columnOf = map[kind]int{kindParent: 0, kindSegment: 1, kindNetwork: 2, kindLeg: 3, kindForeign: 3}

// layout places the nodes below root, each at the middle of its children, and
// returns the size of the whole.
func layout(root *node) (boxes []*box, width, height float64) {
	bottom := header
	for _, n := range root.children {
		b := newBox(n)
		bottom = b.place(bottom) + 2*rowGap
		boxes = append(boxes, b)
	}
	var widths [4]float64
	each(boxes, func(b *box) { widths[b.column] = max(widths[b.column], b.w) })
	var xs [4]float64
	x := margin
	for i, w := range widths {
		xs[i] = x
		if w > 0 {
			x += w + columnGap
		}
	}
	each(boxes, func(b *box) { b.x, b.w = xs[b.column], widths[b.column] })
	return boxes, max(x-columnGap+margin, 560), bottom
}

func each(boxes []*box, do func(*box)) {
	for _, b := range boxes {
		do(b)
		each(b.children, do)
	}
}

func newBox(n *node) *box {
	b := &box{node: n, column: columnOf[n.kind], title: cut(n.title, maxTitle)}
	if n.note != "" {
		b.lines = append(b.lines, cut(n.note, maxFacts))
	}
	for _, facts := range n.facts {
		b.lines = append(b.lines, wrap(facts)...)
	}
	b.w = float64(utf8.RuneCountInString(b.title)) * titleChar
	if n.light != noLight {
		b.w += lampSpace
	}
	for _, l := range b.lines {
		b.w = max(b.w, float64(utf8.RuneCountInString(l))*factChar)
	}
	b.w += 2 * padX
	b.h = 2*padY + titleLine + factLine*float64(len(b.lines))
	for _, c := range n.children {
		b.children = append(b.children, newBox(c))
	}
	return b
}

// place puts the box and all to its right below top, and returns their bottom.
func (b *box) place(top float64) float64 {
	y := top
	for i, c := range b.children {
		if i > 0 {
			y += rowGap
			if c.kind == kindSegment {
				y += rowGap
			}
		}
		y = c.place(y)
	}
	below := y - top
	b.y = top + max(0, (below-b.h)/2)
	if b.h > below {
		for _, c := range b.children {
			c.shift((b.h - below) / 2)
		}
	}
	return top + max(below, b.h)
}

func (b *box) shift(by float64) {
	b.y += by
	for _, c := range b.children {
		c.shift(by)
	}
}

// wrap sets facts into lines; a fact is never broken.
func wrap(facts []string) (lines []string) {
	const between = " · "
	line := ""
	for _, f := range facts {
		f = cut(f, maxFacts)
		switch {
		case line == "":
			line = f
		case utf8.RuneCountInString(line+between+f) <= maxFacts:
			line += between + f
		default:
			lines, line = append(lines, line), f
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return strings.TrimRight(string(r[:n-1]), " ") + "…"
	}
	return s
}
