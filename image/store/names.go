package store

import (
	"cmp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
)

// Annotations of the index's descriptors.
const (
	// AnnotationName holds the canonical name (OCI image-spec, annotations.md).
	AnnotationName = "org.opencontainers.image.ref.name"
	// AnnotationContainerd holds the name in layouts that containerd and Docker
	// write; docker load takes it from there.
	AnnotationContainerd = "io.containerd.image.name"
	// annotationSource holds name@digest as it was pulled; the digest is the
	// multi-platform index's, where there was one.
	annotationSource = "io.github.mvrun.source"
)

// NameOf is the name that a layout's descriptor gives; the zero Ref if it gives
// none. containerd and Docker put the tag alone into the standard annotation and
// the name into their own; skopeo, podman and mvrun put the name there.
func NameOf(desc v1.Descriptor) image.Ref {
	name := desc.Annotations[AnnotationContainerd]
	if name == "" {
		name = desc.Annotations[AnnotationName]
		if isBareTag(name) {
			return image.Ref{}
		}
	}
	ref, err := image.ParseName(name)
	if err != nil {
		return image.Ref{} // the standard allows names that Docker's grammar does not
	}
	return ref
}

// isBareTag reports whether a reference name is more likely a tag than a name.
func isBareTag(s string) bool {
	digit := func(i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }
	if strings.ContainsAny(s, "/:@") {
		return false
	}
	return s == "latest" || digit(0) || len(s) > 0 && s[0] == 'v' && digit(1)
}

// nameOf is the name of an image of the store, which has it in full.
func nameOf(d v1.Descriptor) (image.Ref, bool) { return parsed(d.Annotations[AnnotationName]) }

// sourceOf is where an image of the store came from.
func sourceOf(d v1.Descriptor) (image.Ref, bool) { return parsed(d.Annotations[annotationSource]) }

func parsed(canonical string) (image.Ref, bool) {
	ref, err := image.ParseName(canonical)
	return ref, err == nil
}

// isOf reports whether the descriptor's name, or where it came from, is of the
// repository.
func isOf(d v1.Descriptor, repository string) bool {
	for _, key := range []string{AnnotationName, annotationSource} {
		if ref, ok := parsed(d.Annotations[key]); ok && ref.Repository() == repository {
			return true
		}
	}
	return false
}

func byName(a, b image.Ref) int { return cmp.Compare(a.Familiar(), b.Familiar()) }

func hasPrefix(h v1.Hash, digits string) bool { return strings.HasPrefix(h.Hex, digits) }

// label is what a message calls an image by that can't be loaded.
func label(desc v1.Descriptor) string {
	if ref, ok := nameOf(desc); ok {
		return ref.Familiar()
	}
	return desc.Digest.String()
}

// adoptNames makes canonical what other tools wrote into the layout: skopeo calls
// an image what it was told to. Such a one takes the name from the image that has
// it, since it came later.
func adoptNames(idx *v1.IndexManifest) {
	for i, d := range idx.Manifests {
		name := d.Annotations[AnnotationName]
		full := NameOf(d).Canonical()
		if name == full {
			continue
		}
		for j, other := range idx.Manifests {
			if full != "" && other.Annotations[AnnotationName] == full {
				idx.Manifests[j] = unnamed(other)
			}
		}
		idx.Manifests[i] = named(d, full, v1.Descriptor{})
	}
}

// setName gives the image of desc the name (canonical; "" for none). A name has
// one image: the one that had it loses it, and stays without a name if that was
// its last.
func setName(idx *v1.IndexManifest, name string, desc v1.Descriptor) {
	var kept []v1.Descriptor
	known := false
	for _, d := range idx.Manifests {
		same := d.Digest == desc.Digest
		if name != "" && d.Annotations[AnnotationName] == name && !same {
			d = unnamed(d)
		}
		if same && (d.Annotations[AnnotationName] == name || d.Annotations[AnnotationName] == "") {
			if known {
				continue
			}
			d, known = named(d, name, desc), true
		}
		kept = append(kept, d)
	}
	if !known {
		kept = append(kept, named(desc, name, desc))
	}
	idx.Manifests = dropSpareUnnamed(kept)
}

// named is d with the name and with what desc adds.
func named(d v1.Descriptor, name string, desc v1.Descriptor) v1.Descriptor {
	annotations := map[string]string{}
	for _, from := range []map[string]string{d.Annotations, desc.Annotations} {
		for k, v := range from {
			annotations[k] = v
		}
	}
	delete(annotations, AnnotationName)
	if name != "" {
		annotations[AnnotationName] = name
	}
	d.Annotations = annotations
	if d.Platform == nil {
		d.Platform = desc.Platform
	}
	return d
}

func unnamed(d v1.Descriptor) v1.Descriptor { return named(d, "", v1.Descriptor{}) }

// dropSpareUnnamed removes the nameless descriptors that say nothing new: their
// image has a name, and where it came from is known of that or another one.
func dropSpareUnnamed(descs []v1.Descriptor) []v1.Descriptor {
	type fact struct {
		image  v1.Hash
		source string
	}
	known := map[fact]bool{}
	learn := func(d v1.Descriptor) {
		known[fact{d.Digest, ""}] = true
		known[fact{d.Digest, d.Annotations[annotationSource]}] = true
	}
	for _, d := range descs {
		if d.Annotations[AnnotationName] != "" {
			learn(d)
		}
	}
	var kept []v1.Descriptor
	for _, d := range descs {
		if d.Annotations[AnnotationName] == "" {
			if known[fact{d.Digest, d.Annotations[annotationSource]}] {
				continue
			}
			learn(d)
		}
		kept = append(kept, d)
	}
	return kept
}
