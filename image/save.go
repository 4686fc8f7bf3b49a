package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Save writes the images as one tarball that docker load, podman load, skopeo
// and mvrun load read: an OCI image layout with docker save's manifest.json
// beside it. A reference by name is saved with that name, one by ID without any.
// Nothing is written if an image is missing.
func (s *Store) Save(ctx context.Context, w io.Writer, refs []string) error {
	release, err := s.begin()
	if err != nil {
		return err
	}
	defer release()
	var items []saved
	for _, ref := range refs {
		img, err := s.Get(ref)
		if err != nil {
			return err
		}
		items = append(items, saved{img, nameIn(img, ref)})
	}
	out := &saver{s: s, w: tar.NewWriter(w), done: map[v1.Hash]bool{}}
	for _, item := range items {
		for _, desc := range append(slices.Clone(item.img.manifest.Layers), item.img.manifest.Config, v1.Descriptor{Digest: item.img.Digest}) {
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

type saved struct {
	img  *Image
	name string // canonical, or ""
}

// nameIn is the canonical name that ref is one of the image by, "" if ref is an
// ID or digest.
func nameIn(img *Image, ref string) string {
	full, err := Canonical(ref)
	if err == nil && slices.Contains(img.Names, familiar(full)) {
		return full
	}
	return ""
}

type saver struct {
	s    *Store
	w    *tar.Writer
	done map[v1.Hash]bool
}

func (o *saver) blob(h v1.Hash) error {
	if o.done[h] {
		return nil
	}
	o.done[h] = true
	f, err := o.s.openBlob(v1.Descriptor{Digest: h})
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := os.Stat(o.s.blobPath(h))
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
		return fmt.Errorf("%w: blob %s has the wrong content", ErrCorrupt, h)
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
		fi, err := os.Stat(o.s.blobPath(item.img.Digest))
		if err != nil {
			return err
		}
		desc := v1.Descriptor{MediaType: item.img.manifest.MediaType, Digest: item.img.Digest, Size: fi.Size(), Platform: item.img.Config.Platform()}
		if desc.MediaType == "" {
			desc.MediaType = types.OCIManifestSchema1
		}
		if item.name != "" {
			// containerd's annotation is what docker load takes the name from.
			desc.Annotations = map[string]string{annotationName: item.name, "io.containerd.image.name": item.name}
		}
		idx.Manifests = append(idx.Manifests, desc)
		i, known := at[item.img.Digest]
		if !known {
			i, at[item.img.Digest] = len(docker), len(docker)
			docker = append(docker, dockerEntry(item.img))
		}
		if item.name != "" {
			docker[i].RepoTags = append(docker[i].RepoTags, familiar(item.name))
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

func dockerEntry(img *Image) dockerImage {
	e := dockerImage{Config: blobName(img.ID), Layers: []string{}}
	for _, l := range img.manifest.Layers {
		e.Layers = append(e.Layers, blobName(l.Digest))
	}
	return e
}
