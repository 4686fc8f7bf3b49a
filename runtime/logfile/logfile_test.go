package logfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func read(t *testing.T, path string) string {
	t.Helper()
	var b bytes.Buffer
	r := NewReader(path)
	defer r.Close()
	if err := r.All(func(rec Record) error { b.Write(rec.Data); return nil }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnyBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]byte, 3*maxData/2)
	for i := range all {
		all[i] = byte(i * 7)
	}
	want := "\x00\nno newline" + string(all)
	for _, part := range []string{"\x00\n", "no newline", string(all)} {
		if err := w.Write(Stderr, []byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != want {
		t.Errorf("read %d bytes, want %d", len(got), len(want))
	}
}

func TestTornTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, tail := range []string{"2026", "2026-11-23T10:00:00.000000000Z o 6\nhel", "garbage\n", "2026-11-23T10:00:00.000000000Z o 99999999999\n"} {
		os.Remove(path)
		whole := appendRecord(nil, Record{Time: time.Now(), Stream: Stdout, Data: []byte("first\n")})
		if err := os.WriteFile(path, append(whole, tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != "first\n" {
			t.Errorf("%q: read %q", tail, got)
		}
		w, err := Open(path, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(Stdout, []byte("second\n")); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if got := read(t, path); got != "first\nsecond\n" {
			t.Errorf("%q: read %q after reopening", tail, got)
		}
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	w, err := Open(path, 200, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i := range 40 {
		if err := w.Write(Stdout, []byte(fmt.Sprintf("line %02d\n", i))); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != 3 {
		t.Errorf("files %v, want 3", files)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Size() > 200 {
			t.Errorf("%s: %v, %v", f, info.Size(), err)
		}
	}
	lines := strings.Fields(strings.ReplaceAll(read(t, path), "line ", ""))
	for i, l := range lines {
		if want := fmt.Sprintf("%02d", 40-len(lines)+i); l != want {
			t.Fatalf("line %d is %s, want %s (of %v)", i, l, want, lines)
		}
	}
}

// A rotation that fails loses nothing, and is made up for when it can be.
func TestRotationFails(t *testing.T) {
	for name, c := range map[string]struct {
		obstacle string
		maxFile  int
	}{
		"no new file":            {"log.new", 3},
		"no new file of one":     {"log.new", 1},
		"no place for the older": {"log.1", 2},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "log")
			w, err := Open(path, 100, c.maxFile)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := os.MkdirAll(filepath.Join(dir, c.obstacle, "full"), 0o700); err != nil {
				t.Fatal(err)
			}
			var failed error
			for i := range 4 {
				failed = errors.Join(failed, w.Write(Stdout, fmt.Appendf(nil, "line %d\n", i)))
			}
			if failed == nil {
				t.Fatal("the obstacle is none")
			}
			if err := os.RemoveAll(filepath.Join(dir, c.obstacle)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != "line 0\nline 1\nline 2\nline 3\n" {
				t.Fatalf("while it could not be rotated: %q", got)
			}
			if err := w.Write(Stdout, []byte("last\n")); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); !strings.HasSuffix(got, "last\n") {
				t.Errorf("afterwards: %q", got)
			}
			if info, err := os.Stat(path); err != nil || info.Size() > 100 {
				t.Errorf("not rotated afterwards: %v, %v", info.Size(), err)
			}
		})
	}
}

// A follower sees every line once and in order, while the file is rotated
// under it.
func TestFollowThroughRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, err := Open(path, 2000, 50)
	if err != nil {
		t.Fatal(err)
	}
	const lines = 500
	var live atomic.Bool
	live.Store(true)
	wrote := make(chan struct{})
	defer func() { <-wrote }() // before its directory goes
	go func() {
		defer close(wrote)
		for i := range lines {
			if err := w.Write(Stdout, []byte(fmt.Sprintf("%d\n", i))); err != nil {
				t.Error(err)
			}
		}
		live.Store(false)
		w.Close()
		os.WriteFile(filepath.Join(filepath.Dir(path), "state.json"), nil, 0o600) // the monitor's exit record
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := NewReader(path)
	defer r.Close()
	next := 0
	err = r.Follow(ctx, live.Load, func(rec Record) error {
		if want := fmt.Sprintf("%d\n", next); string(rec.Data) != want {
			return fmt.Errorf("got %q, want %q", rec.Data, want)
		}
		next++
		return nil
	})
	if err != nil || next != lines {
		t.Fatalf("followed %d of %d lines: %v", next, lines, err)
	}
}

func FuzzReadRecord(f *testing.F) {
	f.Add([]byte("2026-11-23T10:00:00.000000000Z o 6\nhello\n"))
	f.Add([]byte("2026-11-23T10:00:00.000000000Z e 0\n"))
	f.Add([]byte("x y -1\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReader(bytes.NewReader(in))
		var size int64
		for {
			rec, n, err := readRecord(r)
			if err == io.EOF && size != int64(len(in)) {
				t.Fatalf("end at %d of %d", size, len(in))
			}
			if err != nil {
				return
			}
			again := appendRecord(nil, rec)
			back, m, err := readRecord(bufio.NewReader(bytes.NewReader(again)))
			if err != nil || m != int64(len(again)) || !back.Time.Equal(rec.Time) || !bytes.Equal(back.Data, rec.Data) {
				t.Fatalf("%q does not come back: %v", again, err)
			}
			size += n
		}
	})
}
