package store

import (
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image"
)

// Entry is an image whose blobs are in the store already.
type Entry struct {
	Data     []byte // the manifest in the bytes that its digest is of
	Manifest *v1.Manifest
	Name     image.Ref // zero for none
	Source   image.Ref // where it was pulled from, with a digest; zero if nowhere
	// Unpack, if there is one, is what the layers must go through before the image
	// is there, the lowest first: one whose layers can't be unpacked does not come in.
	Unpack func(layers []v1.Layer) error
}

// Enter makes an image of the entry and gives it its name. The caller holds the
// store. It is idempotent.
func (s *Store) Enter(e Entry) (*image.Image, error) {
	config, err := s.Blobs.Config(e.Manifest.Config.Digest)
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers(e.Manifest, config, s.Blobs.Open)
	if err != nil {
		return nil, err
	}
	if e.Unpack != nil {
		if err := e.Unpack(layers); err != nil {
			return nil, err
		}
	}
	desc, err := s.Blobs.PutBytes(e.Data, e.Manifest.MediaType)
	if err != nil {
		return nil, err
	}
	if desc.MediaType == "" {
		desc.MediaType = types.OCIManifestSchema1
	}
	desc.Platform = config.Platform()
	if source := e.Source.Canonical(); source != "" {
		desc.Annotations = map[string]string{annotationSource: source}
	}
	if err := s.Blobs.Flush(); err != nil {
		return nil, err
	}
	var img *image.Image
	err = s.index.update(func(idx *v1.IndexManifest) error {
		desc = s.unify(idx, desc, e.Manifest.Config.Digest)
		setName(idx, e.Name.Canonical(), desc)
		img, err = s.image(idx, desc)
		return err
	})
	return img, err
}

// unify keeps to one manifest an image ID. An archive can bring what a registry
// brought before with its layers packed in another way: the same image to
// everyone. What came from a registry wins, as its digest is known elsewhere; the
// other's blobs go with the next collection.
func (s *Store) unify(idx *v1.IndexManifest, desc v1.Descriptor, id v1.Hash) v1.Descriptor {
	for i, d := range idx.Manifests {
		if d.Digest == desc.Digest || d.MediaType.IsIndex() {
			continue
		}
		m, err := s.Blobs.Manifest(d.Digest)
		if err != nil || m.Config.Digest != id {
			continue
		}
		if desc.Annotations[annotationSource] == "" && s.Blobs.complete(m) {
			return named(d, "", v1.Descriptor{}) // the old one does
		}
		idx.Manifests[i].Digest, idx.Manifests[i].Size, idx.Manifests[i].MediaType = desc.Digest, desc.Size, desc.MediaType
	}
	return desc
}

// Compose makes an image of a configuration, in the bytes that its ID is the
// digest of, and of layers whose blobs are in the store, and enters it: e has the
// rest.
func (s *Store) Compose(config []byte, layers []v1.Descriptor, e Entry) (*image.Image, error) {
	desc, err := s.Blobs.PutBytes(config, types.OCIConfigJSON)
	if err != nil {
		return nil, err
	}
	if layers == nil {
		layers = []v1.Descriptor{} // "layers": null is no manifest
	}
	e.Manifest = &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: desc, Layers: layers}
	if e.Data, err = json.Marshal(e.Manifest); err != nil {
		return nil, err
	}
	return s.Enter(e)
}
