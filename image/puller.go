package image

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
)

// downloads is how many layers are fetched at a time, as Docker has it.
const downloads = 3

// Pull brings the image from its registry, or a mirror of it, and gives it the
// name. What is in the store is not fetched again. The name appears when all of
// the image is there; on an error, partial downloads stay for the next time.
func (s *Store) Pull(ctx context.Context, ref string, opt PullOptions) (*Image, error) {
	parsed, err := parseName(ref)
	if err != nil {
		return nil, err
	}
	if opt.Progress == nil {
		opt.Progress = silent{}
	}
	release, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer release()
	for _, from := range opt.Registries.sources(parsed) {
		var img *Image
		if img, err = s.pull(ctx, from, parsed, opt); err == nil {
			return img, nil
		}
		if ctx.Err() != nil || errors.As(err, &localError{}) {
			break
		}
	}
	return nil, explain("pull", parsed, err)
}

// localError is a failure that another source would not cure.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// sources are where to look for the image: the mirrors, then its registry.
func (r Registries) sources(ref name.Reference) []name.Repository {
	var repos []name.Repository
	host := ref.Context().RegistryStr()
	mirrors := r.Mirrors[host]
	if host == name.DefaultRegistry {
		mirrors = append(slices.Clone(mirrors), r.Mirrors[dockerHub]...)
	}
	for _, mirror := range mirrors {
		if repo, err := name.NewRepository(mirror + "/" + ref.Context().RepositoryStr()); err == nil {
			repos = append(repos, repo)
		}
	}
	return append(repos, ref.Context())
}

func (s *Store) pull(ctx context.Context, from name.Repository, ref name.Reference, opt PullOptions) (*Image, error) {
	reg, err := opt.Registries.open(ctx, from, transport.PullScope)
	if err != nil {
		return nil, err
	}
	root, desc, err := reg.resolve(ctx, ref.Identifier(), opt.Platform)
	if err != nil {
		return nil, err
	}
	manifest, err := parseManifest(desc.Manifest)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", desc.Digest, err)
	}
	config, err := s.pullConfig(ctx, reg, manifest.Config)
	if err != nil {
		return nil, err
	}
	want := machinePlatform()
	if opt.Platform != nil {
		want = *opt.Platform
	}
	if have := platformOf(config); have.Architecture != "" && !runsOn(have, want) {
		return nil, fmt.Errorf("%w: want %s, it is for %s", ErrPlatform, want, have)
	}
	if err := s.pullLayers(ctx, reg, manifest, config, opt); err != nil {
		return nil, err
	}
	source := map[string]string{annotationSource: join(repoOf(ref), root.String())}
	return s.enter(desc.Manifest, manifest, nameOf(ref), source)
}

// nameOf is the name that a pull of ref gives: none if it asks for a digest.
func nameOf(ref name.Reference) string {
	if _, ok := ref.(name.Digest); ok {
		return ""
	}
	return canonical(ref)
}

func repoOf(ref name.Reference) string {
	tag := ref.Context().Tag("x")
	return canonical(tag)[:len(canonical(tag))-len(":x")]
}

// resolve returns the digest that the name leads to and the manifest for the
// platform; they differ where the name leads to a multi-platform index.
func (s *session) resolve(ctx context.Context, identifier string, platform *v1.Platform) (v1.Hash, *remote.Descriptor, error) {
	get := func(identifier string) (*remote.Descriptor, error) {
		ref, err := name.ParseReference(join(s.repo.Name(), identifier))
		if err != nil {
			return nil, err
		}
		desc, err := remote.Get(ref, s.options(ctx)...)
		if err == nil && len(desc.Manifest) > maxMetadata {
			err = errTooMuch("manifest "+desc.Digest.String(), desc.Size)
		}
		return desc, err
	}
	desc, err := get(identifier)
	if err != nil {
		return v1.Hash{}, nil, err
	}
	root := desc.Digest
	if platform == nil {
		here := machinePlatform()
		platform = &here
	}
	for depth := 0; desc.MediaType.IsIndex(); depth++ {
		idx, err := v1.ParseIndexManifest(bytes.NewReader(desc.Manifest))
		if err != nil {
			return root, nil, fmt.Errorf("read index %s: %w", desc.Digest, err)
		}
		child, err := choose(idx, *platform)
		if err != nil {
			return root, nil, err
		}
		if depth == 3 {
			return root, nil, errors.New("its indexes nest too deep")
		}
		if desc, err = get(child.Digest.String()); err != nil {
			return root, nil, err
		}
	}
	return root, desc, nil
}

func (s *Store) pullConfig(ctx context.Context, reg *session, desc v1.Descriptor) (*v1.ConfigFile, error) {
	d := newDownload(s, desc, reg, silent{})
	defer d.close()
	if err := d.run(ctx); err != nil {
		return nil, err
	}
	return s.config(desc.Digest)
}

// pullLayers downloads the layers, and unpacks them beside that.
func (s *Store) pullLayers(ctx context.Context, reg *session, m *v1.Manifest, c *v1.ConfigFile, opt PullOptions) error {
	running := map[v1.Hash]*download{}
	var order []*download
	for _, desc := range m.Layers {
		if running[desc.Digest] == nil { // a layer can be there twice
			d := newDownload(s, desc, reg, opt.Progress)
			defer d.close() // when the group below has ended
			running[desc.Digest], order = d, append(order, d)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	layers, err := layersOf(m, c, func(desc v1.Descriptor) (io.ReadCloser, error) {
		return running[desc.Digest].follow(ctx), nil
	})
	if err != nil {
		return err
	}
	group.Go(func() error {
		fetch, ctx := errgroup.WithContext(ctx)
		fetch.SetLimit(downloads)
		for _, d := range order {
			fetch.Go(func() error { return d.run(ctx) })
		}
		return fetch.Wait()
	})
	if opt.Unpack != nil {
		group.Go(func() error {
			if err := opt.Unpack(ctx, layers); err != nil {
				return localError{err}
			}
			return nil
		})
	}
	return group.Wait()
}
