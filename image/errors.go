package image

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mvrun/mvrun/internal/tarlimit"
)

// Errors that callers tell apart by errors.Is. Those that carry facts are the
// types below, each of which is one of these.
var (
	ErrNotFound     = errors.New("no such image")
	ErrBadReference = errors.New("invalid reference format")
	ErrDigest       = errors.New("the content does not match its digest")
	ErrTooBig       = tarlimit.ErrTooBig
	// ErrCorrupt marks damage in the store: a blob that is missing or is not what
	// its name says.
	ErrCorrupt = errors.New("image store is damaged")
	// ErrBusy says that someone holds the store.
	ErrBusy = errors.New("image store is in use")
	// ErrInUse says that a container needs the image.
	ErrInUse       = errors.New("image is in use")
	ErrPlatform    = errors.New("no image for this platform")
	ErrDenied      = errors.New("access denied")
	ErrUnreachable = errors.New("registry can't be reached")
	// ErrPlainHTTP says that a registry off loopback would be spoken to in the
	// clear.
	ErrPlainHTTP = errors.New("plain HTTP is for loopback registries alone")
	// ErrNoImages says that an archive is no image archive.
	ErrNoImages = errors.New("this is no image archive: it has neither index.json nor manifest.json")
)

// BadReference is a text that can't be the name of an image. Its message quotes
// the text, so that a terminal obeys nothing in it.
type BadReference struct{ Text, Why string }

func (e BadReference) Error() string {
	return fmt.Sprintf("%v: %q: %s", ErrBadReference, e.Text, e.Why)
}

// Is makes it ErrBadReference.
func (BadReference) Is(target error) bool { return target == ErrBadReference }

// InUse says which container keeps an image from being removed. A stopped one
// lets go of it by force.
type InUse struct {
	Ref       string
	Container string
	Running   bool
}

func (e InUse) Error() string {
	forced, state := "must be forced", "stopped"
	if e.Running {
		forced, state = "cannot be forced", "running"
	}
	return fmt.Sprintf("remove image %s: conflict (%s): %v: %s container %s is using it", e.Ref, forced, ErrInUse, state, e.Container)
}

// Is makes it ErrInUse.
func (InUse) Is(target error) bool { return target == ErrInUse }

// SeveralNames says that an image was to be removed by its ID and has names in
// more than one repository.
type SeveralNames struct {
	Ref   string
	Names []Ref
}

func (e SeveralNames) Error() string {
	var names []string
	for _, n := range e.Names {
		names = append(names, n.Familiar())
	}
	return fmt.Sprintf("remove image %s: conflict (must be forced): it has names in several repositories (%s)", e.Ref, strings.Join(names, ", "))
}

// Denied says that a registry wants other credentials, or any.
type Denied struct{ Host string }

func (Denied) Error() string {
	return ErrDenied.Error() + ": the repository does not exist or needs a login"
}

// Is makes it ErrDenied.
func (Denied) Is(target error) bool { return target == ErrDenied }

// UnknownCertificate says that nobody known vouches for a registry's certificate.
type UnknownCertificate struct {
	Host string
	Err  error
}

func (e UnknownCertificate) Error() string {
	return fmt.Sprintf("%s has a certificate that can't be verified: %v", e.Host, e.Err)
}

func (e UnknownCertificate) Unwrap() error { return e.Err }

// NotBuiltIn says of an image that could have come with the program that it did
// not; Err is why it was not found elsewhere.
type NotBuiltIn struct{ Err error }

func (e NotBuiltIn) Error() string {
	return fmt.Sprintf("%v (no busybox is built into this mvrun)", e.Err)
}

func (e NotBuiltIn) Unwrap() error { return e.Err }

// NoRoom says that the disk is full.
type NoRoom struct{ Err error }

func (e NoRoom) Error() string { return e.Err.Error() }

func (e NoRoom) Unwrap() error { return e.Err }

// NotAnImage is a manifest of something else: a signature, an attestation, a chart.
type NotAnImage struct{ Why string }

func (e NotAnImage) Error() string { return e.Why }

// TooMuch says that a manifest or configuration is bigger than MaxMetadata.
func TooMuch(what string, size int64) error {
	return fmt.Errorf("%s has %d bytes: no manifest or configuration is bigger than %d", what, size, MaxMetadata)
}
