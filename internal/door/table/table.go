// Package table prints what commands such as ps list, as a table or by the template
// of --format, and single values by template or as JSON.
//
// Docker's formatter does the same for the types of its API, and with it comes the
// client of that API; its templates and its table writer are used here.
package table

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/docker/cli/templates"
)

// List is rows of named fields.
type List struct {
	Columns []string            // the fields of the default table, in order
	Heads   map[string]string   // the headings of all fields that a template may name
	Rows    []map[string]string // by field
}

// Print writes the list as --format says: "" or "table" is the default table,
// "table …" a table by template, "json" a JSON object a line, anything else a
// template a line.
func (l List) Print(w io.Writer, format string) error {
	text, asTable := l.template(format)
	t, err := parse(text)
	if err != nil {
		return err
	}
	t.Option("missingkey=error")
	// A misspelt field is an error also where there is nothing to show.
	head, err := l.head(t)
	if err != nil && (asTable || len(l.Rows) == 0) {
		return fmt.Errorf("template parsing error: %w", err)
	}
	var out bytes.Buffer
	if asTable {
		out.WriteString(head + "\n")
	}
	for _, r := range l.Rows {
		if err := t.Execute(&out, row(r)); err != nil {
			return fmt.Errorf("template parsing error: %w", err)
		}
		out.WriteByte('\n')
	}
	if !asTable {
		_, err = w.Write(out.Bytes())
		return err
	}
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0) // Docker's spacing
	if _, err := tw.Write(out.Bytes()); err != nil {
		return err
	}
	return tw.Flush()
}

// template is the one that a format means, and whether it is a table's.
func (l List) template(format string) (text string, asTable bool) {
	if format == "json" {
		return "{{json .}}", false
	}
	text, asTable = strings.CutPrefix(format, "table")
	text = strings.Trim(text, " ")
	if asTable && text == "" || format == "" {
		var cells []string
		for _, c := range l.Columns {
			cells = append(cells, "{{."+c+"}}")
		}
		return strings.Join(cells, "\t"), true
	}
	// As Docker does, so that '{{.ID}}\t{{.Names}}' in single quotes works.
	return strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text), asTable
}

// head is the line of headings: the template with the headings for fields, and with
// functions that leave those alone.
func (l List) head(t *template.Template) (string, error) {
	own, err := t.Clone() // the rows keep the functions
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if own.Funcs(templates.HeaderFunctions).Execute(&out, head(l.Heads)) == nil {
		return out.String(), nil
	}
	out.Reset() // {{json .}} is for a whole row
	err = t.Execute(&out, head(l.Heads))
	return out.String(), err
}

// row and head are what a list's template sees: fields by name, and Docker's
// {{.Label "name"}}.
type (
	row  map[string]string
	head map[string]string
)

// Label is one label's value, out of the field Labels.
func (r row) Label(name string) string {
	for _, label := range strings.Split(r["Labels"], ",") {
		if key, value, _ := strings.Cut(label, "="); key == name {
			return value
		}
	}
	return ""
}

// Label is the heading of a label's column: as Docker makes it, the last part of its
// name.
func (head) Label(name string) string {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return strings.NewReplacer("-", " ", "_", " ").Replace(last)
}
