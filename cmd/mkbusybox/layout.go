package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// writeLayout writes the image as an OCI image layout and puts it in the place
// of dir when it is whole.
func writeLayout(dir string, layer []byte, arch string, when time.Time) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, ".mkbusybox-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := fill(layout(tmp), layer, arch, when); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

func fill(l layout, layer []byte, arch string, when time.Time) error {
	if err := os.MkdirAll(filepath.Join(string(l), "blobs", "sha256"), 0o755); err != nil {
		return err
	}
	diffID, _, err := v1.SHA256(bytes.NewReader(layer))
	if err != nil {
		return err
	}
	small, err := compress(layer)
	if err != nil {
		return err
	}
	layerDesc, err := l.blob(small, types.OCILayer)
	if err != nil {
		return err
	}
	configDesc, err := l.json(config(diffID, arch, when), types.OCIConfigJSON)
	if err != nil {
		return err
	}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: configDesc, Layers: []v1.Descriptor{layerDesc}}
	desc, err := l.json(manifest, types.OCIManifestSchema1)
	if err != nil {
		return err
	}
	desc.Platform = &v1.Platform{OS: "linux", Architecture: arch}
	desc.Annotations = map[string]string{"org.opencontainers.image.ref.name": "docker.io/library/busybox:latest"}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{desc}}
	if err := l.file("index.json", index); err != nil {
		return err
	}
	return l.file("oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"})
}

func config(diffID v1.Hash, arch string, when time.Time) v1.ConfigFile {
	created := v1.Time{Time: when}
	return v1.ConfigFile{
		Architecture: arch, OS: "linux", Created: created,
		Config: v1.Config{
			Cmd: []string{"sh"},
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		},
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{diffID}},
		History: []v1.History{{Created: created, CreatedBy: "mkbusybox", Comment: "from Debian's busybox-static"}},
	}
}

// compress by gzip, which every tool reads that a user may save or push the
// image for: Docker before 23 and umoci before 0.5 know no zstd.
func compress(data []byte) ([]byte, error) {
	var small bytes.Buffer
	w, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compress layer: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("compress layer: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress layer: %w", err)
	}
	return small.Bytes(), nil
}

type layout string

func (l layout) blob(data []byte, mediaType types.MediaType) (v1.Descriptor, error) {
	h, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return v1.Descriptor{}, err
	}
	err = os.WriteFile(filepath.Join(string(l), "blobs", "sha256", h.Hex), data, 0o644)
	return v1.Descriptor{MediaType: mediaType, Digest: h, Size: size}, err
}

func (l layout) json(v any, mediaType types.MediaType) (v1.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return l.blob(data, mediaType)
}

func (l layout) file(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(string(l), name), data, 0o644)
}
