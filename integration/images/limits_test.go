package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/zstd"
	"github.com/mvrun/mvrun/integration/lab"
)

// million is a tarball of that many empty files: half a gigabyte of headers.
func million(w io.Writer) error {
	tw := tar.NewWriter(w)
	for i := range 1_000_000 {
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("%03d/%06d", i%1000, i), Mode: 0o644}); err != nil {
			return err
		}
	}
	return tw.Close()
}

// packedMillion is the same as a layer of a few megabytes.
func packedMillion(t *testing.T) blob {
	t.Helper()
	var b bytes.Buffer
	sum := sha256.New()
	z, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err == nil {
		err = million(io.MultiWriter(z, sum))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return newBlob(b.Bytes(), hash(hex.EncodeToString(sum.Sum(nil))))
}

// refusedWhole is a command that must fail with that line, and leave nothing.
func refusedWhole(t *testing.T, h *lab.Host, says string, stdin io.Reader, args ...string) {
	t.Helper()
	r := h.MvrunIn(stdin, args...)
	h.CheckRefused(r, 1, says)
	h.OK("image", "prune", "-f") // a pull keeps what it fetched
	untouched(t, h)
	if left := h.Sh("find " + h.Root + "/images/blobs " + h.Root + "/images/ingest -type f 2>/dev/null || true"); left != "" {
		t.Errorf("%v left\n%s", args, left)
	}
}

// Millions of tiny files: their bytes are few, and are within the limit; a disk
// would take four gigabytes for them, and a fifteenth of an ext4's inodes.
func TestMillionFiles(t *testing.T) {
	h := host(t)
	const says = `bigger than the limit allows: --max-unpacked-size`
	layer := packedMillion(t)
	reg := startFake(t, h.Netns, local)
	reg.push(t, "million", imageOf(t, layer))
	refusedWhole(t, h, says, nil, "pull", "-q", "--max-unpacked-size", "64m", local+"/million")

	ref, err := name.ParseReference("million:1")
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "million.tar")
	if err := tarball.WriteToFile(archive, ref, imageOf(t, layer)); err != nil {
		t.Fatal(err)
	}
	refusedWhole(t, h, says, nil, "load", "--max-unpacked-size", "64m", "-i", archive)

	// Within the limit by its bytes: only who counts the files sees it.
	r, w := io.Pipe()
	go func() { w.CloseWithError(million(w)) }()
	refusedWhole(t, h, says, r, "import", "--max-unpacked-size", "1g", "-", "million:1")
	r.Close()
}

// A file of a terabyte in a tarball of GNU tar's, that holds ten kilobytes.
func TestHugeSparseFile(t *testing.T) {
	for _, format := range []string{"gnu", "posix"} {
		t.Run(format, func(t *testing.T) {
			h := host(t)
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "huge"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(dir, "huge"), 1<<40); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "huge.tar")
			output(t, program(t, "tar", "tar"), "--format="+format, "-C", dir, "-cSf", file, "huge")
			data, err := os.ReadFile(file)
			if err != nil || len(data) > 64<<10 {
				t.Fatalf("tarball of %d bytes, %v", len(data), err)
			}
			refusedWhole(t, h, `bigger than the limit allows: --max-unpacked-size`, nil, "import", "--max-unpacked-size", "20g", file)
			h.MountRoot("size=32m")
			refusedWhole(t, h, `"huge" has 1099511627776 bytes, the disk \d+ free: no space left`, nil, "import", file)
			// GNU's own kind of sparse file is none that an image archive has.
			refusedWhole(t, h, `"huge" has 1099511627776 bytes, the disk \d+ free: no space left|no image archive`, nil, "load", "-i", file)
		})
	}
}

// A tarball that ends too soon, wherever, packed or not, is no image.
func TestImportOfACutTarball(t *testing.T) {
	h := host(t)
	plain := tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 100_000}, tar.Header{Typeflag: tar.TypeReg, Name: "b", Size: 100_000})
	for kind, data := range map[string][]byte{"plain": plain, "gzip": gzipped(plain)} {
		for _, percent := range []int{0, 1, 30, 49, 60, 98} {
			t.Run(fmt.Sprint(kind, " at ", percent), func(t *testing.T) {
				refusedWhole(t, h, `import image: .*(unexpected EOF|no entry)`, bytes.NewReader(data[:len(data)*percent/100]), "import", "-", "cut:1")
			})
		}
	}
}

// A set-user-ID program of an image is nobody's way to root on the host: nobody
// but root gets to it there.
func TestSetuidStaysInside(t *testing.T) {
	h := host(t)
	h.OK("run", "--name", "maker", "--network", "none", "busybox", "sh", "-c", "cp /bin/busybox /bin/elevate && chmod 4755 /bin/elevate")
	h.OK("commit", "maker", "setuid:1")
	h.OK("run", "--rm", "--network", "none", "setuid:1", "test", "-u", "/bin/elevate")
	for _, where := range []string{"layers", "containers"} {
		found := h.Sh("find " + h.Root + "/" + where + " -perm -4000 -type f | head -n 1")
		if found == "" {
			t.Fatalf("no setuid file is in %s: this proves nothing", where)
		}
		cmd := h.Command(t.Context(), found, "true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if err := h.Start(cmd); err == nil {
			_ = cmd.Wait()
			t.Errorf("nobody may run %s on the host", found)
		}
	}
	h.OK("rm", "maker")
}
