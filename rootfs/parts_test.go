package rootfs

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fillers are as many files as a part of a layer has, and some.
func fillers(name string) []entry {
	var l []entry
	for i := range partEntries + 10 {
		l = append(l, entry{name: fmt.Sprint(name, i), body: strings.Repeat("x", i)})
	}
	return l
}

// A layer that is unpacked in parts is what it would be in one: each part needs
// and changes what those before it made.
func TestUnpackInParts(t *testing.T) {
	const hour = 3600
	long := strings.Repeat("long/", 60) // a PAX header before the header
	l := []entry{
		{name: "./", typ: tar.TypeDir, mtime: 9 * hour},
		{name: "d/", typ: tar.TypeDir, mtime: 1 * hour},
		{name: "d/again/", typ: tar.TypeDir, mtime: 2 * hour},
		{name: "d/\xff\"\n/", typ: tar.TypeDir, mtime: 3 * hour},
		{name: "d/before", typ: tar.TypeDir, mtime: -hour},
		{name: "gone/", typ: tar.TypeDir, mtime: hour},
		{name: "gone/too/", typ: tar.TypeDir, mtime: hour},
		{name: "d/first", body: "first"},
		{name: ".wh.back"},
		{name: ".wh.away"},
		{name: long, typ: tar.TypeDir, mtime: 4 * hour},
	}
	l = append(l, fillers("d/a")...)
	l = append(l, entry{name: "d/again/", typ: tar.TypeDir, mtime: 5 * hour},
		entry{name: "d/hard", typ: tar.TypeLink, link: "d/first"}, entry{name: "back/", typ: tar.TypeDir, mtime: 6 * hour},
		entry{name: "gone", body: "a file now", mtime: 7 * hour}, entry{name: "d/again/x"})
	l = append(l, fillers(long+"b")...)
	l = append(l, fillers("d/\xff\"\n/c")...)
	lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(newLayer(t, l...)))
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(lower[0], name) }
	for name, want := range map[string]int64{"d": 1, "d/again": 5, "d/\xff\"\n": 3, "d/before": 0, long: 4, "back": 6, "gone": 7} {
		if fi, err := os.Lstat(in(name)); err != nil || fi.ModTime().Unix() != want*hour {
			t.Errorf("%q is of %v, %v; want the hour %d", name, fi.ModTime().UTC(), err, want)
		}
	}
	if fi, err := os.Stat(lower[0]); err != nil || fi.ModTime().Unix() == 9*hour {
		t.Errorf("the layer's own directory has the tarball's time, %v", err)
	}
	for i := range partEntries + 10 {
		for _, name := range []string{"d/a", long + "b", "d/\xff\"\n/c"} {
			if got := read(t, in(fmt.Sprint(name, i))); got != strings.Repeat("x", i) {
				t.Fatalf("%s%d has %d bytes", name, i, len(got))
			}
		}
	}
	if read(t, in("d/hard")) != "first" {
		t.Error("a hard link into an earlier part is another file")
	}
	if n, err := unix.Getxattr(in("back"), opaqueXattr, nil); err != nil || n != 1 {
		t.Errorf("a directory whose whiteout came a part before is not opaque: %v", err)
	}
	if fi, err := os.Lstat(in("away")); err != nil || !isWhiteout(fi) {
		t.Errorf("a whiteout of the first part is %v, %v", fi, err)
	}
	if got := names(t, filepath.Dir(lower[0])); len(got) != 1 {
		t.Errorf("layers holds %q, want the layer alone", got)
	}
}

// A directory's times are set at the end, when something else can have its name.
func TestTimesStayInside(t *testing.T) {
	out := t.TempDir()
	victim := filepath.Join(out, "d")
	if err := os.Mkdir(victim, 0o755); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(victim)
	if err != nil {
		t.Fatal(err)
	}
	l := append([]entry{{name: "a/d/", typ: tar.TypeDir, mtime: 1}, {name: "b/", typ: tar.TypeDir, mtime: 1}}, fillers("f")...)
	l = append(l, entry{name: "a", typ: tar.TypeSymlink, link: out}, entry{name: "b", typ: tar.TypeSymlink, link: victim})
	if _, err := Open(t.TempDir()).Unpack(t.Context(), layers(newLayer(t, l...))); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(victim); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a directory outside is of %v now, %v", after.ModTime(), err)
	}
}

// No part ends at a file whose length in the tarball nobody knows.
func TestPartsEnd(t *testing.T) {
	gnuSparse := map[string]string{"GNU.sparse.major": "1"}
	tests := map[string]struct {
		hdr  tar.Header
		want int64
	}{
		"directory":        {tar.Header{Typeflag: tar.TypeDir}, 1000},
		"empty file":       {tar.Header{Typeflag: tar.TypeReg}, 1000},
		"a byte":           {tar.Header{Typeflag: tar.TypeReg, Size: 1}, 1512},
		"a block":          {tar.Header{Typeflag: tar.TypeReg, Size: 512}, 1512},
		"more":             {tar.Header{Typeflag: tar.TypeReg, Size: 513}, 2024},
		"link with a size": {tar.Header{Typeflag: tar.TypeLink, Size: 1}, -1},
		"sparse, GNU":      {tar.Header{Typeflag: tar.TypeGNUSparse}, -1},
		"sparse, PAX":      {tar.Header{Typeflag: tar.TypeReg, Size: 1, PAXRecords: gnuSparse}, -1},
		"empty sparse":     {tar.Header{Typeflag: tar.TypeReg, PAXRecords: gnuSparse}, -1},
	}
	for name, tt := range tests {
		p := &parts{pos: 1000, end: -1, entries: partEntries - 2}
		if p.count(&tt.hdr); p.end != -1 {
			t.Errorf("%s: a part ends too early", name)
		}
		if p.count(&tt.hdr); p.end != tt.want {
			t.Errorf("%s: the part ends at %d, want %d", name, p.end, tt.want)
		}
	}
}

func TestUnpackSparseAtTheEndOfAPart(t *testing.T) {
	l := fillers("a")[:partEntries-1]
	l = append(l, entry{name: "x", body: "1\n0\n0\n" + strings.Repeat("\x00", 506), pax: map[string]string{
		"ZNU.sparse.major": "1", "ZNU.sparse.minor": "0", "ZNU.sparse.name": "sparse", "ZNU.sparse.realsize": "500",
	}})
	l = append(l, fillers(strings.Repeat("b", 120))...) // headers of three blocks
	layer := newLayer(t, l...)
	layer = layerOf(t, bytes.ReplaceAll(layer.data, []byte("ZNU.sparse."), []byte("GNU.sparse.")))
	lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(layer))
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(filepath.Join(lower[0], "sparse")); err != nil || fi.Size() != 500 {
		t.Errorf("the sparse file is %v, %v; want one of 500 bytes", fi, err)
	}
	if got := len(names(t, lower[0])); got != len(l) {
		t.Errorf("the layer has %d files, want %d", got, len(l))
	}
}
