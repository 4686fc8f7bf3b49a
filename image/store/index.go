package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// indexFile is the list of images in the layout's directory, and the lock under
// which it is written.
type indexFile struct{ dir string }

func (f indexFile) path() string { return filepath.Join(f.dir, "index.json") }

// read reads the list of images. A store that is not there yet is empty.
func (f indexFile) read() (*v1.IndexManifest, error) {
	var idx v1.IndexManifest
	err := jsonfile.Read(f.path(), &idx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read image index: %w", err)
	}
	adoptNames(&idx)
	return &idx, nil
}

// update changes the list of images under its lock. The change is there wholly
// or not at all.
func (f indexFile) update(change func(*v1.IndexManifest) error) error {
	if err := f.init(); err != nil {
		return err
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	idx, err := f.read()
	if err != nil {
		return err
	}
	if err := change(idx); err != nil {
		return err
	}
	idx.SchemaVersion, idx.MediaType = 2, types.OCIImageIndex
	if idx.Manifests == nil {
		idx.Manifests = []v1.Descriptor{}
	}
	return jsonfile.Write(f.path(), idx, 0o644)
}

// init makes the layout's directories. It is idempotent.
func (f indexFile) init() error {
	for _, dir := range []string{filepath.Join(f.dir, "blobs", "sha256"), filepath.Join(f.dir, "ingest")} {
		// Images can hold secrets: root alone reads them.
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make image store: %w", err)
		}
	}
	layout := filepath.Join(f.dir, "oci-layout")
	if _, err := os.Stat(layout); err == nil {
		return nil
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	version, err := json.Marshal(map[string]string{"imageLayoutVersion": "1.0.0"})
	if err != nil {
		return err
	}
	return jsonfile.WriteBytes(layout, version, 0o644)
}

// lock takes the lock under which all files in the layout's own directory
// are written, so what is begun there and not in its place is of a writer that
// was killed: it goes.
func (f indexFile) lock() (unlock func(), err error) {
	unlock, err = jsonfile.Lock(filepath.Join(f.dir, "index.lock"))
	if err != nil {
		return nil, fmt.Errorf("lock image index: %w", err)
	}
	if _, err := removeFiles(f.dir, scratch); err != nil {
		unlock()
		return nil, fmt.Errorf("tidy image index: %w", err)
	}
	return unlock, nil
}
