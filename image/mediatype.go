package image

import (
	"encoding/json"
	"fmt"
	"mime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image/compression"
)

// oldConfigs are the types that registries of Docker 1.10's time, and those that
// took them over, have for configurations. The content tells whether it is one.
var oldConfigs = []types.MediaType{"", "application/octet-stream", "application/json", "text/html", "text/plain"}

// Types of layers that go-containerregistry has no names for. How a layer is packed
// its content tells.
const (
	dockerZstdLayer  types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"
	nondistributable types.MediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar"
)

// ManifestType is the media type of a manifest or index that came with the type
// contentType: what it says of itself goes before a type that says little.
func ManifestType(contentType types.MediaType, data []byte) types.MediaType {
	plain, _, err := mime.ParseMediaType(string(contentType))
	if known := types.MediaType(plain); err == nil && (known.IsIndex() || known.IsImage() || known.IsSchema1()) {
		return known
	}
	var inside struct {
		MediaType types.MediaType   `json:"mediaType"`
		Manifests []json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(data, &inside); err != nil {
		return contentType
	}
	switch {
	case inside.MediaType != "":
		return inside.MediaType
	case inside.Manifests != nil:
		return types.OCIImageIndex
	}
	return contentType
}

// checkTypes refuses what is in a registry but is no image to run: artifacts,
// encrypted layers, Docker's schema 1.
func checkTypes(m *v1.Manifest) error {
	switch m.MediaType {
	case types.OCIManifestSchema1, types.DockerManifestSchema2, "":
	default:
		return NotAnImage{fmt.Sprintf("media type %s is no image's manifest", m.MediaType)}
	}
	if !m.Config.MediaType.IsConfig() && !slices.Contains(oldConfigs, m.Config.MediaType) {
		return NotAnImage{fmt.Sprintf("media type %s is no image's configuration: this is another kind of artifact", m.Config.MediaType)}
	}
	if m.Config.Size > MaxMetadata {
		return TooMuch("the image's configuration", m.Config.Size)
	}
	for _, l := range m.Layers {
		switch l.MediaType {
		case types.OCILayer, types.OCILayerZStd, types.OCIUncompressedLayer, types.DockerLayer, types.DockerUncompressedLayer,
			types.OCIRestrictedLayer, types.DockerForeignLayer:
		case dockerZstdLayer, nondistributable, nondistributable + "+zstd":
		default:
			return NotAnImage{fmt.Sprintf("layer %s has the media type %s, which can't be unpacked", ShortHash(l.Digest), l.MediaType)}
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
