package registry

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// Of credentials for a host and for a part of it, the longer match wins.
func TestKeychainTakesTheLongerMatch(t *testing.T) {
	auth := `{"auths":{"reg.lan":{"username":"host","password":"x"},"reg.lan/org":{"username":"org","password":"x"},"reg.lan/org/app":{"username":"app","password":"x"}}}`
	file := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(file, []byte(auth), 0o600); err != nil {
		t.Fatal(err)
	}
	for repository, want := range map[string]string{"other": "host", "organic/app": "host", "org/other": "org", "org/app": "app", "org/app/sub": "app"} {
		repo, err := name.NewRepository("reg.lan/" + repository)
		if err != nil {
			t.Fatal(err)
		}
		found, err := authFile(file).Resolve(repo)
		if err != nil {
			t.Fatal(err)
		}
		c, err := found.Authorization()
		if err != nil || c.Username != want {
			t.Errorf("the credentials for %s are those of %q, %v; want %q", repository, c.Username, err, want)
		}
	}
}
