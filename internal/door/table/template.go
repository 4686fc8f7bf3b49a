package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"text/template"

	"github.com/docker/cli/templates"
)

// parse reads a template of --format with Docker's functions.
func parse(format string) (*template.Template, error) {
	t, err := templates.Parse(format)
	if err != nil {
		return nil, fmt.Errorf("template parsing error: %w", err)
	}
	return t, nil
}

// Value writes one value as --format says: "json" is one line of JSON, "" indented
// JSON, anything else a template.
func Value(w io.Writer, format string, v any) error {
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
	t, err := parse(format)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		// A field may go by its name in JSON too: {{.Id}}.
		out.Reset()
		if executeRaw(t, &out, v) != nil {
			return fmt.Errorf("template parsing error: %w", err)
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
