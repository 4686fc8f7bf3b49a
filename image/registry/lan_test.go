package registry

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/image"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
)

// A registry on the LAN has its token server at another address or port, sends
// blobs by redirects and takes uploads elsewhere, as GitLab and Harbor do.
func TestRegistryOfSeveralPrivateAddresses(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 100_000, 1))
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reg.Inner.ServeHTTP(w, r) }))
	defer storage.Close()
	token := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"token":"sesame"}`)
	}))
	defer token.Close()
	reg.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "Bearer sesame" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="test"`, token.URL+"/token"))
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if r.Method == http.MethodGet && (strings.Contains(r.URL.Path, "/blobs/") || strings.Contains(r.URL.Path, "/manifests/")) {
			http.Redirect(w, r, storage.URL+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		if r.Method == http.MethodPost { // an upload begins, and goes on elsewhere
			rec := httptest.NewRecorder()
			reg.Inner.ServeHTTP(rec, r)
			w.Header().Set("Location", storage.URL+rec.Header().Get("Location"))
			w.WriteHeader(rec.Code)
			return true
		}
		return false
	})
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	mine := reg.Host + "/mine:1"
	it.ImportImage(t, s, mine, "x")
	if _, err := Push(t.Context(), s, it.Ref(mine), PullOptions{}); err != nil {
		t.Error(err)
	}
}

// What is link-local stays refused, and what a registry outside says of inside.
func TestRegistryMayNotSendAnywhere(t *testing.T) {
	for _, tt := range []struct {
		registry, to string
		renamed      bool
	}{
		{"127.0.0.1:5000", "http://127.0.0.1:5001/token", true},
		{"10.0.0.1:5000", "http://10.0.0.5/token", true},
		{"10.0.0.1:5000", "http://[fd00::1]:5001/token", true},
		{"10.0.0.1:5000", "http://10.0.0.1:5000/token", false}, // itself
		{"10.0.0.1:5000", "http://169.254.169.254/latest", false},
		{"10.0.0.1:5000", "http://[fe80::1]/latest", false},
		{"10.0.0.1:5000", "https://auth.example.com/token", false},
		{"8.8.8.8:5000", "http://10.0.0.5/token", false},
	} {
		var asked string
		rt := &lan{host: tt.registry, inner: roundTripper(func(req *http.Request) (*http.Response, error) {
			asked = req.URL.String()
			rec := httptest.NewRecorder()
			rec.Header().Set("Location", tt.to)
			return rec.Result(), nil
		})}
		get := func(url string) string {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			return resp.Header.Get("Location")
		}
		location := get("http://" + tt.registry + "/v2/")
		if (location != tt.to) != tt.renamed {
			t.Errorf("%s may send to %s: %q", tt.registry, tt.to, location)
		}
		if get(location); asked != tt.to {
			t.Errorf("%s sent to %s, and %s was asked", tt.registry, tt.to, asked)
		}
	}
}

// A token server that knows no POST says so by 404 or 405.
func TestIdentityTokenFallsBackToGet(t *testing.T) {
	for _, code := range []int{http.StatusNotFound, http.StatusMethodNotAllowed} {
		reg, s := it.NewRegistry(t), it.Open(t)
		ref := reg.Push(t, "app", it.MakeImage(t, 1000, 1))
		token := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				w.WriteHeader(code)
				return
			}
			_, _ = io.WriteString(w, `{"token":"sesame"}`)
		}))
		defer token.Close()
		reg.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Authorization") == "Bearer sesame" {
				return false
			}
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="test"`, token.URL))
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		file := filepath.Join(t.TempDir(), "auth.json")
		if err := os.WriteFile(file, []byte(fmt.Sprintf(`{"auths":{%q:{"identitytoken":"me"}}}`, reg.Host)), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("REGISTRY_AUTH_FILE", file)
		if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
			t.Errorf("where POST is answered with %d: %v", code, err)
		}
	}
}

// A registry's CA, and the client's certificate for it, lie where Docker has them.
func TestCertificatesOfAHost(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	reg.Push(t, "app", it.MakeImage(t, 1000, 1))
	secure := httptest.NewUnstartedServer(reg.Inner)
	secure.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	host := strings.TrimPrefix(secure.URL, "https://")
	before := certsDir
	certsDir = t.TempDir()
	t.Cleanup(func() { certsDir = before })
	ref := it.Ref(host + "/app")
	if _, err := Pull(t.Context(), s, ref, PullOptions{}); !errors.As(err, &image.UnknownCertificate{}) {
		t.Errorf("Pull without the CA = %v", err)
	}
	dir := filepath.Join(certsDir, host)
	write := func(name, kind string, der []byte) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.crt", "CERTIFICATE", secure.Certificate().Raw)
	if _, err := Pull(t.Context(), s, ref, PullOptions{}); err == nil {
		t.Error("a registry that wants a client's certificate took a pull without")
	}
	key, err := x509.MarshalPKCS8PrivateKey(secure.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write("client.cert", "CERTIFICATE", secure.Certificate().Raw)
	write("client.key", "PRIVATE KEY", key)
	if _, err := Pull(t.Context(), s, ref, PullOptions{}); err != nil {
		t.Errorf("Pull with the CA and a client's certificate: %v", err)
	}
}
