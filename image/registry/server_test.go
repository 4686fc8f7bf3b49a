package registry

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/mvrun/mvrun/image"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
)

// A real registry server (Debian's docker-registry) on loopback.
type server struct{ host, dir string }

// serve starts one; with secure it has TLS and wants user "alice" with password
// "secret".
func serve(t *testing.T, secure bool) server {
	t.Helper()
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Fatal("docker-registry is missing: `make test` installs it")
	}
	s := server{dir: t.TempDir()}
	s.host = freePort(t)
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp:\n  addr: %s\n", s.dir, s.host)
	if secure {
		s.certificate(t)
		hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		s.write(t, "htpasswd", append([]byte("alice:"), append(hash, '\n')...))
		config += fmt.Sprintf("  tls: {certificate: %s/cert.pem, key: %s/key.pem}\nauth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", s.dir, s.dir, s.dir)
	}
	s.write(t, "config.yml", []byte(config))
	cmd := exec.Command(path, "serve", filepath.Join(s.dir, "config.yml"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 200 {
		if c, err := net.Dial("tcp", s.host); err == nil {
			c.Close()
			return s
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("docker-registry did not come up: %s", out.String())
	return s
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s server) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate signs one for 127.0.0.1 by itself.
func (s server) certificate(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	s.write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

func TestRealRegistry(t *testing.T) {
	reg, s := serve(t, false), it.Open(t)
	want := it.ImportImage(t, s, reg.host+"/team/app:1", strings.Repeat("content", 100_000))
	if _, err := Push(t.Context(), s, it.Ref(reg.host+"/team/app:1"), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	other := it.Open(t)
	got, err := Pull(t.Context(), other, it.Ref(reg.host+"/team/app:1"), PullOptions{})
	if err != nil || got.ID != want.ID || got.Digest != want.Digest {
		t.Fatalf("Pull = %v, %v; want what was pushed", got, err)
	}
	it.Whole(t, other, reg.host+"/team/app:1")
	byDigest := it.Open(t)
	if got, err := Pull(t.Context(), byDigest, got.RepoDigests[0], PullOptions{}); err != nil || got.ID != want.ID || len(got.Names) != 0 {
		t.Errorf("Pull by digest = %+v, %v; want it without a name", got, err)
	}
	if _, err := Pull(t.Context(), other, it.Ref(reg.host+"/team/app:2"), PullOptions{}); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("Pull of an unknown tag = %v", err)
	}
	if _, err := Pull(t.Context(), other, it.Ref(reg.host+"/team/none"), PullOptions{}); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("Pull of an unknown repository = %v", err)
	}
}

func TestRealRegistryWithTLSAndPassword(t *testing.T) {
	reg, s := serve(t, true), it.Open(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", filepath.Join(home, ".docker"))
	t.Setenv("REGISTRY_AUTH_FILE", "")
	name := reg.host + "/app:1"
	it.ImportImage(t, s, name, "x")
	if _, err := Push(t.Context(), s, it.Ref(name), PullOptions{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("Push to a registry with an unknown certificate = %v", err)
	}
	allowed := Registries{Insecure: []string{reg.host}}
	opt := PullOptions{Registries: allowed}
	if _, err := Push(t.Context(), s, it.Ref(name), opt); !errors.Is(err, image.ErrDenied) {
		t.Errorf("Push without a password = %v, want image.ErrDenied", err)
	}
	if err := Login(t.Context(), reg.host, "alice", "secret", Registries{}); err == nil || !strings.Contains(err.Error(), "log in to "+reg.host+": "+reg.host+" has a certificate that can't be verified") {
		t.Errorf("Login to a registry with an unknown certificate = %v", err)
	}
	if err := Login(t.Context(), reg.host, "alice", "wrong", allowed); !errors.Is(err, image.ErrDenied) {
		t.Errorf("Login with a wrong password = %v, want image.ErrDenied", err)
	}
	if _, err := os.Stat(filepath.Join(home, ".docker", "config.json")); err == nil {
		t.Error("a wrong password was kept")
	}
	file := filepath.Join(home, ".docker", "config.json")
	if err := Login(t.Context(), reg.host, "alice", "secret", allowed); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the password lies in a file of mode %v, %v", fi.Mode(), err)
	}
	if _, err := Push(t.Context(), s, it.Ref(name), opt); err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), it.Open(t), it.Ref(name), opt); err != nil {
		t.Errorf("Pull with a password: %v", err)
	}
	asPodman(t, file, name, opt)
	if err := Logout(reg.host); err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), it.Open(t), it.Ref(name), opt); !errors.Is(err, image.ErrDenied) {
		t.Errorf("Pull after Logout = %v, want image.ErrDenied", err)
	}
}

// A login fails as a pull does: with what is wrong, and where.
func TestLoginExplains(t *testing.T) {
	site := httptest.NewServer(http.NotFoundHandler())
	defer site.Close()
	for host, want := range map[string]string{
		"127.0.0.1:1":                           "log in to 127.0.0.1:1: registry can't be reached: 127.0.0.1:1 refuses the connection",
		strings.TrimPrefix(site.URL, "http://"): "this is no registry",
	} {
		if err := Login(t.Context(), host, "alice", "secret", Registries{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Login to %s = %v, want %q", host, err, want)
		}
	}
}

// asPodman pulls by the credentials in the file that REGISTRY_AUTH_FILE names.
func asPodman(t *testing.T, file, name string, opt PullOptions) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(elsewhere, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REGISTRY_AUTH_FILE", elsewhere)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	if _, err := Pull(context.Background(), it.Open(t), it.Ref(name), opt); err != nil {
		t.Errorf("Pull by REGISTRY_AUTH_FILE: %v", err)
	}
	t.Setenv("DOCKER_CONFIG", filepath.Dir(file))
	t.Setenv("REGISTRY_AUTH_FILE", "")
}
