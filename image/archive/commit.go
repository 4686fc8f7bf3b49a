package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/pgzip"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// CommitOptions describe an image that is made of a container.
type CommitOptions struct {
	Base    image.Ref // the image that the container was made of, by its ID
	Config  v1.Config // the container's
	Name    image.Ref // zero for none
	Author  string
	Message string
	Command string // for the history
	Changes []string
	// Diff writes the container's changes as a layer tarball.
	Diff func(ctx context.Context, w io.Writer) error
}

// Commit makes an image of the base's layers and one more. What a container's
// configuration does not tell is the base's: its health check, and which
// directories are volumes, whatever is mounted there.
func Commit(ctx context.Context, s *store.Store, opt CommitOptions) (img *image.Image, err error) {
	if err := applyChanges(&opt.Config, opt.Changes); err != nil {
		return nil, err
	}
	release, err := s.Begin()
	if err != nil {
		return nil, err
	}
	defer s.Discard(&err)
	defer release()
	base, err := s.Find(opt.Base)
	if errors.Is(err, image.ErrNotFound) {
		return nil, fmt.Errorf("commit: the image that the container was made of is gone: pull or load it again (ID %s)", opt.Base)
	}
	if err != nil {
		return nil, err
	}
	desc, diffID, err := writeLayer(ctx, s.Blobs, opt.Diff)
	if err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	now := v1.Time{Time: time.Now().UTC()}
	config := base.Config.DeepCopy()
	opt.Config.Healthcheck = config.Config.Healthcheck
	for path := range config.Config.Volumes {
		setKey(&opt.Config.Volumes, path, struct{}{})
	}
	config.Config, config.Created, config.Author = opt.Config, now, opt.Author
	config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, diffID)
	config.History = append(config.History, v1.History{Created: now, CreatedBy: opt.Command, Comment: opt.Message, Author: opt.Author})
	return compose(s, config, append(slices.Clone(base.Manifest.Layers), desc), store.Entry{Name: opt.Name})
}

// writeLayer stores what write writes, compressed, as a blob.
func writeLayer(ctx context.Context, b *store.Blobs, write func(context.Context, io.Writer) error) (v1.Descriptor, v1.Hash, error) {
	tmp, err := os.CreateTemp(b.IngestDir(), ".commit-*")
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	defer os.Remove(tmp.Name()) // a no-op after it became a blob
	defer tmp.Close()
	packed, plain := sha256.New(), sha256.New()
	// gzip, as any registry and any runtime takes it.
	z := pgzip.NewWriter(io.MultiWriter(tmp, packed))
	if err := write(ctx, io.MultiWriter(z, plain)); err != nil {
		z.Close()
		return v1.Descriptor{}, v1.Hash{}, err
	}
	if err := z.Close(); err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	fi, err := tmp.Stat()
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	desc := v1.Descriptor{MediaType: types.OCILayer, Digest: hashOf(packed.Sum(nil)), Size: fi.Size()}
	return desc, hashOf(plain.Sum(nil)), b.Publish(tmp, desc.Digest)
}
