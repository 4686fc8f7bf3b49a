package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// noise is n reproducible bytes of every value.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{'m', 'v'}).Read(b)
	return b
}

func sameBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes (%x) came back of %d (%x)", what, len(got), sha256.Sum256(got), len(want), sha256.Sum256(want))
	}
}

func TestPipesAreBinaryClean(t *testing.T) {
	h := host(t)
	data := noise(lab.Few(64) << 20)
	r := h.MvrunIn(bytes.NewReader(data), "run", "--rm", "-i", "--network", "none", "busybox", "cat")
	if r.Code != 0 || r.Stderr != "" {
		t.Errorf("exit code %d, %s", r.Code, r.Stderr)
	}
	sameBytes(t, "run -i", []byte(r.Stdout), data)

	h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	r = h.MvrunIn(bytes.NewReader(data), "exec", "-i", "c1", "cat")
	if r.Code != 0 || r.Stderr != "" {
		t.Errorf("exit code %d, %s", r.Code, r.Stderr)
	}
	sameBytes(t, "exec -i", []byte(r.Stdout), data)
}

// Both streams at once, each to its own place, to the last byte: the exit must
// not overtake the output.
func TestStreamsAreSeparateAndWhole(t *testing.T) {
	h := host(t)
	lines := 200_000
	if testing.Short() {
		lines = 5_000
	}
	script := fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo "out $i"; i=$((i+1)); done & j=0; while [ $j -lt %d ]; do echo "err $j" >&2; j=$((j+1)); done; wait`, lines, lines)
	h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	for name, args := range map[string][]string{
		"run":  {"run", "--rm", "--network", "none", "busybox", "sh", "-c", script},
		"exec": {"exec", "c1", "sh", "-c", script},
	} {
		r := h.Mvrun(args...)
		for stream, text := range map[string]string{"out": r.Stdout, "err": r.Stderr} {
			got := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			if len(got) != lines || got[0] != stream+" 0" || got[lines-1] != fmt.Sprintf("%s %d", stream, lines-1) {
				t.Errorf("%s: std%s has %d lines, first %q, last %q", name, stream, len(got), got[0], got[len(got)-1])
			}
		}
	}
}

// Without -i the container's standard input is empty, as Docker has it: it
// does not eat its caller's.
func TestNoInputWithoutI(t *testing.T) {
	h := host(t)
	for _, args := range [][]string{
		{"run", "--rm", "--network", "none", "busybox", "cat"},
		{"run", "--rm", "--network", "none", "busybox", "wc", "-c"},
	} {
		r := h.MvrunIn(strings.NewReader("not for you"), args...)
		if r.Code != 0 || strings.Contains(r.Stdout, "not for you") || strings.Contains(r.Stdout, "11") {
			t.Errorf("%v", r)
		}
	}
}

// The end of the input reaches the container although the terminal side stays,
// and a reader that goes away does not hang the command.
func TestHalfClosedPipes(t *testing.T) {
	h := host(t)
	if r := h.Exec(nil, "sh", "-c", "yes | "+lab.Program()+" run --rm -i --network none busybox head -c 1000000 | wc -c"); strings.TrimSpace(r.Stdout) != "1000000" {
		t.Errorf("%v", r)
	}
	if r := h.Exec(nil, "sh", "-c", lab.Program()+" run --rm --network none busybox yes | head -n 1"); strings.TrimSpace(r.Stdout) != "y" {
		t.Errorf("%v", r)
	}
}

// An interactive conversation: each line is answered before the next is sent.
func TestInteractivePipe(t *testing.T) {
	h := host(t)
	ctx, cancel := context.WithTimeout(context.Background(), lab.Within(time.Minute))
	defer cancel()
	cmd := h.Command(ctx, lab.Program(), "run", "--rm", "-i", "--network", "none", "busybox", "sh")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	outReader, outWriter := io.Pipe()
	cmd.Stdout = outWriter
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	answers := newLineReader(outReader)
	for i := range 5 {
		fmt.Fprintf(in, "echo answer $((%d * 7))\n", i)
		if got, want := answers.next(t), fmt.Sprintf("answer %d", i*7); got != want {
			t.Fatalf("got %q, %q is wanted", got, want)
		}
	}
	fmt.Fprintln(in, "exit 5")
	cmd.Wait()
	if code := lab.ExitCode(cmd); code != 5 {
		t.Errorf("exit code %d", code)
	}
}
