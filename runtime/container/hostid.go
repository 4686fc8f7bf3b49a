package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mvrun/mvrun/internal/hexid"
	"github.com/mvrun/mvrun/internal/jsonfile"
)

// HostID tells this host from all others: random, made once, kept under Root.
// MAC addresses derive from it, so that two hosts of a LAN never have one in
// common. /etc/machine-id would not do: clones of a disk image share it, and
// so do two hosts on one machine.
func (s *Store) HostID() (string, error) {
	path := filepath.Join(s.Root, "host-id")
	data, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(data))) == 32 {
		return strings.TrimSpace(string(data)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read host id: %w", err)
	}
	unlock, err := jsonfile.Lock(filepath.Join(s.Root, "host-id.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if data, err := os.ReadFile(path); err == nil && len(strings.TrimSpace(string(data))) == 32 {
		return strings.TrimSpace(string(data)), nil // another command was first
	}
	id := hexid.New()[:32]
	return id, jsonfile.WriteBytes(path, []byte(id+"\n"), 0o644)
}
