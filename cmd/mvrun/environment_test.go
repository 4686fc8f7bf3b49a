package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentAndItsFiles(t *testing.T) {
	t.Setenv("FROM_CALLER", " here ")
	file := write(t, "\ufeff# with a byte order mark\n\n  ONE= 1 \nFROM_CALLER\nNOT_THERE\nQUOTED=\"kept\"\nTWO=a=b,c\r\n#LAST=x")
	got, err := environment([]string{"ONE=2 ", "EMPTY=", "FROM_CALLER", "NOT_THERE", "A B=c"}, []string{file})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ONE= 1 ", "FROM_CALLER= here ", `QUOTED="kept"`, "TWO=a=b,c",
		"ONE=2 ", "EMPTY=", "FROM_CALLER= here ", "NOT_THERE", "A B=c",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for content, want := range map[string]string{
		"with space=1": "contains whitespaces", "=1": "no variable name", "A=\xff": "invalid utf8 bytes",
	} {
		file := write(t, content)
		if _, err := environment(nil, []string{file}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v", content, err)
		}
	}
	for _, v := range []string{"", "=x"} {
		if _, err := environment([]string{v}, nil); err == nil || !strings.Contains(err.Error(), "invalid environment variable") {
			t.Errorf("%q: %v", v, err)
		}
	}
}

func TestLabels(t *testing.T) {
	file := write(t, "one=1\nalone\ntwo= x \n")
	got, err := labels([]string{"one= 2 ", "flag"}, []string{file})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"one": " 2 ", "alone": "", "two": " x ", "flag": ""}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := labels([]string{"=x"}, nil); err == nil {
		t.Error("a label without a key")
	}
	if _, err := labels(nil, []string{filepath.Join(t.TempDir(), "nosuch")}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
