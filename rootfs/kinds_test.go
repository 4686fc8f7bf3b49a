package rootfs

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// header is a tar header's block, of a kind that archive/tar does not write.
func header(name string, typ byte, size int) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000644\x00")
	copy(b[108:], "0000000\x00")
	copy(b[116:], "0000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00", size))
	copy(b[136:], "00000000000\x00")
	b[156] = typ
	copy(b[257:], "ustar  \x00")
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

func padded(s string) []byte {
	return append([]byte(s), make([]byte, (512-len(s)%512)%512)...)
}

// gnuSparse is a file of GNU tar -S in its old format: "head", a hole, "tail".
func gnuSparse(name string) []byte {
	h := header(name, 'S', 8)
	copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00", 0, 4))
	copy(h[410:], fmt.Sprintf("%011o\x00%011o\x00", 4096, 4))
	copy(h[483:], fmt.Sprintf("%011o\x00", 4100))
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(h, padded("headtail")...)
}

// kinds are the entries that tarballs have, each by its bytes.
func kinds(t testing.TB) map[string]func(i int) []byte {
	plain := func(e entry) []byte {
		data := newLayer(t, e).data
		return data[:len(data)-1024] // without the end mark
	}
	name := func(kind string, i int) string { return fmt.Sprintf("%s%d", kind, i) }
	return map[string]func(i int) []byte{
		"file":     func(i int) []byte { return plain(entry{name: name("file", i), body: strings.Repeat("x", i*37)}) },
		"empty":    func(i int) []byte { return plain(entry{name: name("empty", i)}) },
		"long":     func(i int) []byte { return plain(entry{name: strings.Repeat("long", 40) + name("/", i), body: "x"}) },
		"dir":      func(i int) []byte { return plain(entry{name: name("dir", i) + "/", typ: tar.TypeDir}) },
		"symlink":  func(i int) []byte { return plain(entry{name: name("sym", i), typ: tar.TypeSymlink, link: "file1"}) },
		"fifo":     func(i int) []byte { return plain(entry{name: name("fifo", i), typ: tar.TypeFifo}) },
		"device":   func(i int) []byte { return plain(entry{name: name("dev", i), typ: tar.TypeChar, major: 1, minor: 3}) },
		"whiteout": func(i int) []byte { return plain(entry{name: ".wh." + name("gone", i)}) },
		"global": func(i int) []byte {
			record := "22 comment=" + strings.Repeat("c", 10) + "\n"
			return append(header("pax_global_header", 'g', len(record)), padded(record)...)
		},
		"sparse":     func(i int) []byte { return gnuSparse(name("sparse", i)) },
		"contiguous": func(i int) []byte { return append(header(name("cont", i), '7', 4), padded("cont")...) },
		"label":      func(i int) []byte { return header("the label", 'V', 0) },
		"dumpdir":    func(i int) []byte { return append(header(name("dump", i)+"/", 'D', 8), padded("Yfile\x00\x00")...) },
	}
}

// tree is what was unpacked: each name with its kind, size and content.
func tree(t *testing.T, dir string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		line := fmt.Sprint(path[len(dir):], " ", fi.Mode(), " ", fi.Sys().(*syscall.Stat_t).Rdev)
		if fi.Mode().IsRegular() {
			line += " " + read(t, path)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// Any kind of entry at any place gives the same tree in parts as in one piece.
func TestPartsOfAnyKinds(t *testing.T) {
	kinds := kinds(t)
	var all []string
	for k := range kinds {
		all = append(all, k)
	}
	slices.Sort(all)
	before := partEntries
	t.Cleanup(func() { partEntries = before })
	unpacked := func(data []byte, entries int) []string {
		partEntries = entries
		lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(layerOf(t, data)))
		if err != nil {
			t.Fatalf("in parts of %d entries: %v", entries, err)
		}
		return tree(t, lower[0])
	}
	for round := range 30 {
		rnd := rand.New(rand.NewPCG(uint64(round), 7))
		var b bytes.Buffer
		var trace []string
		for i := range 20 {
			k := all[rnd.IntN(len(all))]
			if i == 0 {
				k = all[round%len(all)] // each of them at a seam for certain
			}
			trace = append(trace, k)
			b.Write(kinds[k](i))
		}
		b.Write(make([]byte, 1024))
		want := unpacked(b.Bytes(), 1000)
		for _, entries := range []int{1, 3} {
			if got := unpacked(b.Bytes(), entries); !slices.Equal(got, want) {
				t.Errorf("%q in parts of %d entries:\n%q\nin one piece:\n%q", trace, entries, got, want)
			}
		}
	}
}

// GNU tar's own kinds are files like any.
func TestKindsOfGNUTar(t *testing.T) {
	kinds := kinds(t)
	data := slices.Concat(kinds["label"](0), kinds["dumpdir"](0), kinds["sparse"](0), kinds["contiguous"](0), kinds["file"](1), make([]byte, 1024))
	lower, err := Open(t.TempDir()).Unpack(t.Context(), layers(layerOf(t, data)))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, lower[0]); len(got) != 4 {
		t.Errorf("unpacked %q, want a directory and three files", got)
	}
	if got, want := read(t, filepath.Join(lower[0], "sparse0")), "head"+strings.Repeat("\x00", 4092)+"tail"; got != want {
		t.Errorf("the sparse file has %d bytes, want %d", len(got), len(want))
	}
	if got := read(t, filepath.Join(lower[0], "cont0")); got != "cont" {
		t.Errorf("the contiguous file has %q", got)
	}
}

// A whiteout in a directory that is opaque hides nothing, and would be a name that
// can be listed and not looked at.
func TestNoWhiteoutsInOpaqueDirectories(t *testing.T) {
	for name, order := range map[string][]string{
		"opaque first": {"a/.wh..wh..opq", "a/.wh.old"}, "whiteout first": {"a/.wh.old", "a/.wh..wh..opq"},
	} {
		t.Run(name, func(t *testing.T) {
			below := newLayer(t, entry{name: "a/", typ: tar.TypeDir}, entry{name: "a/old", body: "old"})
			above := newLayer(t, entry{name: "a/", typ: tar.TypeDir}, entry{name: order[0]}, entry{name: order[1]}, entry{name: "a/new", body: "new"})
			overlay(t, Open(t.TempDir()), func(root string) {
				if got := names(t, filepath.Join(root, "a")); !slices.Equal(got, []string{"new"}) {
					t.Errorf("a has %q, want new alone", got)
				}
			}, below, above)
		})
	}
}
