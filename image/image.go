package image

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is one image of the store: a manifest for one platform, its
// configuration, and the names that lead to it.
type Image struct {
	// ID is the digest of the configuration: what Docker calls the image ID.
	ID v1.Hash
	// Digest is the manifest's.
	Digest v1.Hash
	// Names are the familiar forms ("busybox:latest"), sorted; none when the
	// image has lost its name to another.
	Names []string
	// RepoDigests tell where the image was pulled from ("busybox@sha256:…").
	RepoDigests []string
	Config      *v1.ConfigFile

	manifest *v1.Manifest
	store    *Store
}

// Layers returns the image's layers, the lowest first. Nothing is read before
// a layer's content is asked for.
func (i *Image) Layers() ([]v1.Layer, error) { return i.layers() }
