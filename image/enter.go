package image

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// parseManifest reads an image's manifest and refuses what is none.
func parseManifest(data []byte) (*v1.Manifest, error) {
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return m, checkTypes(m)
}

func checkDigest(data []byte, want v1.Hash) error {
	got, _, err := v1.SHA256(bytes.NewReader(data))
	if err == nil && got != want {
		err = fmt.Errorf("%w: got %s", ErrDigest, got)
	}
	return err
}

// enter makes an image of blobs that are in the store already: it stores the
// manifest and gives the image its name (canonical; "" for none). The caller
// holds the store. It is idempotent.
func (s *Store) enter(manifest []byte, m *v1.Manifest, name string, annotations map[string]string) (*Image, error) {
	config, err := s.config(m.Config.Digest)
	if err != nil {
		return nil, err
	}
	layers, err := layersOf(m, config, s.openBlob)
	if err != nil {
		return nil, err
	}
	if s.unpack != nil {
		if err := s.unpack(layers); err != nil {
			return nil, err
		}
	}
	desc, err := s.putBytes(manifest, m.MediaType)
	if err != nil {
		return nil, err
	}
	if desc.MediaType == "" {
		desc.MediaType = types.OCIManifestSchema1
	}
	desc.Platform, desc.Annotations = config.Platform(), annotations
	if err := s.flush(); err != nil {
		return nil, err
	}
	var img *Image
	err = s.update(func(idx *v1.IndexManifest) error {
		desc = s.unify(idx, desc, m.Config.Digest)
		setName(idx, name, desc)
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
		m, err := s.manifest(d.Digest)
		if err != nil || m.Config.Digest != id {
			continue
		}
		if desc.Annotations[annotationSource] == "" && s.complete(m) {
			return named(d, "", v1.Descriptor{}) // the old one does
		}
		idx.Manifests[i].Digest, idx.Manifests[i].Size, idx.Manifests[i].MediaType = desc.Digest, desc.Size, desc.MediaType
	}
	return desc
}

// complete reports whether all of an image's layers are there.
func (s *Store) complete(m *v1.Manifest) bool {
	for _, l := range m.Layers {
		if !s.has(l.Digest, l.Size) {
			return false
		}
	}
	return true
}

// compose makes an image of a configuration and of layers whose blobs are in the
// store, and enters it.
func (s *Store) compose(config *v1.ConfigFile, layers []v1.Descriptor, name string) (*Image, error) {
	data, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return s.composeRaw(data, layers, name)
}

// composeRaw is compose for a configuration in the bytes that its ID is the
// digest of.
func (s *Store) composeRaw(config []byte, layers []v1.Descriptor, name string) (*Image, error) {
	desc, err := s.putBytes(config, types.OCIConfigJSON)
	if err != nil {
		return nil, err
	}
	if layers == nil {
		layers = []v1.Descriptor{} // "layers": null is no manifest
	}
	m := &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: desc, Layers: layers}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return s.enter(data, m, name, nil)
}
