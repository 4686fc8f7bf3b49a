package filter

import (
	"slices"
	"strings"
	"time"

	"github.com/mvrun/mvrun/image"
)

// Images are the keys of images; of image prune only label, label! and until.
func Images() Keys[*image.Image] {
	type img = *image.Image
	labels := func(i img) map[string]string { return i.Config.Config.Labels }
	is := func(i img, ref string) bool {
		return named(i, ref) || ref != "" && strings.HasPrefix(i.ID.Hex, strings.TrimPrefix(ref, "sha256:"))
	}
	older := func(i, other img) bool { return i.Config.Created.Before(other.Config.Created.Time) }
	return Keys[img]{
		"dangling":  truth(func(i img) bool { return len(i.Names) == 0 }),
		"label":     label(labels, true),
		"label!":    label(labels, false),
		"reference": text(named),
		"until":     until(func(i img) time.Time { return i.Config.Created.Time }),
		"before":    relative("image", is, older),
		"since":     relative("image", is, swap(older)),
	}
}

func named(img *image.Image, pattern string) bool {
	return slices.ContainsFunc(img.Names, func(name image.Ref) bool {
		return image.Matches(pattern, name.FamiliarRepository(), name.Tag())
	})
}
