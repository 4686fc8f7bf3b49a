package images

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// compressed is what a program of Debian's makes of data.
func compressed(t *testing.T, data []byte, debianPackage, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program(t, name, debianPackage), args...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return out
}

// A root file system and an image's archive come in each compression that they
// are handed out in; the image made of them is one that any registry takes.
func TestCompressedTarballs(t *testing.T) {
	h := host(t)
	reg := startFake(t, h.Netns, local)
	h.OK("create", "--name", "box", "--network", "none", "busybox")
	exported := filepath.Join(t.TempDir(), "box.tar")
	h.OK("export", "-o", exported, "box")
	h.OK("rm", "box")
	tree, err := os.ReadFile(exported)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(saved(t, h))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ debianPackage, name, layer string }{
		{"gzip", "gzip", "gzip"},
		{"zstd", "zstd", "zstd"},
		{"bzip2", "bzip2", "gzip"},
		{"xz-utils", "xz", "gzip"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := h.MvrunIn(bytes.NewReader(compressed(t, tree, tt.debianPackage, tt.name, "-c")), "import", "-c", `CMD ["sh"]`, "-", local+"/tree:"+tt.name)
			if r.Code != 0 {
				t.Fatal(r)
			}
			if got := in(h, local+"/tree:"+tt.name, "sh", "-c", "echo from $0", tt.name); got != "from "+tt.name {
				t.Errorf("the image says %q", got)
			}
			h.OK("push", "-q", local+"/tree:"+tt.name)
			if got := reg.layerTypes(t, "tree:"+tt.name); len(got) != 1 || got[0] != "application/vnd.oci.image.layer.v1.tar+"+tt.layer {
				t.Errorf("layers of type %q", got)
			}
			h.OK("rmi", local+"/tree:"+tt.name)

			forget(h)
			if r := h.MvrunIn(bytes.NewReader(compressed(t, archive, tt.debianPackage, tt.name, "-c")), "load"); r.Code != 0 {
				t.Fatal(r)
			}
			isTwo(t, h, "two:1")
		})
	}
}

// Damage of an xz tarball, and one that would have a gigabyte of memory.
func TestBadXZ(t *testing.T) {
	h := host(t)
	good := compressed(t, tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 100_000}), "xz-utils", "xz", "-c")
	damaged := bytes.Clone(good)
	damaged[len(damaged)/2] ^= 0xff
	// The block's header, after the stream's of 12 bytes: its size, two bytes of
	// LZMA2's id and length, the dictionary's size, and a checksum (.xz file
	// format, 3.1 and 5.3.1).
	greedy := bytes.Clone(good)
	header := greedy[12 : 12+(int(greedy[12])+1)*4]
	at := bytes.Index(header, []byte{0x21, 0x01}) + 2
	header[at] = 36 // 1 GiB
	binary.LittleEndian.PutUint32(header[len(header)-4:], crc32.ChecksumIEEE(header[:len(header)-4]))
	for name, tt := range map[string]struct {
		data []byte
		says string
	}{
		"cut":     {good[:len(good)/2], `truncated|unexpected EOF`},
		"damaged": {damaged, `corrupt`},
		"greedy":  {greedy, `dictionary size exceeds max`},
	} {
		t.Run(name, func(t *testing.T) {
			refusedWhole(t, h, `import image: .*(`+tt.says+`)`, bytes.NewReader(tt.data), "import", "-", "bad:1")
			refusedWhole(t, h, tt.says, bytes.NewReader(tt.data), "load")
		})
	}
}
