package image

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// DockerHub is the registry of names that have none.
const DockerHub = "docker.io"

// Ref is what somebody calls an image, parsed once: a name with a tag or a
// digest, an image ID or its first digits, or, where the words allow both, either.
// Its zero value is no name at all. Refs of the same words are equal.
type Ref struct {
	typed  string
	repo   name.Repository // zero if it can only be an ID
	tag    string          // "" with a digest
	digest string          // "sha256:…" or ""
	id     string          // hexadecimal digits, if it can be an ID
}

// ParseRef reads a reference to an image of the store: a name, or an ID. A full ID,
// or digits after "sha256:", are an ID; fewer digits can be a name as well. What
// can be neither is ErrBadReference.
func ParseRef(s string) (Ref, error) {
	digits, isHex := hexID(s)
	if isHex && (len(digits) == 64 || strings.HasPrefix(s, "sha256:")) {
		return Ref{typed: s, id: digits}, nil
	}
	ref, err := ParseName(s)
	if isHex {
		ref.id = digits
	}
	return ref, err
}

// ParseName reads an image's name with Docker's short forms and defaults:
// "busybox" is docker.io/library/busybox:latest. With a digest, a tag beside it is
// ignored, as Docker does. What is no name is ErrBadReference.
func ParseName(s string) (Ref, error) {
	parsed, err := name.ParseReference(s)
	if err != nil {
		return Ref{}, badReference(s)
	}
	for part := range strings.SplitSeq(parsed.Context().RepositoryStr(), "/") {
		if !validComponent(part) {
			return Ref{}, badReference(s)
		}
	}
	ref := Ref{typed: s, repo: parsed.Context()}
	if tag, ok := parsed.(name.Tag); ok {
		ref.tag = tag.TagStr()
	} else {
		ref.digest = parsed.Identifier()
	}
	if strings.IndexAny(ref.tag, ".-") == 0 {
		return Ref{}, BadReference{s, "a tag starts with a letter, a digit or _"}
	}
	if digits, ok := hexID(s); ok && len(digits) == 64 {
		return Ref{}, BadReference{s, "64 hexadecimal digits are an image ID"}
	}
	if !validHost(ref.repo.RegistryStr()) {
		return Ref{}, badReference(s)
	}
	return ref, nil
}

// ParseTag is ParseName for a name that an image is to get: a digest is refused.
func ParseTag(s string) (Ref, error) {
	ref, err := ParseName(s)
	if err == nil && ref.digest != "" {
		return Ref{}, BadReference{s, "an image can't be given a digest for a name"}
	}
	return ref, err
}

// String is what was typed.
func (r Ref) String() string { return r.typed }

// IsName reports whether the reference can be a name.
func (r Ref) IsName() bool { return r.tag != "" || r.digest != "" }

// ID returns the digits of the image ID that the reference can be, up to 64 of
// them, or "".
func (r Ref) ID() string { return r.id }

// Tag is the name's tag; "" if it has a digest.
func (r Ref) Tag() string { return r.tag }

// Digest is the name's digest, "sha256:…"; "" if it has a tag.
func (r Ref) Digest() string { return r.digest }

// Canonical is the name in full, as records have it:
// docker.io/library/busybox:latest. It is "" for what is no name.
func (r Ref) Canonical() string { return r.join(r.Repository()) }

// Familiar is the short form that people type: busybox:latest.
func (r Ref) Familiar() string { return r.join(r.FamiliarRepository()) }

func (r Ref) join(repository string) string {
	switch {
	case r.digest != "":
		return repository + "@" + r.digest
	case r.tag != "":
		return repository + ":" + r.tag
	}
	return ""
}

// Repository is the name without its tag or digest, in full:
// docker.io/library/busybox.
func (r Ref) Repository() string { return r.Host() + "/" + r.Path() }

// FamiliarRepository is the short form of Repository: busybox.
func (r Ref) FamiliarRepository() string {
	rest, ok := strings.CutPrefix(r.Repository(), DockerHub+"/")
	if !ok {
		return r.Repository()
	}
	return strings.TrimPrefix(rest, "library/")
}

// Host is the registry, with its port if there is one: docker.io.
func (r Ref) Host() string {
	if host := r.repo.RegistryStr(); host != name.DefaultRegistry {
		return host
	}
	return DockerHub
}

// Path is the repository within its registry: library/busybox.
func (r Ref) Path() string { return r.repo.RepositoryStr() }

// Source is the repository as go-containerregistry has it.
func (r Ref) Source() name.Repository { return r.repo }

// WithTag is the same repository with another tag.
func (r Ref) WithTag(tag string) Ref {
	r.tag, r.digest, r.id = tag, "", ""
	r.typed = r.Canonical()
	return r
}

// WithDigest is the same repository with a digest.
func (r Ref) WithDigest(digest string) Ref {
	r.tag, r.digest, r.id = "", digest, ""
	r.typed = r.Canonical()
	return r
}

// HasDefaultTag reports whether the tag was not typed, and so is latest.
func (r Ref) HasDefaultTag() bool { return r.tag != "" && !strings.HasSuffix(r.typed, ":"+r.tag) }

// TypedWithTag is what was typed, with the tag that it means.
func (r Ref) TypedWithTag() string {
	if r.HasDefaultTag() {
		return r.typed + ":" + r.tag
	}
	return r.typed
}

// badReference says what is wrong with a name.
func badReference(s string) error {
	why := "want [HOST[:PORT]/]NAME[:TAG|@DIGEST], such as busybox:1.36"
	switch {
	case strings.Contains(s, "://"):
		why = "leave out the scheme"
	case strings.Contains(s, "@"):
		why = "a digest is sha256: and 64 hexadecimal digits"
	case strings.ToLower(s) != s:
		why = "repository name must be lowercase"
	}
	return BadReference{s, why}
}

// validHost checks what go-containerregistry leaves open of host and port: ./app
// and ../app are files, not images.
func validHost(s string) bool {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	if address, ok := strings.CutPrefix(host, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(address, "]"))
		return err == nil && addr.Is6()
	}
	for part := range strings.SplitSeq(host, ".") {
		if strings.Trim(part, "-") != part || part == "" {
			return false
		}
	}
	return true
}

// validComponent checks what go-containerregistry leaves open: letters and
// digits, joined by one period, one or two underscores, or any number of dashes
// (distribution-spec, "Pulling manifests").
func validComponent(part string) bool {
	alnum := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
	if part == "" || !alnum(part[0]) || !alnum(part[len(part)-1]) {
		return false
	}
	joint := ""
	for i := range len(part) {
		if !alnum(part[i]) {
			joint += part[i : i+1]
			continue
		}
		if joint != "" && joint != "." && joint != "_" && joint != "__" && strings.Trim(joint, "-") != "" {
			return false
		}
		joint = ""
	}
	return true
}

// hexID returns the hexadecimal digits if s can be an image ID or the beginning
// of one, with or without "sha256:".
func hexID(s string) (digits string, ok bool) {
	s = strings.TrimPrefix(s, "sha256:")
	if len(s) == 0 || len(s) > 64 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", false
	}
	return s, true
}

// IDRef is the reference to an image by its ID.
func IDRef(id v1.Hash) Ref { return Ref{typed: id.String(), id: id.Hex} }
