package topology

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

// SVG writes the map as a picture that stands alone: it loads nothing, follows
// the reader's light or dark theme, and can be put into a page or printed.
func (m *Map) SVG(w io.Writer) error {
	root := m.tree()
	boxes, width, height := layout(root)
	p := &picture{accents: m.accents()}
	foot := p.foot(m)
	height += 26 + 18*float64(len(foot))
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-labelledby="t d">`+"\n",
		width, height, width, height)
	p.printf("<title id=\"t\">Networks of %s</title>\n", text(root.title))
	p.printf("<desc id=\"d\">Trunks, VLAN sub-interfaces, networks and containers, as mvrun found them.</desc>\n")
	p.printf("<style>\n%s</style>\n", stylesheet())
	p.printf(`<rect class="ground" width="%.0f" height="%.0f"/>`+"\n", width, height)
	p.text("host", margin, 34, root.title)
	p.text("small", margin, 51, m.Taken.UTC().Format("2006-01-02 15:04:05 UTC"))
	each(boxes, p.edges)
	each(boxes, p.box)
	p.legend(margin, height-18*float64(len(foot))-22)
	for i, line := range foot {
		p.text("small", margin, height-18*float64(len(foot)-i)+4, line)
	}
	p.printf("</svg>\n")
	_, err := io.WriteString(w, p.String())
	return err
}

type picture struct {
	strings.Builder
	accents map[string]int
}

func (p *picture) printf(format string, a ...any) { fmt.Fprintf(p, format, a...) }

func (p *picture) text(class string, x, y float64, s string) {
	p.printf(`<text class="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, x, y, text(s))
}

// accents gives each VLAN a colour of its own, as long as there are some.
func (m *Map) accents() map[string]int {
	var all []Segment
	for _, p := range m.Parents {
		all = append(all, p.Segments...)
	}
	slices.SortStableFunc(all, Segment.compare)
	found := map[string]int{}
	for _, s := range all {
		if _, given := found[s.tags()]; !given && s.VID != 0 {
			found[s.tags()] = len(found)%len(accents) + 1
		}
	}
	return found
}

func (p *picture) edges(b *box) {
	x1, y1 := b.x+b.w, b.y+b.h/2
	for _, c := range b.children {
		x2, y2 := c.x, c.y+c.h/2
		// Level beside the next column, so that a line past an empty one does
		// not cross boxes of it.
		bend := x1 + columnGap/2
		p.printf(`<path class="edge %s" d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fH%.1f"/>`+"\n",
			p.class(c), x1, y1, bend, y1, bend, y2, x1+columnGap, y2, x2)
	}
}

func (p *picture) box(b *box) {
	p.printf(`<g class="%s"><title>%s</title>`+"\n", p.class(b), text(b.node.title+"\n"+b.line()))
	p.printf(`<rect class="box" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="6"/>`+"\n", b.x, b.y, b.w, b.h)
	if b.column > 0 {
		p.printf(`<rect class="bar" x="%.1f" y="%.1f" width="4" height="%.1f" rx="2"/>`+"\n", b.x, b.y+6, b.h-12)
	}
	y := b.y + padY + titleSize
	p.text("title", b.x+padX, y, b.title)
	switch b.light {
	case lightOn:
		p.printf(`<circle class="on" cx="%.1f" cy="%.1f" r="4"/>`+"\n", b.x+b.w-padX, y-4)
	case lightOff:
		p.printf(`<circle class="off" cx="%.1f" cy="%.1f" r="4"/>`+"\n", b.x+b.w-padX, y-4)
	}
	for i, l := range b.lines {
		class := "fact"
		if i == 0 && b.note != "" {
			class = "fact note"
		}
		p.text(class, b.x+padX, y+factLine*float64(i+1)+1, l)
	}
	p.printf("</g>\n")
}

func (p *picture) class(b *box) string {
	classes := []string{fmt.Sprintf("a%d", p.accents[b.vlan])}
	if b.grey {
		classes = append(classes, "grey")
	}
	if strings.HasPrefix(b.note, "not mvrun's") {
		classes = append(classes, "foreign")
	}
	return strings.Join(classes, " ")
}

func (p *picture) legend(x, y float64) {
	p.printf(`<circle class="on" cx="%.1f" cy="%.1f" r="4"/>`+"\n", x+4, y-4)
	p.text("small", x+14, y, "carrier")
	p.printf(`<circle class="off" cx="%.1f" cy="%.1f" r="4"/>`+"\n", x+80, y-4)
	p.text("small", x+90, y, "no carrier")
	p.printf(`<g class="a0 grey"><rect class="box" x="%.1f" y="%.1f" width="18" height="11" rx="3"/></g>`+"\n", x+172, y-10)
	p.text("small", x+196, y, "not running")
	p.printf(`<g class="a0 foreign"><rect class="box" x="%.1f" y="%.1f" width="18" height="11" rx="3"/></g>`+"\n", x+284, y-10)
	p.text("small", x+308, y, "not mvrun's")
}

// foot are the lines below the picture.
func (p *picture) foot(m *Map) (lines []string) {
	if len(m.Parents) == 0 {
		lines = append(lines, "No interface carries a VLAN, a network or a macvlan.")
	}
	for _, c := range m.Others {
		lines = append(lines, fmt.Sprintf("On no segment: %s (%s, network %s)", clean(c.Name), c.Status, clean(c.Mode)))
	}
	return lines
}

func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}
