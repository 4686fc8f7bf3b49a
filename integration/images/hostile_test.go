package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/integration/lab"
)

// blob is a layer with these bytes in the registry, and this diff-id in the
// configuration, whether or not one is the other's.
type blob struct {
	v1.Layer
	diffID v1.Hash
}

func (b blob) DiffID() (v1.Hash, error) { return b.diffID, nil }

func newBlob(data []byte, plain hash) blob {
	return blob{static.NewLayer(data, types.OCILayer), v1.Hash{Algorithm: "sha256", Hex: string(plain)}}
}

// hash is a SHA-256 in hexadecimal digits.
type hash string

func hashOf(data []byte) hash {
	sum := sha256.Sum256(data)
	return hash(hex.EncodeToString(sum[:]))
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}

// zeros is a layer with one file of that many zeros, in a thousandth of the size.
func zeros(t *testing.T, size int64) blob {
	t.Helper()
	var b bytes.Buffer
	z, sum := gzip.NewWriter(&b), sha256.New()
	w := tar.NewWriter(io.MultiWriter(z, sum))
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "zeros", Mode: 0o644, Size: size})
	if err == nil {
		_, err = io.CopyN(w, endless{}, size)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return newBlob(b.Bytes(), hash(hex.EncodeToString(sum.Sum(nil))))
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func tarOf(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, hdr := range entries {
		if hdr.Mode == 0 {
			hdr.Mode = 0o755
		}
		if err := w.WriteHeader(&hdr); err != nil {
			t.Fatal(err)
		}
		_, _ = io.CopyN(w, endless{}, hdr.Size)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func imageOf(t *testing.T, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config.Cmd = "linux", runtime.GOARCH, []string{"/true"}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// untouched says that a refused image left neither name nor layer.
func untouched(t *testing.T, h *lab.Host) {
	t.Helper()
	if got := h.OK("images", "-aq"); got != "" {
		t.Errorf("images are left: %s", got)
	}
	if got := h.Sh("ls -A " + h.Root + "/layers 2>/dev/null || true"); got != "" {
		t.Errorf("layers are left: %s", got)
	}
	if got := h.OK("ps", "-aq"); got != "" {
		t.Errorf("containers are left: %s", got)
	}
}

// Images that a registry gives and that nobody should have made: one line that
// says what is wrong, from pull and from run alike, and nothing left.
func TestBadImages(t *testing.T) {
	h := host(t)
	reg := startFake(t, h.Netns, local)
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 10_000} }
	good := tarOf(t, file("a"))
	packed := gzipped(good)
	below := tarOf(t, file("below")) // another one, so that each image reads the layer under test
	entry := func(hdr tar.Header) blob { data := tarOf(t, hdr); return newBlob(gzipped(data), hashOf(data)) }
	tests := []struct {
		name  string
		layer blob
		limit string
		says  string
	}{
		{"truncated gzip", newBlob(packed[:len(packed)-9], hashOf(good)), "", `unexpected EOF`},
		{"gzip header alone", newBlob(packed[:10], hashOf(good)), "", `unexpected EOF`},
		{"damaged gzip", newBlob(append(packed[:len(packed)-8:len(packed)-8], make([]byte, 8)...), hashOf(good)), "", `gzip: invalid checksum`},
		{"wrong diff-id", newBlob(packed, hashOf(nil)), "", `does not match the image's diff-id`},
		{"truncated tar", newBlob(gzipped(good[:5000]), hashOf(good[:5000])), "", `unexpected EOF`},
		{"no tar", newBlob(gzipped(bytes.Repeat([]byte("no tar "), 500)), hashOf(nil)), "", `invalid tar header`},
		{"xz", newBlob([]byte("\xfd7zXZ\x00 and so on"), hashOf(nil)), "", `a layer is gzip, zstd or plain tar`},
		{"bzip2", newBlob([]byte("BZh9 and so on"), hashOf(nil)), "", `a layer is gzip, zstd or plain tar`},
		{"lz4", newBlob(append([]byte("\x04\x22\x4d\x18"), make([]byte, 600)...), hashOf(nil)), "", `invalid tar header`},
		{"zstd that asks for 2 GB", newBlob([]byte("\x28\xb5\x2f\xfd\x00\xa8\x00\x00\x00"), hashOf(nil)), "", `window size exceeded`},
		{"gzip bomb", zeros(t, 200<<20), "50m", `bigger than the limit allows: --max-unpacked-size`},
		{"bomb behind a link", entry(tar.Header{Typeflag: tar.TypeLink, Name: "x", Linkname: "../../../../etc/passwd"}), "", `no such file`},
		{"whiteout of the root", entry(file(".wh..")), "", `whiteout`},
		{"whiteout of its parent", entry(file("d/.wh...")), "", `whiteout`},
		{"unknown type", entry(tar.Header{Typeflag: 'Z', Name: "x"}), "", `type`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			repo := strings.ReplaceAll(strings.ToLower(tt.name), " ", "-")
			reg.push(t, repo, imageOf(t, newBlob(gzipped(below), hashOf(below)), tt.layer))
			var limit []string
			if tt.limit != "" {
				limit = []string{"--max-unpacked-size", tt.limit}
			}
			h.Refused(1, tt.says, append(append([]string{"pull", "-q"}, limit...), local+"/"+repo)...)
			h.OK("image", "prune", "-af") // the good layer may stay for another try
			untouched(t, h)
			h.Refused(125, tt.says, append(append([]string{"run", "--rm", "--network", "none", "-q"}, limit...), local+"/"+repo)...)
			h.OK("image", "prune", "-af")
			untouched(t, h)
		})
	}
	h.Refused(1, `--max-unpacked-size banana: use a size`, "pull", "--max-unpacked-size", "banana", local+"/xz")
	for _, name := range []string{"with blank", "Upper", "a:b:c", "x@sha256:12", "-x/y", "x:" + strings.Repeat("a", 129), ""} {
		h.Refused(1, `invalid reference format|needs|argument`, "pull", "--", name)
	}
}

// Layers without an entry, and without a byte, are layers.
func TestEmptyLayers(t *testing.T) {
	h := host(t)
	reg := startFake(t, h.Netns, local)
	nothing := tarOf(t)
	reg.push(t, "empty", imageOf(t, newBlob(gzipped(nothing), hashOf(nothing)), newBlob(nil, hashOf(nil)), newBlob(gzipped(nil), hashOf(nil))))
	h.OK("pull", local+"/empty")
	h.Refused(127, `/true`, "run", "--rm", "--network", "none", local+"/empty")
}

// What an image can bring that is nobody's to use: the host's disks and memory by
// device nodes, files of the host by links.
func TestImageOfTricks(t *testing.T) {
	h := host(t)
	reg := startFake(t, h.Netns, local)
	secret := h.Sh("f=$(mktemp) && echo secret >$f && echo $f")
	defer h.Sh("rm " + secret)
	tricks := tarOf(t,
		tar.Header{Typeflag: tar.TypeBlock, Name: "disk", Mode: 0o666, Devmajor: 254, Devminor: 0},
		tar.Header{Typeflag: tar.TypeChar, Name: "mem", Mode: 0o666, Devmajor: 1, Devminor: 1},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "link", Linkname: secret},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "climb", Linkname: "../../../../../../../.." + secret},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "proc1", Linkname: "/proc/1/root" + secret},
	)
	reg.push(t, "tricks", imageOf(t, busybox(h), newBlob(gzipped(tricks), hashOf(tricks))))
	h.OK("pull", "-q", local+"/tricks")
	for _, path := range []string{"/disk", "/mem", "/link", "/climb", "/proc1"} {
		got := h.Mvrun("run", "--rm", "--network", "none", local+"/tricks", "head", "-c", "1", path)
		if got.Code == 0 || strings.Contains(got.Stdout, "s") {
			t.Errorf("%s could be read: %v", path, got)
		}
	}
}

// busybox is the built-in image's root file system as a layer.
func busybox(h *lab.Host) blob {
	h.OK("create", "--name", "base", "--network", "none", "busybox")
	base := []byte(h.Mvrun("export", "base").Stdout)
	h.OK("rm", "base")
	return newBlob(gzipped(base), hashOf(base))
}

// 127 layers, as many as Docker allows, from a registry to a container.
func Test127Layers(t *testing.T) {
	h := host(t)
	reg := startFake(t, h.Netns, local)
	layers := []v1.Layer{busybox(h)}
	for i := range 126 {
		data := tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint("layers/f", i), Size: 1})
		layers = append(layers, newBlob(gzipped(data), hashOf(data)))
	}
	reg.push(t, "deep", imageOf(t, layers...))
	h.OK("pull", "-q", local+"/deep")
	if got := in(h, local+"/deep", "sh", "-c", "ls /layers | wc -l"); got != "126" {
		t.Errorf("%s of 126 layers show", got)
	}
}
