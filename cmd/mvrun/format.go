package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"
)

// templateFuncs are Docker's functions for --format.
var templateFuncs = template.FuncMap{
	"json": func(v any) (string, error) {
		data, err := marshal(v)
		return strings.TrimSuffix(string(data), "\n"), err
	},
	"split":   strings.Split,
	"join":    strings.Join,
	"title":   title,
	"lower":   strings.ToLower,
	"upper":   strings.ToUpper,
	"println": fmt.Sprintln,
	"pad": func(s string, before, after int) string {
		if s == "" {
			return s
		}
		return strings.Repeat(" ", before) + s + strings.Repeat(" ", after)
	},
	"truncate": func(s string, n int) string {
		if r := []rune(s); len(r) > n {
			return string(r[:n])
		}
		return s
	},
}

func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// marshal is JSON without HTML escapes: names hold & and <, and nobody reads
// them in a browser.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

func parseTemplate(format string) (*template.Template, error) {
	t, err := template.New("").Funcs(templateFuncs).Parse(format)
	if err != nil {
		return nil, fmt.Errorf("--format: template parsing error: %w", err)
	}
	return t, nil
}

// A column of a list: the name of its template field and its heading.
type column struct{ Field, Head string }

// list is what commands such as ps and network ls print: rows of named fields.
type list struct {
	columns []column            // those of the default table, in order
	heads   map[string]string   // headings of further fields for "table …" formats
	rows    []map[string]string // by field name
}

// print writes the list as --format says: "" is the default table, "table …"
// a table by template, "json" a JSON object a line, anything else a template
// a line.
func (l list) print(w io.Writer, format string) error {
	if format == "json" {
		format = "{{json .}}"
	}
	rest, table := strings.CutPrefix(format, "table")
	if format == "" {
		var cells []string
		for _, c := range l.columns {
			cells = append(cells, "{{."+c.Field+"}}")
		}
		rest, table = strings.Join(cells, "\t"), true
	}
	if rest = strings.TrimSpace(rest); rest == "" && table {
		return l.print(w, "")
	}
	// As Docker does, so that '{{.ID}}\t{{.Names}}' in single quotes works.
	rest = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(rest)
	t, err := parseTemplate(rest)
	if err != nil {
		return err
	}
	t.Option("missingkey=error")
	var out bytes.Buffer
	if table {
		if err := t.Execute(&out, listHead(l.headings())); err != nil {
			return fmt.Errorf("--format: %w", err)
		}
		out.WriteByte('\n')
	}
	if len(l.rows) == 0 && !table {
		// A misspelt field is an error also where there is nothing to show.
		if err := t.Execute(io.Discard, listHead(l.headings())); err != nil {
			return fmt.Errorf("--format: %w", err)
		}
	}
	for _, row := range l.rows {
		if err := t.Execute(&out, listRow(row)); err != nil {
			return fmt.Errorf("--format: %w", err)
		}
		out.WriteByte('\n')
	}
	if !table {
		_, err = w.Write(out.Bytes())
		return err
	}
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0) // Docker's spacing
	if _, err := tw.Write(out.Bytes()); err != nil {
		return err
	}
	return tw.Flush()
}

// listRow and listHead are what a list's template sees: fields by name, and
// Docker's {{.Label "name"}}.
type (
	listRow  map[string]string
	listHead map[string]string
)

// Label is one label's value, out of the field Labels.
func (r listRow) Label(name string) string {
	for _, label := range strings.Split(r["Labels"], ",") {
		if key, value, _ := strings.Cut(label, "="); key == name {
			return value
		}
	}
	return ""
}

// Label is the heading of a label's column.
func (listHead) Label(name string) string { return strings.ToUpper(name) }

func (l list) headings() map[string]string {
	heads := map[string]string{}
	for k, v := range l.heads {
		heads[k] = v
	}
	for _, c := range l.columns {
		heads[c.Field] = c.Head
	}
	return heads
}

// printValue writes one value by template: "json" is one line of JSON, ""
// indented JSON.
func printValue(w io.Writer, format string, v any) error {
	switch format {
	case "":
		data, err := json.MarshalIndent(v, "", "    ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, string(data))
		return err
	case "json":
		format = "{{json .}}"
	}
	t, err := parseTemplate(format)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		// A field may go by its name in JSON too: {{.Id}}.
		out.Reset()
		if executeRaw(t, &out, v) != nil {
			return fmt.Errorf("--format: template: %w", err)
		}
	}
	_, err = fmt.Fprintln(w, out.String())
	return err
}

// executeRaw runs the template on the value's JSON form.
func executeRaw(t *template.Template, w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // large numbers stay as they are
	var raw any
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	return t.Option("missingkey=error").Execute(w, raw)
}
