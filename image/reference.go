package image

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// ErrBadReference marks what can't be the name of an image.
var ErrBadReference = errors.New("invalid reference format")

const dockerHub = "docker.io"

// parseName reads an image's name with Docker's short forms and defaults:
// "busybox" is docker.io/library/busybox:latest. With a digest, a tag beside it
// is ignored, as Docker does.
func parseName(s string) (name.Reference, error) {
	ref, err := name.ParseReference(s)
	if err != nil {
		return nil, badReference(s)
	}
	for part := range strings.SplitSeq(ref.Context().RepositoryStr(), "/") {
		if !validComponent(part) {
			return nil, badReference(s)
		}
	}
	if tag, ok := ref.(name.Tag); ok && strings.IndexAny(tag.TagStr(), ".-") == 0 {
		return nil, fmt.Errorf("%w: %q: a tag starts with a letter, a digit or _", ErrBadReference, s)
	}
	if digits, ok := hexID(s); ok && len(digits) == 64 {
		return nil, fmt.Errorf("%w: %q: 64 hexadecimal digits are an image ID", ErrBadReference, s)
	}
	if !validHost(ref.Context().RegistryStr()) {
		return nil, badReference(s)
	}
	return ref, nil
}

// badReference says what is wrong with a name.
func badReference(s string) error {
	why := "want [HOST[:PORT]/]NAME[:TAG|@DIGEST], such as busybox:1.36"
	switch {
	case strings.Contains(s, "://"):
		why = "leave out the scheme; --insecure allows plain HTTP"
	case strings.Contains(s, "@"):
		why = "a digest is sha256: and 64 hexadecimal digits"
	case strings.ToLower(s) != s:
		why = "repository name must be lowercase"
	}
	return fmt.Errorf("%w: %q: %s", ErrBadReference, s, why)
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

// canonical is the name in full, as the store's index has it:
// docker.io/library/busybox:latest.
func canonical(ref name.Reference) string {
	repo := ref.Context().Name()
	if rest, ok := strings.CutPrefix(repo, name.DefaultRegistry+"/"); ok {
		repo = dockerHub + "/" + rest
	}
	return join(repo, ref.Identifier())
}

// familiar is the short form of a canonical name that people type.
func familiar(canonical string) string {
	rest, ok := strings.CutPrefix(canonical, dockerHub+"/")
	if !ok {
		return canonical
	}
	return strings.TrimPrefix(rest, "library/")
}

func join(repo, identifier string) string {
	if strings.Contains(identifier, ":") {
		return repo + "@" + identifier // a digest
	}
	return repo + ":" + identifier
}

// Canonical is the full form of an image's name, for records:
// "busybox" gives "docker.io/library/busybox:latest". An invalid name is
// ErrBadReference.
func Canonical(s string) (string, error) {
	ref, err := parseName(s)
	if err != nil {
		return "", err
	}
	return canonical(ref), nil
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
