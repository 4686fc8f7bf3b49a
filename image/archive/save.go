package archive

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// Save writes the images as one tarball that docker load, podman load, skopeo
// and mvrun load read: an OCI image layout with docker save's manifest.json
// beside it. A reference by name is saved with that name, one by ID without any, and
// a repository without a tag is all its tags, as Docker has it.
// Nothing is written if an image is missing.
func Save(ctx context.Context, s *store.Store, w io.Writer, refs []image.Ref) error {
	release, err := s.Begin()
	if err != nil {
		return err
	}
	defer release()
	var items []saved
	for _, ref := range withAllTags(s, refs) {
		img, err := s.Get(ref)
		if err != nil {
			return err
		}
		item := saved{img: img}
		if img.Called(ref) {
			item.name = ref
		}
		items = append(items, item)
	}
	out := &saver{blobs: s.Blobs, w: tar.NewWriter(w), done: map[v1.Hash]bool{}}
	for _, item := range items {
		for _, desc := range append(slices.Clone(item.img.Manifest.Layers), item.img.Manifest.Config, v1.Descriptor{Digest: item.img.Digest}) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := out.blob(desc.Digest); err != nil {
				return fmt.Errorf("save image: %w", err)
			}
		}
	}
	if err := out.metadata(items); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	return out.w.Close()
}

// withAllTags puts the names that a repository has here in the place of one that was
// named without a tag.
func withAllTags(s *store.Store, refs []image.Ref) (all []image.Ref) {
	images, _ := s.List() // a damaged one is said when it is looked for
	for _, ref := range refs {
		var tags []image.Ref
		for _, img := range images {
			for _, name := range img.Names {
				if ref.HasDefaultTag() && name.Repository() == ref.Repository() {
					tags = append(tags, name)
				}
			}
		}
		if len(tags) == 0 {
			tags = []image.Ref{ref}
		}
		slices.SortFunc(tags, func(a, b image.Ref) int { return strings.Compare(a.Canonical(), b.Canonical()) })
		all = append(all, tags...)
	}
	return all
}

type saved struct {
	img  *image.Image
	name image.Ref // zero for none
}

type saver struct {
	blobs *store.Blobs
	w     *tar.Writer
	done  map[v1.Hash]bool
}

func (o *saver) blob(h v1.Hash) error {
	if o.done[h] {
		return nil
	}
	o.done[h] = true
	f, err := o.blobs.Open(v1.Descriptor{Digest: h})
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := os.Stat(o.blobs.Path(h))
	if err != nil {
		return err
	}
	if err := o.w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: blobName(h), Mode: 0o644, Size: fi.Size()}); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(o.w, sum), f); err != nil {
		return err
	}
	if hashOf(sum.Sum(nil)) != h {
		return fmt.Errorf("%w: blob %s has the wrong content", image.ErrCorrupt, h)
	}
	return nil
}

func (o *saver) json(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := o.w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err = o.w.Write(data)
	return err
}

func (o *saver) metadata(items []saved) error {
	idx := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
	var docker []dockerImage
	at := map[v1.Hash]int{}
	for _, item := range items {
		fi, err := os.Stat(o.blobs.Path(item.img.Digest))
		if err != nil {
			return err
		}
		desc := v1.Descriptor{MediaType: item.img.Manifest.MediaType, Digest: item.img.Digest, Size: fi.Size(), Platform: item.img.Config.Platform()}
		if desc.MediaType == "" {
			desc.MediaType = types.OCIManifestSchema1
		}
		if item.name.IsName() {
			desc.Annotations = map[string]string{store.AnnotationName: item.name.Canonical(), store.AnnotationContainerd: item.name.Canonical()}
		}
		idx.Manifests = append(idx.Manifests, desc)
		i, known := at[item.img.Digest]
		if !known {
			i, at[item.img.Digest] = len(docker), len(docker)
			docker = append(docker, dockerEntry(item.img))
		}
		if item.name.IsName() {
			docker[i].RepoTags = append(docker[i].RepoTags, item.name.Familiar())
		}
	}
	if err := o.json("index.json", idx); err != nil {
		return err
	}
	if err := o.json("manifest.json", docker); err != nil {
		return err
	}
	return o.json("oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"})
}

func dockerEntry(img *image.Image) dockerImage {
	e := dockerImage{Config: blobName(img.ID), Layers: []string{}}
	for _, l := range img.Manifest.Layers {
		e.Layers = append(e.Layers, blobName(l.Digest))
	}
	return e
}
