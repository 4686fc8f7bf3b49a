package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// InitBinary returns the host path of the small static init that reaps orphans
// and passes signals on to the program. It is kept under the root directory, and
// written once for each version of it.
func InitBinary(root string) (string, error) {
	if err := CheckInit(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(embeddedInit)
	dir := filepath.Join(root, "init")
	path := filepath.Join(dir, hex.EncodeToString(sum[:8]))
	if info, err := os.Stat(path); err == nil && info.Size() == int64(len(embeddedInit)) {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	if err := jsonfile.WriteBytes(path, embeddedInit, 0o755); err != nil {
		return "", fmt.Errorf("write init: %w", err)
	}
	return path, nil
}

// CheckInit says whether this mvrun has an init built in.
func CheckInit() error {
	if len(embeddedInit) == 0 {
		return errors.New("this mvrun was built without an init: build it with `make build`")
	}
	return nil
}
