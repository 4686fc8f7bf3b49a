package archive

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/compression"
	"github.com/mvrun/mvrun/image/store"
	"github.com/mvrun/mvrun/internal/ctxio"
	"github.com/mvrun/mvrun/internal/tarlimit"
)

// ImportOptions describe an image that is made of a root file system.
type ImportOptions struct {
	Name     image.Ref // zero for none
	Message  string
	Source   string       // for the history: where the tarball came from
	Platform *v1.Platform // nil: the machine's
	Changes  []string     // Dockerfile instructions
	Options
}

// Import makes an image of one layer of a root file system's tarball, plain or
// compressed; the layer is kept in the bytes that came.
func Import(ctx context.Context, s *store.Store, r io.Reader, opt ImportOptions) (img *image.Image, err error) {
	config := &v1.ConfigFile{OS: "linux"}
	if err := applyChanges(&config.Config, opt.Changes); err != nil {
		return nil, err
	}
	release, err := s.Begin()
	if err != nil {
		return nil, err
	}
	defer s.Discard(&err)
	defer release()
	desc, diffID, err := importLayer(ctx, s.Blobs, r, opt.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	platform := image.MachinePlatform()
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
	img, err = compose(s, config, []v1.Descriptor{desc}, store.Entry{Name: opt.Name, Unpack: opt.Unpack})
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	return img, nil
}

// compose makes an image of a configuration and of layers that are in the store.
func compose(s *store.Store, config *v1.ConfigFile, layers []v1.Descriptor, e store.Entry) (*image.Image, error) {
	data, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return s.Compose(data, layers, e)
}

// importLayer stores the tarball as a blob and reads it as a tarball on the way:
// its plain bytes are the diff-id's. Where a layer can't be compressed as the
// tarball is, it is compressed anew.
func importLayer(ctx context.Context, b *store.Blobs, r io.Reader, max int64) (v1.Descriptor, v1.Hash, error) {
	tarball, packed, err := compression.Sniff(ctxio.Reader(ctx, r))
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	if packed.OfLayers() {
		return keepTarball(b, tarball, packed, max)
	}
	return writeLayer(ctx, b, func(_ context.Context, w io.Writer) error {
		plain, err := packed.Reader(tarball)
		if err != nil {
			return err
		}
		return readTar(plain, w, max)
	})
}

// keepTarball makes a layer of the very bytes of a tarball.
func keepTarball(b *store.Blobs, tarball io.Reader, packed compression.Kind, max int64) (v1.Descriptor, v1.Hash, error) {
	tmp, err := os.CreateTemp(b.IngestDir(), ".import-*")
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	defer os.Remove(tmp.Name()) // a no-op after it became a blob
	defer tmp.Close()
	raw, plain := sha256.New(), sha256.New()
	tee := io.TeeReader(tarball, io.MultiWriter(tmp, raw))
	content, err := packed.Reader(tee)
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	defer content.Close()
	if err := readTar(content, plain, max); err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	if _, err := io.Copy(io.Discard, tee); err != nil { // what a decompressor leaves
		return v1.Descriptor{}, v1.Hash{}, err
	}
	fi, err := tmp.Stat()
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	desc := v1.Descriptor{MediaType: image.LayerType(packed), Digest: hashOf(raw.Sum(nil)), Size: fi.Size()}
	return desc, hashOf(plain.Sum(nil)), b.Publish(tmp, desc.Digest)
}

// readTar reads a tarball to its last byte, copies it to w and says what is wrong
// with it.
func readTar(content io.Reader, w io.Writer, max int64) error {
	limit := tarlimit.New(max)
	r := io.TeeReader(limit.Reader(content), w)
	tr := tar.NewReader(r)
	entries := 0
	for {
		hdr, err := tr.Next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, image.ErrTooBig) {
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
