package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// problem is something wrong with the value of a key.
type problem struct {
	key  []string
	text string
}

func wrong(text string, key ...string) *problem { return &problem{key, text} }

// bare is a key that TOML needs no quotes for.
var bare = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// dotted is a key as it is written in the file.
func dotted(key []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		if parts[i] = k; !bare.MatchString(k) {
			parts[i] = strconv.Quote(k)
		}
	}
	return strings.Join(parts, ".")
}

// at puts the place before what is wrong.
func (p *problem) at(data []byte) error {
	line, column := position(data, p.key)
	return fmt.Errorf("%d:%d: %s: %s", line, column, dotted(p.key), p.text)
}

// position finds a key, or the table nearest to it, in a text that has been
// decoded without an error. The decoder knows the places of values while it
// reads them; what is wrong between two values is seen only afterwards.
func position(data []byte, key []string) (line, column int) {
	line, column = 1, 1
	var parser unstable.Parser
	parser.Reset(data)
	var table []string
	best := -1
	for parser.NextExpression() {
		node := parser.Expression()
		if node.Kind != unstable.Table && node.Kind != unstable.KeyValue {
			continue
		}
		var path []string
		var first unstable.Range
		for it := node.Key(); it.Next(); {
			if len(path) == 0 {
				first = it.Node().Raw
			}
			path = append(path, string(it.Node().Data))
		}
		if node.Kind == unstable.Table {
			table = path
		} else {
			path = append(slices.Clone(table), path...)
		}
		if n := len(path); n > best && n <= len(key) && slices.Equal(path, key[:n]) {
			start := parser.Shape(first).Start
			best, line, column = n, start.Line, start.Column
		}
	}
	return line, column
}
