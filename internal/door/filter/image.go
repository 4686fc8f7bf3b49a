package filter

import (
	"path"
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
	return slices.ContainsFunc(img.Names, func(name string) bool {
		at := strings.LastIndexByte(name, ':')
		return Reference(pattern, name[:at], name[at+1:])
	})
}

// Reference reports whether the pattern (repository or repository:tag, with shell
// wildcards) is for the name.
func Reference(pattern, repository, tag string) bool {
	want := ""
	if i := strings.LastIndexByte(pattern, ':'); i > strings.LastIndexByte(pattern, '/') {
		pattern, want = pattern[:i], pattern[i+1:]
	}
	if full, err := image.Canonical(pattern); err == nil && !strings.ContainsAny(pattern, "*?[") {
		have, err := image.Canonical(repository)
		if err != nil || have != full {
			return false
		}
	} else if ok, err := path.Match(pattern, repository); !ok || err != nil {
		return false
	}
	ok, err := path.Match(want, tag)
	return want == "" || ok && err == nil
}
