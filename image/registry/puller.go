package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// downloads is how many layers are fetched at a time, as Docker has it.
const downloads = 3

// Pull brings the image from its registry, or a mirror of it, and gives it the
// name. What is in the store is not fetched again. The name appears when all of
// the image is there; on an error, partial downloads stay for the next time.
func Pull(ctx context.Context, s *store.Store, ref image.Ref, opt PullOptions) (*image.Image, error) {
	if opt.Progress == nil {
		opt.Progress = image.Silent
	}
	release, err := s.Begin()
	if err != nil {
		return nil, err
	}
	defer release()
	for _, from := range opt.Registries.sources(ref) {
		var img *image.Image
		if img, err = pull(ctx, s, from, ref, opt); err == nil {
			return img, nil
		}
		if ctx.Err() != nil || errors.As(err, &localError{}) {
			break
		}
	}
	return nil, explain("pull", ref, err)
}

// localError is a failure that another source would not cure.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// sources are where to look for the image: the mirrors, then its registry.
func (r Registries) sources(ref image.Ref) []name.Repository {
	var repos []name.Repository
	mirrors := r.Mirrors[ref.Host()]
	if host := ref.Source().RegistryStr(); host != ref.Host() { // Docker Hub has two names
		mirrors = append(slices.Clone(r.Mirrors[host]), mirrors...)
	}
	for _, mirror := range mirrors {
		if repo, err := name.NewRepository(mirror + "/" + ref.Path()); err == nil {
			repos = append(repos, repo)
		}
	}
	return append(repos, ref.Source())
}

func pull(ctx context.Context, s *store.Store, from name.Repository, ref image.Ref, opt PullOptions) (*image.Image, error) {
	reg, err := opt.Registries.open(ctx, from, transport.PullScope)
	if err != nil {
		return nil, err
	}
	root, desc, err := reg.resolve(ctx, ref.Tag()+ref.Digest(), opt.Platform)
	if err != nil {
		return nil, err
	}
	manifest, err := image.ParseManifest(desc.Manifest)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", desc.Digest, err)
	}
	config, err := pullConfig(ctx, s, reg, manifest.Config)
	if err != nil {
		return nil, err
	}
	want := image.MachinePlatform()
	if opt.Platform != nil {
		want = *opt.Platform
	}
	if have := image.PlatformOf(config); have.Architecture != "" && !image.RunsOn(have, want) {
		return nil, fmt.Errorf("%w: want %s, it is for %s", image.ErrPlatform, want, have)
	}
	if err := pullLayers(ctx, s, reg, manifest, config, opt); err != nil {
		return nil, err
	}
	entry := store.Entry{Data: desc.Manifest, Manifest: manifest, Source: ref.WithDigest(root.String())}
	if ref.Digest() == "" { // a pull by digest gives no name
		entry.Name = ref
	}
	return s.Enter(entry)
}

// resolve returns the digest that the name leads to and the manifest for the
// platform; they differ where the name leads to a multi-platform index.
func (s *session) resolve(ctx context.Context, identifier string, platform *v1.Platform) (v1.Hash, *remote.Descriptor, error) {
	get := func(identifier string) (*remote.Descriptor, error) {
		desc, err := remote.Get(s.reference(identifier), s.options(ctx)...)
		if err == nil && len(desc.Manifest) > image.MaxMetadata {
			err = image.TooMuch("manifest "+desc.Digest.String(), desc.Size)
		}
		if err == nil {
			desc.MediaType = image.ManifestType(desc.MediaType, desc.Manifest)
		}
		return desc, err
	}
	desc, err := get(identifier)
	if err != nil {
		return v1.Hash{}, nil, err
	}
	root := desc.Digest
	if platform == nil {
		here := image.MachinePlatform()
		platform = &here
	}
	for depth := 0; desc.MediaType.IsIndex(); depth++ {
		idx, err := v1.ParseIndexManifest(bytes.NewReader(desc.Manifest))
		if err != nil {
			return root, nil, fmt.Errorf("read index %s: %w", desc.Digest, err)
		}
		child, err := image.Choose(idx, *platform)
		if err != nil {
			return root, nil, err
		}
		if depth == 3 {
			return root, nil, errors.New("its indexes nest too deep")
		}
		if desc, err = get(child.Digest.String()); err != nil {
			return root, nil, missingChild{child.Digest, err}
		}
	}
	return root, desc, nil
}

// missingChild is an error of the image that an index leads to.
type missingChild struct {
	digest v1.Hash
	error
}

func (e missingChild) Unwrap() error { return e.error }

func pullConfig(ctx context.Context, s *store.Store, reg *session, desc v1.Descriptor) (*v1.ConfigFile, error) {
	d := newDownload(s.Blobs, desc, reg, image.Silent)
	defer d.close()
	if err := d.run(ctx); err != nil {
		return nil, err
	}
	return s.Blobs.Config(desc.Digest)
}

// pullLayers downloads the layers, and unpacks them beside that. What is unpacked
// has not been checked yet: that it can't be counts only once the downloads are
// right.
func pullLayers(ctx context.Context, s *store.Store, reg *session, m *v1.Manifest, c *v1.ConfigFile, opt PullOptions) error {
	running := map[v1.Hash]*download{}
	var order []*download
	for _, desc := range m.Layers {
		if running[desc.Digest] == nil { // a layer can be there twice
			d := newDownload(s.Blobs, desc, reg, opt.Progress)
			defer d.close() // when nobody reads any more
			running[desc.Digest], order = d, append(order, d)
		}
	}
	layers, err := image.Layers(m, c, func(desc v1.Descriptor) (io.ReadCloser, error) {
		return running[desc.Digest].follow(ctx), nil
	})
	if err != nil {
		return err
	}
	fetching, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	unpacked := make(chan error, 1)
	go func() {
		var err error
		if opt.Unpack != nil {
			err = opt.Unpack(ctx, layers)
		}
		if errors.Is(err, unix.ENOSPC) {
			stop(localError{err}) // more bytes would not help
		}
		unpacked <- err
	}()
	fetched := fetchAll(fetching, order)
	err = <-unpacked
	if fetched != nil {
		if full := context.Cause(fetching); ctx.Err() == nil && errors.As(full, &localError{}) {
			return full
		}
		return fetched
	}
	if err != nil && slices.ContainsFunc(order, func(d *download) bool { return d.rewritten }) {
		err = opt.Unpack(ctx, layers) // it was misled; now all is there
	}
	if err != nil {
		return localError{err}
	}
	return nil
}

// fetchAll runs the downloads, some at a time. The first that fails ends the
// others.
func fetchAll(ctx context.Context, order []*download) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(downloads)
	for _, d := range order {
		group.Go(func() error { return d.run(ctx) })
	}
	return group.Wait()
}
