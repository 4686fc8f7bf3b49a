package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/internal/tarlimit"
)

// ImportOptions describe an image that is made of a root file system.
type ImportOptions struct {
	Name     string // "" for none
	Message  string
	Source   string       // for the history: where the tarball came from
	Platform *v1.Platform // nil: the machine's
	Changes  []string     // Dockerfile instructions, as Docker's --change
}

// Import makes an image of one layer of a root file system's tarball, plain or
// compressed; the layer is kept in the bytes that came.
func (s *Store) Import(ctx context.Context, r io.Reader, opt ImportOptions) (img *Image, err error) {
	name, err := optionalName(opt.Name)
	if err != nil {
		return nil, err
	}
	config := &v1.ConfigFile{OS: "linux"}
	if err := applyChanges(&config.Config, opt.Changes); err != nil {
		return nil, err
	}
	release, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer s.discard(&err)
	defer release()
	desc, diffID, err := s.importLayer(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	platform := machinePlatform()
	if opt.Platform != nil {
		platform = *opt.Platform
	}
	now := v1.Time{Time: time.Now().UTC()}
	config.Architecture, config.Variant, config.Created = platform.Architecture, platform.Variant, now
	config.RootFS = v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{diffID}}
	comment := opt.Message
	if comment == "" {
		comment = "Imported from " + opt.Source
	}
	config.History = []v1.History{{Created: now, Comment: comment}}
	img, err = s.compose(config, []v1.Descriptor{desc}, name)
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	return img, nil
}

func optionalName(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	return TagName(name)
}

// importLayer stores the tarball as a blob and reads it as a tarball on the way:
// its plain bytes are the diff-id's. Where a layer can't be compressed as the
// tarball is, it is compressed anew.
func (s *Store) importLayer(ctx context.Context, r io.Reader) (v1.Descriptor, v1.Hash, error) {
	tarball, packed, err := sniff(ctxReader{ctx, r})
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	if packed.ofLayers() {
		return s.keepTarball(tarball, packed)
	}
	return s.writeLayer(ctx, func(_ context.Context, w io.Writer) error {
		plain, err := packed.reader(tarball)
		if err != nil {
			return err
		}
		return s.readTar(plain, w)
	})
}

// keepTarball makes a layer of the very bytes of a tarball.
func (s *Store) keepTarball(tarball io.Reader, packed compression) (v1.Descriptor, v1.Hash, error) {
	tmp, err := os.CreateTemp(s.ingestDir(), ".import-*")
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	defer os.Remove(tmp.Name()) // a no-op after it became a blob
	defer tmp.Close()
	raw, plain := sha256.New(), sha256.New()
	tee := io.TeeReader(tarball, io.MultiWriter(tmp, raw))
	content, err := packed.reader(tee)
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	defer content.Close()
	if err := s.readTar(content, plain); err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	if _, err := io.Copy(io.Discard, tee); err != nil { // what a decompressor leaves
		return v1.Descriptor{}, v1.Hash{}, err
	}
	fi, err := tmp.Stat()
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	desc := v1.Descriptor{MediaType: layerType(packed), Digest: hashOf(raw.Sum(nil)), Size: fi.Size()}
	return desc, hashOf(plain.Sum(nil)), s.publish(tmp, desc.Digest)
}

// readTar reads a tarball to its last byte, copies it to w and says what is wrong
// with it.
func (s *Store) readTar(content io.Reader, w io.Writer) error {
	limit := tarlimit.New(s.max)
	r := io.TeeReader(limit.Reader(content), w)
	tr := tar.NewReader(r)
	entries := 0
	for {
		hdr, err := tr.Next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, ErrTooBig) {
			return err
		}
		if err != nil && entries > 0 {
			return fmt.Errorf("read tarball after %d entries: %w", entries, err)
		}
		if err != nil {
			return fmt.Errorf("this is no tarball of a root file system: %w", err)
		}
		if err := limit.Take(hdr); err != nil {
			return err
		}
		entries++
	}
	if entries == 0 {
		return fmt.Errorf("this is no tarball of a root file system: it has no entry")
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

func hashOf(sum []byte) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum)} }

// ctxReader ends with its context.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
