package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/rootfs"
)

func parseHash(s string) (v1.Hash, error) { return v1.NewHash(s) }

// imageSize is what the image's files hold.
func imageSize(layers *rootfs.Store, img *image.Image) (sum int64) {
	for _, size := range layerSizes(layers, img) {
		sum += size
	}
	return sum
}

func humanSize(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// shortImageID is Docker's short form, or with full the whole digest.
func shortImageID(h v1.Hash, full bool) string {
	if full {
		return h.String()
	}
	return h.Hex[:12]
}

// ago is Docker's "3 weeks ago"; an image without a time has "N/A".
func ago(t time.Time) string {
	if t.IsZero() || t.Unix() <= 0 {
		return "N/A"
	}
	return units.HumanDuration(time.Since(t)) + " ago"
}

// splitName parts repository and tag.
func splitName(name string) (repository, tag string) {
	i := strings.LastIndexByte(name, ':')
	return name[:i], name[i+1:]
}

// imageRows is a row for each name of the image, as Docker lists them.
func imageRows(layers *rootfs.Store, img *image.Image, full bool) []map[string]string {
	row := func(repository, tag, digest string) map[string]string {
		size := humanSize(imageSize(layers, img))
		return map[string]string{
			"ID": shortImageID(img.ID, full), "Repository": repository, "Tag": tag, "Digest": digest,
			"CreatedSince": ago(img.Config.Created.Time), "CreatedAt": dockerStamp(img.Config.Created.Time),
			"Size": size, "VirtualSize": size, "SharedSize": "N/A", "UniqueSize": "N/A", "Containers": "N/A",
			"Platform": img.Platform().String(), "Labels": joinLabels(img.Config.Config.Labels),
		}
	}
	digests := map[string]string{}
	for _, d := range img.RepoDigests {
		repository, digest, _ := strings.Cut(d, "@")
		digests[repository] = digest
	}
	digestOf := func(repository string) string {
		if d := digests[repository]; d != "" {
			return d
		}
		return "<none>"
	}
	var rows []map[string]string
	for _, name := range img.Names {
		repository, tag := splitName(name)
		rows = append(rows, row(repository, tag, digestOf(repository)))
	}
	if len(rows) > 0 {
		return rows
	}
	for repository, digest := range digests {
		return []map[string]string{row(repository, "<none>", digest)}
	}
	return []map[string]string{row("<none>", "<none>", "<none>")}
}

func dockerStamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -0700 MST") }

// imageView is an image in Docker's form of inspect.
type imageView struct {
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
	GraphDriver  graphDriverView
	RootFS       rootFSView
	Metadata     map[string]string
	Descriptor   map[string]string
}

type rootFSView struct {
	Type   string
	Layers []string
}

func viewImage(layers *rootfs.Store, img *image.Image) imageView {
	c := img.Config
	v := imageView{
		ID: img.ID.String(), RepoTags: []string{}, RepoDigests: []string{},
		Created: c.Created.UTC().Format(time.RFC3339Nano), Author: c.Author, Config: c.Config,
		Architecture: c.Architecture, Variant: c.Variant, Os: c.OS, Size: imageSize(layers, img),
		GraphDriver: graphDriverView{Name: "overlay", Data: map[string]string{}},
		RootFS:      rootFSView{Type: c.RootFS.Type, Layers: []string{}},
		Metadata:    map[string]string{},
		Descriptor:  map[string]string{"digest": img.Digest.String()},
	}
	v.VirtualSize = v.Size
	v.RepoTags = append(v.RepoTags, img.Names...)
	v.RepoDigests = append(v.RepoDigests, img.RepoDigests...)
	if n := len(c.History); n > 0 {
		v.Comment = c.History[n-1].Comment
	}
	for _, id := range c.RootFS.DiffIDs {
		v.RootFS.Layers = append(v.RootFS.Layers, fmt.Sprint(id))
	}
	return v
}
