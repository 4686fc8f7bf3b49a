package image

import (
	"bytes"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is one image of the store: a manifest for one platform, its
// configuration, and the names that lead to it.
type Image struct {
	// ID is the digest of the configuration: what Docker calls the image ID.
	ID v1.Hash
	// Digest is the manifest's.
	Digest v1.Hash
	// ManifestSize is that manifest's, in bytes.
	ManifestSize int64
	// Names are the familiar forms ("busybox:latest"), sorted; none when the
	// image has lost its name to another.
	Names []string
	// RepoDigests tell where the image was pulled from ("busybox@sha256:…").
	RepoDigests []string
	Config      *v1.ConfigFile

	manifest *v1.Manifest
	store    *Store
}

// Platform is what the image is for; zero if it does not say.
func (i *Image) Platform() v1.Platform { return platformOf(i.Config) }

// Layers returns the image's layers, the lowest first. Nothing is read before
// a layer's content is asked for.
func (i *Image) Layers() ([]v1.Layer, error) {
	return layersOf(i.manifest, i.Config, i.store.openBlob)
}

// image loads the image that desc leads to, with all its names.
func (s *Store) image(idx *v1.IndexManifest, desc v1.Descriptor) (*Image, error) {
	manifest, err := s.manifest(desc.Digest)
	if err != nil {
		return nil, err
	}
	config, err := s.config(manifest.Config.Digest)
	if err != nil {
		return nil, err
	}
	img := &Image{ID: manifest.Config.Digest, Digest: desc.Digest, ManifestSize: desc.Size, Config: config, manifest: manifest, store: s}
	for _, d := range idx.Manifests {
		if d.Digest != desc.Digest {
			continue
		}
		if name := d.Annotations[annotationName]; name != "" {
			img.Names = append(img.Names, familiar(name))
		}
		if source := d.Annotations[annotationSource]; source != "" {
			img.RepoDigests = append(img.RepoDigests, familiar(source))
		}
	}
	slices.Sort(img.Names)
	slices.Sort(img.RepoDigests)
	img.RepoDigests = slices.Compact(img.RepoDigests)
	return img, nil
}

func (s *Store) manifest(h v1.Hash) (*v1.Manifest, error) {
	data, err := s.readBlob(h)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", h, err)
	}
	if !m.MediaType.IsImage() && m.MediaType != "" {
		return nil, fmt.Errorf("read manifest %s: media type %s is no image's", h, m.MediaType)
	}
	return m, nil
}

func (s *Store) config(h v1.Hash) (*v1.ConfigFile, error) {
	data, err := s.readBlob(h)
	if err != nil {
		return nil, err
	}
	c, err := v1.ParseConfigFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read image configuration %s: %w", h, err)
	}
	return c, nil
}
