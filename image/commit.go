package image

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
)

// CommitOptions describe an image that is made of a container.
type CommitOptions struct {
	Base    string    // ID of the image that the container was made of
	Config  v1.Config // the container's
	Name    string    // "" for none
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
func (s *Store) Commit(ctx context.Context, opt CommitOptions) (img *Image, err error) {
	name, err := optionalName(opt.Name)
	if err != nil {
		return nil, err
	}
	if err := applyChanges(&opt.Config, opt.Changes); err != nil {
		return nil, err
	}
	release, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer s.discard(&err)
	defer release()
	base, err := s.lookup(opt.Base)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("commit: the image that the container was made of is gone: pull or load it again (ID %s)", opt.Base)
	}
	if err != nil {
		return nil, err
	}
	desc, diffID, err := s.writeLayer(ctx, opt.Diff)
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
	return s.compose(config, append(slices.Clone(base.manifest.Layers), desc), name)
}

// writeLayer stores what write writes, compressed, as a blob.
func (s *Store) writeLayer(ctx context.Context, write func(context.Context, io.Writer) error) (v1.Descriptor, v1.Hash, error) {
	tmp, err := os.CreateTemp(s.ingestDir(), ".commit-*")
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
	return desc, hashOf(plain.Sum(nil)), s.publish(tmp, desc.Digest)
}
