package image

import (
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image/compression"
)

// checkTypes refuses what is in a registry but is no image to run: artifacts,
// encrypted layers, Docker's schema 1.
func checkTypes(m *v1.Manifest) error {
	switch m.MediaType {
	case types.OCIManifestSchema1, types.DockerManifestSchema2, "":
	default:
		return fmt.Errorf("media type %s is no image's manifest", m.MediaType)
	}
	if !m.Config.MediaType.IsConfig() {
		return fmt.Errorf("media type %s is no image's configuration: this is another kind of artifact", m.Config.MediaType)
	}
	if m.Config.Size > MaxMetadata {
		return TooMuch("the image's configuration", m.Config.Size)
	}
	for _, l := range m.Layers {
		switch l.MediaType {
		case types.OCILayer, types.OCILayerZStd, types.OCIUncompressedLayer, types.DockerLayer, types.DockerUncompressedLayer,
			types.OCIRestrictedLayer, types.DockerForeignLayer:
		default:
			return fmt.Errorf("layer %s has the media type %s, which can't be unpacked", ShortHash(l.Digest), l.MediaType)
		}
	}
	for _, blob := range append(slices.Clone(m.Layers), m.Config) {
		if blob.Digest.Algorithm != "sha256" || blob.Size < 0 {
			return fmt.Errorf("%s %s has no usable digest and size", blob.MediaType, blob.Digest)
		}
	}
	return nil
}

// LayerType is the media type of a layer that is compressed so.
func LayerType(packed compression.Kind) types.MediaType {
	switch packed {
	case compression.Gzip:
		return types.OCILayer
	case compression.Zstd:
		return types.OCILayerZStd
	}
	return types.OCIUncompressedLayer
}
