package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/mvrun/mvrun/image"
)

// explain says in a sentence why a registry did not do what was asked.
func explain(verb string, ref image.Ref, err error) error {
	return explainHost(verb+" "+ref.Familiar(), ref.Source().RegistryStr(), err)
}

// explainHost is explain for what asks a registry, and not for an image of it.
func explainHost(what, host string, err error) error {
	if err == nil {
		return nil
	}
	wrap := func(kind error, hint string) error { return fmt.Errorf("%s: %w: %s", what, kind, hint) }
	var answer *transport.Error
	var certificate *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", what, context.Canceled)
	case errors.As(err, &certificate):
		return fmt.Errorf("%s: %w", what, image.UnknownCertificate{Host: host, Err: certificate.Err})
	case errors.As(err, &answer):
		why := explainAnswer(answer, host)
		if child := (missingChild{}); errors.As(err, &child) {
			why = fmt.Errorf("the index leads to the image %s: %w", child.digest, why)
		}
		return fmt.Errorf("%s: %w", what, why)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%s: %w", what, image.NoRoom{Err: syscall.ENOSPC})
	case errors.Is(err, syscall.ECONNREFUSED):
		return wrap(image.ErrUnreachable, host+" refuses the connection")
	case errors.As(err, new(*net.DNSError)):
		return wrap(image.ErrUnreachable, host+" is not known to the DNS (is there a network?)")
	case errors.As(err, &network) && (network.Timeout() || errors.As(err, new(*net.OpError))):
		return wrap(image.ErrUnreachable, network.Error())
	}
	return fmt.Errorf("%s: %w", what, err)
}

func explainAnswer(answer *transport.Error, host string) error {
	for _, d := range answer.Errors {
		switch d.Code {
		case transport.ManifestUnknownErrorCode, transport.NameUnknownErrorCode:
			return fmt.Errorf("%w in the registry %s", image.ErrNotFound, host)
		}
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w in the registry %s", image.ErrNotFound, host)
	case http.StatusUnauthorized, http.StatusForbidden:
		return image.Denied{Host: host}
	case http.StatusTooManyRequests:
		return fmt.Errorf("the registry %s asks to come back later (429 Too Many Requests)", host)
	}
	return fmt.Errorf("the registry %s answers: %s", host, strings.Join(strings.Fields(answer.Error()), " "))
}
