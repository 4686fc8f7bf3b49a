package view

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
)

// ImageHeads are the headings of an image row's fields.
var ImageHeads = map[string]string{
	"Repository": "REPOSITORY", "Tag": "TAG", "ID": "IMAGE ID", "CreatedSince": "CREATED", "Size": "SIZE",
	"Digest": "DIGEST", "CreatedAt": "CREATED AT", "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
	"VirtualSize": "SIZE", "Containers": "CONTAINERS", "Platform": "PLATFORM", "Labels": "LABELS",
}

// ImageRows is a row for each name of the image, as Docker lists them. bytes is what
// its files hold.
func ImageRows(img *image.Image, bytes int64, full bool) []map[string]string {
	row := func(repository, tag, digest string) map[string]string {
		size := Size(bytes)
		return map[string]string{
			"ID": ImageID(img.ID, full), "Repository": repository, "Tag": tag, "Digest": digest,
			"CreatedSince": ago(img.Config.Created.Time), "CreatedAt": stamp(img.Config.Created.Time),
			"Size": size, "VirtualSize": size, "SharedSize": "N/A", "UniqueSize": "N/A", "Containers": "N/A",
			"Platform": img.Platform().String(), "Labels": joinLabels(img.Config.Config.Labels),
		}
	}
	digestOf := func(repository string) string {
		for _, d := range img.RepoDigests {
			if d.Repository() == repository {
				return d.Digest()
			}
		}
		return "<none>"
	}
	var rows []map[string]string
	for _, name := range img.Names {
		rows = append(rows, row(name.FamiliarRepository(), name.Tag(), digestOf(name.Repository())))
	}
	if len(rows) > 0 {
		return rows
	}
	for _, d := range img.RepoDigests {
		return []map[string]string{row(d.FamiliarRepository(), "<none>", d.Digest())}
	}
	return []map[string]string{row("<none>", "<none>", "<none>")}
}

// Image is an image in Docker's form of inspect.
type Image struct {
	ID           string `json:"Id"`
	RepoTags     []string
	RepoDigests  []string
	Parent       string
	Comment      string
	Created      string
	Author       string
	Config       v1.Config
	Architecture string
	Variant      string `json:",omitempty"`
	Os           string
	Size         int64
	VirtualSize  int64
	GraphDriver  GraphDriver
	RootFS       RootFS
	Metadata     map[string]string
	Descriptor   map[string]string
}

type RootFS struct {
	Type   string
	Layers []string
}

// NewImage brings an image whose files hold so many bytes into Docker's form.
func NewImage(img *image.Image, bytes int64) Image {
	c := img.Config
	v := Image{
		ID: img.ID.String(), RepoTags: []string{}, RepoDigests: []string{},
		Created: dockerTime(c.Created.Time), Author: c.Author, Config: c.Config,
		Architecture: c.Architecture, Variant: c.Variant, Os: c.OS, Size: bytes,
		GraphDriver: GraphDriver{Name: "overlay", Data: map[string]string{}},
		RootFS:      RootFS{Type: c.RootFS.Type, Layers: []string{}},
		Metadata:    map[string]string{},
		Descriptor:  map[string]string{"digest": img.Digest.String()},
	}
	v.VirtualSize = v.Size
	for _, name := range img.Names {
		v.RepoTags = append(v.RepoTags, name.Familiar())
	}
	for _, d := range img.RepoDigests {
		v.RepoDigests = append(v.RepoDigests, d.Familiar())
	}
	if n := len(c.History); n > 0 {
		v.Comment = c.History[n-1].Comment
	}
	for _, id := range c.RootFS.DiffIDs {
		v.RootFS.Layers = append(v.RootFS.Layers, fmt.Sprint(id))
	}
	return v
}
