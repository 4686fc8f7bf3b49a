package topology

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"github.com/docker/go-units"
)

type kind int

const (
	kindHost kind = iota
	kindParent
	kindSegment
	kindNetwork
	kindLeg
	kindForeign
)

// light is the lamp at an interface.
type light int

const (
	noLight light = iota // no interface
	lightOn              // carrier
	lightOff
)

// node is one thing in the picture. All renderers draw the same nodes.
type node struct {
	kind     kind
	title    string
	note     string     // what is special about it: exited, not mvrun's
	facts    [][]string // lines of facts
	light    light
	grey     bool   // not running, or not there
	vlan     string // tags of the segment that it is on
	children []*node
}

// tree turns the map into nodes.
func (m *Map) tree() *node {
	root := &node{kind: kindHost, title: clean(m.Host)}
	for _, p := range m.Parents {
		root.children = append(root.children, p.node())
	}
	return root
}

func (p Parent) node() *node {
	n := &node{kind: kindParent, title: clean(p.Name), facts: p.Interface.facts(), light: p.lamp()}
	if p.Missing {
		n.note, n.grey, n.facts, n.light = "this host has no such interface", true, nil, noLight
	}
	for _, s := range p.Segments {
		n.children = append(n.children, s.node())
	}
	return n
}

func (s Segment) node() *node {
	n := &node{kind: kindSegment, title: "untagged", vlan: s.tags()}
	if s.VID != 0 {
		n.title = strings.TrimSpace("VLAN " + n.vlan + " " + s.Protocol)
	}
	switch {
	case s.VID == 0:
	case s.Link == nil:
		n.note, n.grey = "no link: nothing runs on it", true
	default:
		n.light = s.Link.lamp()
		names := []string{clean(s.Link.Name) + "@if" + strconv.Itoa(s.Link.Below), s.Driver + " driver"}
		switch {
		case s.Made:
			names = append(names, "made by mvrun")
		case s.Ours():
			names = append(names, "found, not made by mvrun")
		default:
			n.note = "not mvrun's"
		}
		n.facts = append([][]string{names}, s.Link.facts()...)
	}
	for _, net := range s.Networks {
		n.children = append(n.children, net.node(n.vlan))
	}
	for _, f := range s.Foreign {
		n.children = append(n.children, f.node(n.vlan))
	}
	return n
}

func (net Network) node(vlan string) *node {
	n := &node{kind: kindNetwork, title: clean(net.Name), vlan: vlan}
	for _, p := range net.Pools {
		pool := p.Subnet.String()
		if p.Gateway.IsValid() && !net.Internal {
			pool += " via " + p.Gateway.String()
		}
		n.facts = append(n.facts, []string{pool})
	}
	var more []string
	if net.Mode != "" {
		more = append(more, net.Mode)
	}
	if net.Implicit {
		more = append(more, "by --vlan")
	}
	if net.Internal {
		more = append(more, "internal")
	}
	if len(more) > 0 {
		n.facts = append(n.facts, more)
	}
	if net.Host != nil {
		n.children = append(n.children, net.Host.node(vlan))
	}
	for _, leg := range net.Legs {
		n.children = append(n.children, leg.node(vlan))
	}
	return n
}

func (s Seat) node(vlan string) *node {
	n := &node{kind: kindLeg, title: "this host", note: "host access", vlan: vlan, light: s.lamp(), facts: s.legFacts()}
	if s.Missing {
		n.note, n.grey, n.light = "host access, its interface is gone", true, noLight
	}
	return n
}

func (a Attachment) node(vlan string) *node {
	n := &node{kind: kindLeg, title: clean(a.Container.Name), vlan: vlan, light: a.lamp()}
	if a.Status != "running" {
		n.note = a.Status
	}
	if a.Counters == nil {
		n.grey, n.light = true, noLight
	}
	if a.Missing {
		n.note = strings.TrimPrefix(n.note+", its interface is gone", ", ")
	}
	n.facts = a.legFacts()
	return n
}

func (f Foreign) node(vlan string) *node {
	return &node{
		kind: kindForeign, title: clean(f.Owner), note: "not mvrun's", vlan: vlan, light: f.lamp(),
		facts: append([][]string{{f.Kind}}, f.legFacts()...),
	}
}

func (i Interface) lamp() light {
	if i.Carrier {
		return lightOn
	}
	return lightOff
}

// facts of an interface of the host.
func (i Interface) facts() [][]string {
	state := "carrier"
	switch {
	case !i.Up:
		state = "down"
	case !i.Carrier:
		state = "no carrier"
	}
	lines := [][]string{{"index " + strconv.Itoa(i.Index), state, "mtu " + strconv.Itoa(i.MTU)}}
	return append(lines, i.lastFacts()...)
}

// legFacts are those of an interface that sits on another one, in the words of
// `ip link`.
func (i Interface) legFacts() [][]string {
	name := []string{clean(i.Name)}
	if i.Below != 0 {
		name[0] += "@if" + strconv.Itoa(i.Below)
		name = append(name, "index "+strconv.Itoa(i.Index))
	}
	switch {
	case i.Counters == nil:
	case !i.Up:
		name = append(name, "down")
	case !i.Carrier:
		name = append(name, "no carrier")
	}
	return append([][]string{name}, i.lastFacts()...)
}

func (i Interface) lastFacts() (lines [][]string) {
	if len(i.Addrs) > 0 {
		lines = append(lines, prefixes(i.Addrs))
	}
	if i.MAC != "" {
		lines = append(lines, []string{i.MAC})
	}
	if c := i.Counters; c != nil {
		lines = append(lines, c.facts())
	}
	return lines
}

func (c Counters) facts() []string {
	facts := []string{"rx " + units.HumanSize(float64(c.RxBytes)), "tx " + units.HumanSize(float64(c.TxBytes))}
	if n := c.RxErrors + c.TxErrors; n > 0 {
		facts = append(facts, fmt.Sprintf("%d errors", n))
	}
	if n := c.RxDropped + c.TxDropped; n > 0 {
		facts = append(facts, fmt.Sprintf("%d dropped", n))
	}
	return facts
}

func prefixes(list []netip.Prefix) (s []string) {
	for _, p := range list {
		s = append(s, p.String())
	}
	return s
}

// clean makes a name of the kernel's or of a process's safe to print: both may
// hold escape sequences of a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
