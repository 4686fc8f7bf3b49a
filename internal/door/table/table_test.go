package table

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

var people = List{
	Columns: []string{"ID", "Name"},
	Heads:   map[string]string{"ID": "PERSON ID", "Name": "NAME", "Labels": "LABELS", "Town": "TOWN"},
	Rows: []map[string]string{
		{"ID": "1", "Name": "Ada", "Town": "London", "Labels": "org.example.first-name=A,x=1"},
		{"ID": "2", "Name": "李", "Town": "長安", "Labels": ""},
	},
}

func TestPrint(t *testing.T) {
	for format, want := range map[string]string{
		"":      "PERSON ID   NAME\n1           Ada\n2           李\n",
		"table": "PERSON ID   NAME\n1           Ada\n2           李\n",
		// A wide character takes two columns of a terminal.
		`table {{.Town}}\t{{.ID}}`:             "TOWN      PERSON ID\nLondon    1\n長安      2\n",
		"table {{.ID}}{{.Town | lower}}":       "PERSON IDTOWN\n1london\n2長安\n",
		"table {{truncate .Town 2}}":           "TOWN\nLo\n\xe9\x95\n", // Docker counts bytes
		`table {{.Label "org.ex.first-name"}}`: "first name\n\n\n",
		`{{.Label "org.example.first-name"}}`:  "A\n\n",
		`{{.ID}}\n{{.Name}}`:                   "1\nAda\n2\n李\n",
		`{{.ID}}: {{join (split .Name "d") "-"}} {{upper .Town}} {{title "ab"}} {{pad .ID 1 2}}|{{println .ID}}`: "1: A-a LONDON Ab  1  |1\n\n2: 李 長安 Ab  2  |2\n\n",
		"json":           `{"ID":"1","Labels":"org.example.first-name=A,x=1","Name":"Ada","Town":"London"}` + "\n" + `{"ID":"2","Labels":"","Name":"李","Town":"長安"}` + "\n",
		"{{json .Name}}": "\"Ada\"\n\"李\"\n",
		"text":           "text\ntext\n",
	} {
		var out bytes.Buffer
		if err := people.Print(&out, format); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%q, want\n%q", format, err, out.String(), want)
		}
	}
}

func TestPrintMistakes(t *testing.T) {
	none := List{Columns: people.Columns, Heads: people.Heads}
	for _, l := range []List{people, none} {
		for _, format := range []string{"{{.Nothing}}", "table {{.Nothing}}", "{{.ID", "{{nosuch .ID}}"} {
			var out bytes.Buffer
			if err := l.Print(&out, format); err == nil || !strings.HasPrefix(err.Error(), "template") || out.Len() > 0 {
				t.Errorf("%s: %v, %q", format, err, out.String())
			}
		}
	}
	var out bytes.Buffer
	if err := none.Print(&out, "json"); err != nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
	for _, format := range []string{"", "json"} {
		if err := people.Print(full{}, format); !errors.Is(err, errFull) {
			t.Errorf("%q: %v", format, err)
		}
	}
}

var errFull = errors.New("no space left on device")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestValue(t *testing.T) {
	v := struct {
		ID    string `json:"Id"`
		Names []string
		Sub   struct{ Large int64 }
	}{ID: "a&b", Names: []string{"x", "y"}}
	v.Sub.Large = 9007199254740993
	for format, want := range map[string]string{
		"":                       "{\n    \"Id\": \"a\\u0026b\",\n    \"Names\": [\n        \"x\",\n        \"y\"\n    ],\n    \"Sub\": {\n        \"Large\": 9007199254740993\n    }\n}\n",
		"json":                   `{"Id":"a&b","Names":["x","y"],"Sub":{"Large":9007199254740993}}` + "\n",
		"{{.ID}}":                "a&b\n",
		"{{.Id}}":                "a&b\n",
		"{{.Id}} {{.Sub.Large}}": "a&b 9007199254740993\n",
		`{{join .Names "+"}}`:    "x+y\n",
		"{{json .Names}}":        `["x","y"]` + "\n",
	} {
		var out bytes.Buffer
		if err := Value(&out, format, v); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%q, want\n%q", format, err, out.String(), want)
		}
	}
	for _, format := range []string{"{{.Nothing}}", "{{.Names.x}}", "{{"} {
		if err := Value(&bytes.Buffer{}, format, v); err == nil || !strings.HasPrefix(err.Error(), "template") {
			t.Errorf("%s: %v", format, err)
		}
	}
}
