package registry

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/mvrun/mvrun/image"
)

// Registries says how registries are spoken to. The zero value is right for
// those with a certificate and for those on loopback.
type Registries struct {
	// Insecure lists hosts ("reg.lan:5000") that may be spoken to by plain HTTP
	// or with a certificate that nobody vouches for. "*" is all of them.
	Insecure []string
	// Mirrors lists for a registry ("docker.io") the hosts to ask before it.
	Mirrors map[string][]string
}

// session is an authenticated way to one repository.
type session struct {
	repo name.Repository
	rt   http.RoundTripper
	// plain has the rules of the registry and no credentials.
	plain http.RoundTripper
}

// open pings the repository's registry and logs in as the credentials of
// Docker's configuration say. action is transport.PullScope or PushScope;
// alsoRead are repositories of the same registry that blobs are taken from.
func (r Registries) open(ctx context.Context, repo name.Repository, action string, alsoRead ...name.Repository) (*session, error) {
	repo, err := r.withScheme(repo)
	if err != nil {
		return nil, err
	}
	auth, err := authn.Resolve(ctx, keychain(), repo)
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	plain := r.base(repo.RegistryStr())
	scopes := []string{repo.Scope(action)}
	for _, other := range alsoRead {
		scopes = append(scopes, other.Scope(transport.PullScope))
	}
	rt, err := transport.NewWithContext(ctx, repo.Registry, auth, plain, scopes)
	if err != nil {
		return nil, err
	}
	return &session{repo, rt, plain}, nil
}

// withScheme marks the repository of an insecure registry, for which the client
// then tries HTTP after HTTPS.
func (r Registries) withScheme(repo name.Repository) (name.Repository, error) {
	if !r.insecure(repo.RegistryStr()) {
		return repo, nil
	}
	return name.NewRepository(repo.Name(), name.Insecure)
}

func (r Registries) insecure(host string) bool {
	return slices.Contains(r.Insecure, "*") || slices.Contains(r.Insecure, host)
}

// reference is the tag or digest in the session's repository.
func (s *session) reference(identifier string) name.Reference {
	if strings.Contains(identifier, ":") {
		return s.repo.Digest(identifier)
	}
	return s.repo.Tag(identifier)
}

func (s *session) options(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithTransport(s.rt)}
}

// base is the transport to the registry under the authentication: its rules hold for the
// registry, for its token server and for wherever they redirect to.
func (r Registries) base(host string) http.RoundTripper {
	plain := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       30 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		DisableCompression:    true, // blobs are compressed and have digests
	}
	unverified := plain.Clone()
	unverified.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return &retrying{
		inner: &watching{&lan{host: host, inner: &rules{registries: r, verified: hostTransport(plain), unverified: hostTransport(unverified)}}},
		delay: firstRetryDelay,
	}
}

// hostTransport is base with each host's own certificates.
func hostTransport(base *http.Transport) http.RoundTripper {
	certs := &certificates{}
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Scheme != "https" {
			return base.RoundTrip(req)
		}
		rt, err := certs.transport(req.URL.Host, base)
		if err != nil {
			return nil, err
		}
		return rt.RoundTrip(req)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// rules refuses plain HTTP and unverified certificates where they are not
// allowed. go-containerregistry alone would try HTTP on every private network.
type rules struct {
	registries           Registries
	verified, unverified http.RoundTripper
}

func (t *rules) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.registries.insecure(req.URL.Host) {
		return t.unverified.RoundTrip(req)
	}
	if req.URL.Scheme != "https" && !isLoopback(req.URL.Hostname()) {
		return nil, fmt.Errorf("%s: %w", req.URL.Host, image.ErrPlainHTTP)
	}
	return t.verified.RoundTrip(req)
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true // RFC 6761, section 6.3
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
