package topology

import (
	"fmt"
	"strings"
)

// accents are the colours of VLANs, for light and for dark ground. All of them
// have a contrast of 4.5 or more on theirs.
var accents = [...][2]string{
	{"#1d5fd0", "#7fb0ff"},
	{"#a35200", "#f2a65a"},
	{"#0b7a4b", "#57cf97"},
	{"#7a3fc4", "#c3a2ff"},
	{"#b3264e", "#ff8fa6"},
	{"#0f7285", "#5fcbe0"},
}

// shades of everything else.
type shades struct {
	ground, box, line, ink, quiet, grey, on, off string
}

var (
	light0 = shades{"#ffffff", "#f6f8fa", "#aab4c0", "#1b2430", "#55606e", "#77808c", "#1a8f4c", "#cf2e2e"}
	dark0  = shades{"#11161d", "#1a212b", "#5a687b", "#e8edf3", "#a6b1be", "#8b95a1", "#46c47c", "#ff6b6b"}
)

// stylesheet spells out each colour twice: variables would be shorter, and
// renderers of print shops don't know them.
func stylesheet() string {
	var b strings.Builder
	b.WriteString(`text{font-family:ui-sans-serif,system-ui,"Segoe UI","DejaVu Sans",sans-serif}
.host{font-size:20px;font-weight:600}
.small{font-size:12px}
.title{font-size:13px;font-weight:600}
.fact{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:11px}
.note{font-style:italic}
.box,.edge{stroke-width:1.2}
.edge{fill:none}
.foreign .box,.foreign.edge{stroke-dasharray:4 3}
`)
	b.WriteString(light0.rules(0))
	b.WriteString("@media (prefers-color-scheme:dark){\n" + dark0.rules(1) + "}\n")
	return b.String()
}

func (s shades) rules(theme int) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".ground{fill:%s}\n", s.ground)
	fmt.Fprintf(&b, ".box{fill:%s;stroke:%s}\n", s.box, s.line)
	fmt.Fprintf(&b, ".edge{stroke:%s}\n.bar{fill:%s}\n", s.line, s.line)
	fmt.Fprintf(&b, ".host,.title{fill:%s}\n.fact,.small{fill:%s}\n", s.ink, s.quiet)
	fmt.Fprintf(&b, ".on{fill:%s}\n.off{fill:%s}\n", s.on, s.off)
	for i, a := range accents {
		fmt.Fprintf(&b, ".a%d .bar{fill:%s}\n.a%d.edge{stroke:%s}\n", i+1, a[theme], i+1, a[theme])
	}
	fmt.Fprintf(&b, ".grey .title,.grey .fact{fill:%s}\n.grey .box{fill:%s}\n.grey .bar{fill:%s}\n.grey.edge{stroke:%s}\n",
		s.grey, s.ground, s.line, s.line)
	fmt.Fprintf(&b, ".foreign .box{fill:%s}\n.foreign .bar{fill:none}\n.foreign.edge{stroke:%s}\n", s.ground, s.line)
	return b.String()
}
