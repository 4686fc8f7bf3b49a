package image

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
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
	for _, l := range m.Layers {
		switch l.MediaType {
		case types.OCILayer, types.OCILayerZStd, types.OCIUncompressedLayer, types.DockerLayer, types.DockerUncompressedLayer,
			types.OCIRestrictedLayer, types.DockerForeignLayer:
		default:
			return fmt.Errorf("layer %s has the media type %s, which can't be unpacked", shortHash(l.Digest), l.MediaType)
		}
		if l.Digest.Algorithm != "sha256" || l.Size < 0 {
			return fmt.Errorf("layer %s has no usable digest and size", l.Digest)
		}
	}
	return nil
}
