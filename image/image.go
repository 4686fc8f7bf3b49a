// Package image has the nouns of images: references, manifests, layers,
// platforms, and the errors that speak of them. It reads and writes nothing;
// image/store keeps images, image/registry and image/archive bring and send them.
package image

import (
	"bytes"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// MaxMetadata bounds manifests and configurations, in bytes: what registries must
// take (distribution-spec, "Pushing Manifests") and other tools read. They are
// held in memory, parsed in many times their size.
const MaxMetadata = 4 << 20

// Image is one image of the store: a manifest for one platform, its
// configuration, and the names that lead to it.
type Image struct {
	// ID is the digest of the configuration: what Docker calls the image ID.
	ID v1.Hash
	// Digest is the manifest's.
	Digest v1.Hash
	// ManifestSize is that manifest's, in bytes.
	ManifestSize int64
	// Names are sorted; none when the image has lost its name to another.
	Names []Ref
	// RepoDigests tell where the image was pulled from, each with a digest.
	RepoDigests []Ref
	Config      *v1.ConfigFile
	Manifest    *v1.Manifest
	// Open returns the bytes of one of the image's blobs as they are stored.
	Open func(v1.Descriptor) (io.ReadCloser, error)
}

// Platform is what the image is for; zero if it does not say.
func (i *Image) Platform() v1.Platform { return PlatformOf(i.Config) }

// Layers returns the image's layers, the lowest first. Nothing is read before
// a layer's content is asked for.
func (i *Image) Layers() ([]v1.Layer, error) { return Layers(i.Manifest, i.Config, i.Open) }

// Called reports whether the reference is one of the image's names, and not its
// ID.
func (i *Image) Called(ref Ref) bool {
	for _, n := range i.Names {
		if ref.tag != "" && n.Canonical() == ref.Canonical() {
			return true
		}
	}
	return false
}

// ParseManifest reads an image's manifest and refuses what is none.
func ParseManifest(data []byte) (*v1.Manifest, error) {
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return m, checkTypes(m)
}

// CheckDigest says by ErrDigest that data is not what the digest is of.
func CheckDigest(data []byte, want v1.Hash) error {
	got, _, err := v1.SHA256(bytes.NewReader(data))
	if err == nil && got != want {
		err = fmt.Errorf("%w: got %s", ErrDigest, got)
	}
	return err
}

// ShortHash is the beginning of a digest, for people.
func ShortHash(h v1.Hash) string { return h.Hex[:min(12, len(h.Hex))] }
