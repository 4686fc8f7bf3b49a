package image

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// MachinePlatform is what images run on here.
func MachinePlatform() v1.Platform {
	p := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	switch p.Architecture {
	case "arm64":
		p.Variant = "v8"
	case "arm":
		p.Variant = "v7"
	}
	return p
}

// ParsePlatform reads linux/arm64, linux/arm/v7 or just arm64.
func ParsePlatform(s string) (*v1.Platform, error) {
	full := s
	if !strings.Contains(s, "/") {
		full = "linux/" + s
	}
	p, err := v1.ParsePlatform(full)
	if err != nil || p.OS == "" || p.Architecture == "" {
		return nil, fmt.Errorf("platform %q: want os/architecture[/variant], such as linux/arm64", s)
	}
	switch p.Architecture {
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "aarch64":
		p.Architecture = "arm64"
	}
	if p.OS != "linux" {
		return nil, fmt.Errorf("platform %q: containers here are linux's", s)
	}
	return p, nil
}

// Choose picks the manifest for the platform from a multi-platform index: the
// one of the same variant, else of the nearest lower one, else one that names no
// variant, else the first that names no platform and so may be for any.
func Choose(idx *v1.IndexManifest, want v1.Platform) (v1.Descriptor, error) {
	var best, unspoken *v1.Descriptor
	var offered []string
	for _, d := range idx.Manifests {
		if isAttestation(d) {
			continue
		}
		if d.Platform == nil {
			if unspoken == nil {
				unspoken = &d
			}
			continue
		}
		offered = append(offered, d.Platform.String())
		if !RunsOn(*d.Platform, want) {
			continue
		}
		if best == nil || nearer(d.Platform.Variant, best.Platform.Variant, baseline(want)) {
			best = &d
		}
	}
	if best != nil {
		return *best, nil
	}
	if unspoken != nil {
		return *unspoken, nil
	}
	slices.Sort(offered)
	return v1.Descriptor{}, fmt.Errorf("%w: want %s, it has %s", ErrPlatform, want, strings.Join(slices.Compact(offered), ", "))
}

// isAttestation reports whether the descriptor is of what is said about an image
// beside it, and not of an image.
func isAttestation(d v1.Descriptor) bool {
	return d.Platform != nil && d.Platform.OS == "unknown" || d.Annotations["vnd.docker.reference.type"] != ""
}

// baseline is the variant that is meant where none is named: what every machine
// of the architecture runs, or of arm those that Linux distributions are for.
func baseline(p v1.Platform) string {
	if p.Variant != "" {
		return p.Variant
	}
	return map[string]string{"amd64": "v1", "arm": "v7", "arm64": "v8"}[p.Architecture]
}

// nearer reports whether variant a suits better than b: the highest that is not
// above base, else the lowest.
func nearer(a, b, base string) bool {
	if below := a <= base; below != (b <= base) {
		return below
	} else if below {
		return a > b
	}
	return a < b
}

// PlatformOf is the platform that the configuration names; zero if it names
// none, as those of images that hold no programs may.
func PlatformOf(config *v1.ConfigFile) v1.Platform {
	if p := config.Platform(); p != nil {
		return *p
	}
	return v1.Platform{}
}

// RunsOn reports whether an image for have runs where want is.
func RunsOn(have, want v1.Platform) bool {
	if have.OS != want.OS || have.Architecture != want.Architecture {
		return false
	}
	return have.Variant == "" || want.Variant == "" || have.Variant <= want.Variant
}
