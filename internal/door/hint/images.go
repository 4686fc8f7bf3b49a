// Package hint has a line of advice for errors that carry facts. The libraries
// say what is wrong; what to type about it is known to the doors alone.
package hint

import (
	"errors"
	"strings"

	"github.com/mvrun/mvrun/image"
)

// Image says what can be done about an error that speaks of images, or "".
func Image(err error) string {
	var (
		bad         image.BadReference
		inUse       image.InUse
		several     image.SeveralNames
		denied      image.Denied
		certificate image.UnknownCertificate
		notBuiltIn  image.NotBuiltIn
	)
	switch {
	case errors.As(err, &bad) && strings.Contains(bad.Text, "://"):
		return "--insecure allows plain HTTP"
	case errors.As(err, &inUse) && inUse.Running:
		return "stop and remove that first"
	case errors.As(err, &inUse):
		return "remove that first, or use --force"
	case errors.As(err, &several):
		return "remove them by name, or use --force"
	case errors.As(err, &denied):
		return "try `mvrun login " + denied.Host + "`"
	case errors.As(err, &certificate):
		return "install its CA, or allow it with --insecure"
	case errors.Is(err, image.ErrPlainHTTP):
		return "allow this one with --insecure"
	case errors.As(err, &notBuiltIn):
		return "`make build` builds one with it, or pull it where there is a registry"
	case errors.Is(err, image.ErrNoImages):
		return "mvrun import makes an image of a root file system"
	case errors.Is(err, image.ErrTooBig):
		return "--max-unpacked-size sets it"
	case errors.Is(err, image.ErrCorrupt):
		return "mvrun image fsck tells more"
	case errors.As(err, &image.NoRoom{}):
		return "free some space (mvrun image prune) and try again"
	}
	return ""
}
