package image

import (
	"io/fs"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// embeddedName is what the image that is built in is called.
const embeddedName = DockerHub + "/library/busybox:latest"

// IsEmbedded reports whether the reference is the name of the image that is
// built in, if one is.
func IsEmbedded(ref Ref) bool { return ref.Canonical() == embeddedName }

// EmbeddedHas reports whether the manifest is that of the image that is built in.
func EmbeddedHas(manifest v1.Hash) bool {
	if Embedded == nil {
		return false
	}
	data, err := fs.ReadFile(Embedded, "index.json")
	return err == nil && strings.Contains(string(data), manifest.Hex)
}
