package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/mvrun/mvrun/image"
)

// keychain finds credentials: in the file that REGISTRY_AUTH_FILE names, else
// where Docker and Podman keep them, credential helpers included.
func keychain() authn.Keychain {
	if path := os.Getenv("REGISTRY_AUTH_FILE"); path != "" {
		return authn.NewMultiKeychain(authFile(path), authn.DefaultKeychain)
	}
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		dir = config.Dir()
	}
	return authn.NewMultiKeychain(authFile(filepath.Join(dir, config.ConfigFileName)), authn.DefaultKeychain)
}

// authFile is a keychain in one file of Docker's format.
type authFile string

func (path authFile) Resolve(target authn.Resource) (authn.Authenticator, error) {
	f, err := os.Open(string(path))
	if errors.Is(err, os.ErrNotExist) {
		return authn.Anonymous, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file, err := config.LoadFromReader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for _, key := range append(longerKeys(file, target.String()), serverKey(target.RegistryStr())) {
		found, err := file.GetAuthConfig(key)
		if err != nil {
			return nil, err
		}
		if found.Username != "" || found.Auth != "" || found.IdentityToken != "" || found.RegistryToken != "" {
			return authn.FromConfig(authn.AuthConfig{
				Username: found.Username, Password: found.Password, Auth: found.Auth,
				IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
			}), nil
		}
	}
	return authn.Anonymous, nil
}

// longerKeys are the file's keys that the repository lies below, host/org for
// host/org/app, the longest first.
func longerKeys(file *configfile.ConfigFile, repository string) (keys []string) {
	for key := range file.AuthConfigs {
		if strings.Contains(key, "/") && strings.HasPrefix(repository+"/", key+"/") {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return len(b) - len(a) })
	return keys
}

// serverKey is what Docker's configuration calls a registry.
func serverKey(host string) string {
	if host == name.DefaultRegistry || host == image.DockerHub {
		return authn.DefaultAuthKey
	}
	return host
}

// registryHost reads what a user gives login: a host, perhaps with a scheme or a
// path, or nothing for Docker Hub.
func registryHost(server string) (name.Registry, error) {
	server = strings.TrimPrefix(strings.TrimPrefix(server, "https://"), "http://")
	server, _, _ = strings.Cut(server, "/")
	if server == "" {
		server = image.DockerHub
	}
	reg, err := name.NewRegistry(server)
	if err != nil {
		return reg, fmt.Errorf("registry %q: %w", server, err)
	}
	return reg, nil
}

// Login asks the registry whether it takes the credentials, and keeps them where
// Docker would: in its credential helper, else in config.json. Docker's library
// warns of the latter on stderr.
func Login(ctx context.Context, server, user, password string, r Registries) error {
	reg, err := registryHost(server)
	if err != nil {
		return err
	}
	if err := checkCredentials(ctx, reg, user, password, r); err != nil {
		return explainHost("log in to "+reg.RegistryStr(), reg.RegistryStr(), err)
	}
	conf, err := dockerConfig()
	if err != nil {
		return err
	}
	key := serverKey(reg.RegistryStr())
	err = conf.GetCredentialsStore(key).Store(types.AuthConfig{ServerAddress: key, Username: user, Password: password})
	if err != nil {
		return fmt.Errorf("store credentials: %w", err)
	}
	return nil
}

// Logout forgets the credentials for the registry. It is idempotent.
func Logout(server string) error {
	reg, err := registryHost(server)
	if err != nil {
		return err
	}
	conf, err := dockerConfig()
	if err != nil {
		return err
	}
	key := serverKey(reg.RegistryStr())
	if err := conf.GetCredentialsStore(key).Erase(key); err != nil {
		return fmt.Errorf("erase credentials: %w", err)
	}
	return nil
}

func dockerConfig() (*configfile.ConfigFile, error) {
	conf, err := config.Load(os.Getenv("DOCKER_CONFIG"))
	if err != nil {
		return nil, fmt.Errorf("read Docker's configuration: %w", err)
	}
	return conf, nil
}

// checkCredentials gets a token with them, or an answer from a registry with
// basic authentication.
func checkCredentials(ctx context.Context, reg name.Registry, user, password string, r Registries) error {
	if r.insecure(reg.RegistryStr()) {
		var err error
		if reg, err = name.NewRegistry(reg.RegistryStr(), name.Insecure); err != nil {
			return err
		}
	}
	auth := authn.FromConfig(authn.AuthConfig{Username: user, Password: password})
	rt, err := transport.NewWithContext(ctx, reg, auth, r.base(reg.RegistryStr()), nil)
	if err != nil {
		return refused(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s://%s/v2/", reg.Scheme(), reg.RegistryStr()), nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return refused(transport.CheckError(resp, http.StatusOK))
}

// refused says what the registry's answer means for a login.
func refused(err error) error {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: unauthorized: incorrect username or password", image.ErrDenied)
	case http.StatusNotFound:
		return errors.New("this is no registry: it does not know /v2/")
	}
	return err
}
