package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// certsDir is where Docker looks for a registry's certificates: in HOST[:PORT], CAs
// end in .crt, a client's certificate and key in .cert and .key.
var certsDir = "/etc/docker/certs.d"

// certificates has a transport for each host that has certificates of its own.
type certificates struct {
	mu     sync.Mutex
	byHost map[string]http.RoundTripper
}

// transport is base with what certsDir has for the host: base itself if that is
// nothing.
func (c *certificates) transport(host string, base *http.Transport) (http.RoundTripper, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rt := c.byHost[host]; rt != nil {
		return rt, nil
	}
	conf, err := hostTLS(filepath.Join(certsDir, filepath.Base(host)))
	if err != nil {
		return nil, fmt.Errorf("read certificates of %s: %w", host, err)
	}
	rt := base
	if conf != nil {
		rt = base.Clone()
		conf.InsecureSkipVerify = base.TLSClientConfig != nil && base.TLSClientConfig.InsecureSkipVerify
		rt.TLSClientConfig = conf
	}
	if c.byHost == nil {
		c.byHost = map[string]http.RoundTripper{}
	}
	c.byHost[host] = rt
	return rt, nil
}

// hostTLS reads the certificates in dir; nil if there is no such directory.
func hostTLS(dir string) (*tls.Config, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch filepath.Ext(path) {
		case ".crt":
			if conf.RootCAs == nil {
				if conf.RootCAs, err = x509.SystemCertPool(); err != nil {
					return nil, err
				}
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			if !conf.RootCAs.AppendCertsFromPEM(data) {
				return nil, fmt.Errorf("%s has no certificate in it", path)
			}
		case ".cert":
			pair, err := tls.LoadX509KeyPair(path, strings.TrimSuffix(path, ".cert")+".key")
			if err != nil {
				return nil, err
			}
			conf.Certificates = append(conf.Certificates, pair)
		}
	}
	return conf, nil
}
