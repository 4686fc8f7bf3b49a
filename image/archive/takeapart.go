package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/compression"
	"github.com/mvrun/mvrun/image/store"
	"github.com/mvrun/mvrun/internal/tarlimit"
)

// archive is a tarball taken apart: each of its files lies in the ingest
// directory, hashed on the way, and becomes a blob by a rename. So a tarball is
// read once, from a pipe too, and memory does not grow with it.
type archive struct {
	dir   string // inside the ingest directory
	max   int64  // of a file, in bytes; 0 is no limit
	files map[string]*member
	links map[string]string
}

type member struct {
	path   string
	digest v1.Hash
	size   int64
}

// maxMembers bounds what a hostile archive can make files of: an image of 127
// layers has some 400.
const maxMembers = 20_000

// takeApart reads the tarball, compressed or not, to its end. close removes what
// has not become a blob.
func takeApart(ctx context.Context, s *store.Store, r io.Reader, max int64) (*archive, error) {
	plain, err := compression.Decompress(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	dir, err := os.MkdirTemp(s.Blobs.IngestDir(), ".load-*")
	if err != nil {
		return nil, err
	}
	a := &archive{dir, max, map[string]*member{}, map[string]string{}}
	if err := a.takeAll(ctx, plain); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *archive) takeAll(ctx context.Context, plain io.Reader) error {
	for tr := tar.NewReader(plain); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		hdr, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil && len(a.files) == 0 {
			return fmt.Errorf("this is no image archive: %w", err)
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if err := a.take(hdr, tr); err != nil {
			return fmt.Errorf("read %q of the archive: %w", hdr.Name, err)
		}
	}
	// What follows the end mark may be checked by the compression.
	_, err := io.Copy(io.Discard, plain)
	return err
}

func (a *archive) take(hdr *tar.Header, r io.Reader) error {
	name := path.Join("/", hdr.Name)
	if len(a.files)+len(a.links) >= maxMembers {
		return errors.New("the archive has too many files to hold images")
	}
	switch hdr.Typeflag {
	case tar.TypeSymlink: // old docker save links layers that are there twice
		a.links[name] = path.Join(path.Dir(name), hdr.Linkname)
		return nil
	case tar.TypeLink:
		a.links[name] = path.Join("/", hdr.Linkname)
		return nil
	case tar.TypeReg:
	default:
		return nil
	}
	if a.max > 0 && hdr.Size > a.max {
		return image.ErrTooBig
	}
	if err := tarlimit.CheckRoom(a.dir, hdr); err != nil {
		return err
	}
	f, err := os.CreateTemp(a.dir, "")
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	size, err := io.CopyBuffer(onlyWriter{io.MultiWriter(f, sum)}, r, make([]byte, compression.Chunk))
	if err != nil {
		return err
	}
	a.files[name] = &member{f.Name(), v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}, size}
	delete(a.links, name)
	return nil
}

// onlyWriter hides other methods, so that io.CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

func (a *archive) close() { _ = os.RemoveAll(a.dir) }

// find follows links, of which an archive may have loops.
func (a *archive) find(name string) (*member, bool) {
	name = path.Join("/", name)
	for range 10 {
		if m, ok := a.files[name]; ok {
			return m, true
		}
		target, ok := a.links[name]
		if !ok {
			break
		}
		name = target
	}
	return nil, false
}

func (a *archive) has(name string) bool {
	_, ok := a.find(name)
	return ok
}

// small returns a metadata file's content.
func (a *archive) small(name string) ([]byte, error) {
	m, ok := a.find(name)
	if !ok {
		return nil, fmt.Errorf("the archive has no %s: %w", name, os.ErrNotExist)
	}
	if m.size > image.MaxMetadata {
		return nil, image.TooMuch(name, m.size)
	}
	return os.ReadFile(m.path)
}

// blob puts a member into the store under its digest, which must be want.
func (a *archive) blob(b *store.Blobs, name string, want v1.Hash) error {
	if b.Has(want, 0) {
		return nil
	}
	m, ok := a.find(name)
	if !ok {
		return fmt.Errorf("the archive has no %s: %w", name, os.ErrNotExist)
	}
	if m.digest != want {
		return fmt.Errorf("%s: %w: got %s", name, image.ErrDigest, m.digest)
	}
	return a.move(b, m)
}

func (a *archive) move(b *store.Blobs, m *member) error {
	if b.Has(m.digest, m.size) {
		return nil
	}
	f, err := os.OpenFile(m.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.Publish(f, m.digest)
}

// head returns the first bytes of a member, to know its compression by.
func (m *member) head() ([]byte, error) {
	f, err := os.Open(m.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	_, err = io.CopyN(&b, f, 512)
	if err == io.EOF {
		err = nil
	}
	return b.Bytes(), err
}
