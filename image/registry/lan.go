package registry

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// lan lets a registry on a private address send its client to other private
// addresses: to its token server, to where uploads go, to another port of its own.
// go-containerregistry refuses those, as an attacker's registry could have the
// client ask something inside; that is no danger where the registry is inside
// itself. The guard looks at addresses written as such, so they get names here on
// their way up and are addresses again on their way down. Link-local addresses, a
// cloud's metadata among them, stay refused.
type lan struct {
	inner http.RoundTripper
	host  string // the registry's, with its port if there is one

	once   sync.Once
	inside bool

	mu    sync.Mutex
	names map[string]string // of an address with its port, by the name that it got
}

// insideSuffix ends the names that addresses get. No resolver knows it (RFC 6761,
// section 6.4).
const insideSuffix = ".inside.invalid"

func (t *lan) RoundTrip(req *http.Request) (*http.Response, error) {
	t.mu.Lock()
	address, named := t.names[req.URL.Host]
	t.mu.Unlock()
	if named {
		req = req.Clone(req.Context())
		req.URL.Host, req.Host = address, address
	}
	resp, err := t.inner.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	// Token servers that know no POST say so by 405 as well as by 404, which alone
	// has the client try GET.
	if req.Method == http.MethodPost && resp.StatusCode == http.StatusMethodNotAllowed && strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		resp.StatusCode, resp.Status = http.StatusNotFound, "404 Not Found"
	}
	if named || t.isInside(req.Context()) {
		t.rename(resp.Header)
	}
	return resp, nil
}

// isInside reports whether the registry has private addresses alone.
func (t *lan) isInside(ctx context.Context) bool {
	t.once.Do(func() {
		host := (&url.URL{Host: t.host}).Hostname()
		if isLoopback(host) {
			t.inside = true
			return
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		t.inside = err == nil && len(addrs) > 0
		for _, a := range addrs {
			t.inside = t.inside && isPrivate(a.Unmap())
		}
	})
	return t.inside
}

func isPrivate(a netip.Addr) bool { return a.IsPrivate() || a.IsLoopback() }

var realm = regexp.MustCompile(`(?i)(realm=")([^"]*)"`)

func (t *lan) rename(h http.Header) {
	if location := h.Get("Location"); location != "" {
		h.Set("Location", t.nameIn(location))
	}
	challenges := h.Values("WWW-Authenticate")
	for i, c := range challenges {
		challenges[i] = realm.ReplaceAllStringFunc(c, func(s string) string {
			part := realm.FindStringSubmatch(s)
			return part[1] + t.nameIn(part[2]) + `"`
		})
	}
}

// nameIn gives a private address in the URL a name.
func (t *lan) nameIn(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Host == t.host {
		return text
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil || !isPrivate(addr.Unmap()) {
		return text
	}
	name := strings.NewReplacer(":", "-", "%", "-").Replace(addr.String()) + insideSuffix
	if port := u.Port(); port != "" {
		name += ":" + port
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names == nil {
		t.names = map[string]string{}
	}
	t.names[name] = u.Host
	u.Host = name
	return u.String()
}
