package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// dirMode shuts everybody out: a container's files are what its own root made
// of them, set-user-ID ones too, and nobody of the host may run those
// (CVE-2021-41091).
const dirMode = 0o700

// Layout is where the files of containers are. Root holds what outlives a
// reboot, State what does not.
//
//	Root/containers/<id>/  config.json state.json log upper work hosts …
//	Root/names/<name>      the claim of a name, holds the ID
//	Root/events.log        what happened to containers and networks
//	State/<id>/            monitor.lock attach.sock, libcontainer's state
//	State/names/           how running containers are called on their networks
//
// A directory State/<id> is there only while somebody holds the lock on its
// monitor.lock (who makes the container, or its monitor), or after that one
// was killed: then the next command reaps it.
//
// A container exists when it has a config.json. Until its creation is
// committed the file is named config.pending.json.
//
// An ID is one that NewID made or that Store.Resolve found, never outside
// input: paths are made of it.
type Layout struct {
	Root, State string // absolute paths
}

func (l Layout) containers() string { return filepath.Join(l.Root, "containers") }
func (l Layout) namesDir() string   { return filepath.Join(l.Root, "names") }

// Dir is where the container's files are.
func (l Layout) Dir(id string) string { return filepath.Join(l.containers(), id) }

// RunDir is where the files of a live container are.
func (l Layout) RunDir(id string) string { return filepath.Join(l.State, id) }

// LockPath is the file whose lock a live container's monitor holds.
func (l Layout) LockPath(id string) string { return filepath.Join(l.RunDir(id), "monitor.lock") }

// AttachSocket is where a live container's monitor listens.
func (l Layout) AttachSocket(id string) string { return filepath.Join(l.RunDir(id), "attach.sock") }

// LogPath is the container's log.
func (l Layout) LogPath(id string) string { return filepath.Join(l.Dir(id), "log") }

const (
	configFile  = "config.json"
	pendingFile = "config.pending.json"
)

func (l Layout) configPath(id string) string  { return filepath.Join(l.Dir(id), configFile) }
func (l Layout) pendingPath(id string) string { return filepath.Join(l.Dir(id), pendingFile) }
func (l Layout) statePath(id string) string   { return filepath.Join(l.Dir(id), "state.json") }

// WritableSize is how many bytes the container's own files take, without those
// of its image and its volumes. What can't be read counts nothing.
func (l Layout) WritableSize(id string) (bytes int64) {
	_ = filepath.WalkDir(filepath.Join(l.Dir(id), "upper"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // a running container removes files while we look
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}

// exists tells whether the container's creation was committed.
func (l Layout) exists(id string) bool {
	_, err := os.Lstat(l.configPath(id))
	return err == nil
}

// held tells whether a process holds the container's monitor lock.
func (l Layout) held(id string) bool { return jsonfile.Held(l.LockPath(id)) }

// readRecord names the container when its record can't be read.
func (l Layout) readRecord(id, path string, v any) error {
	err := jsonfile.Read(path, v)
	if errors.Is(err, jsonfile.ErrCorrupt) {
		return fmt.Errorf("container %s: %w; remove it with rm -f, or put the file right", l.NameOf(id), err)
	}
	return err
}

// damaged is the error for a record that is valid JSON and yet none of ours.
func (l Layout) damaged(id, path, what string) error {
	return fmt.Errorf("container %s: %w: %s %s; remove it with rm -f, or put the file right", l.NameOf(id), jsonfile.ErrCorrupt, path, what)
}

// NameOf returns the container's name as far as its claim tells, else its
// short ID. It works with the container's own files damaged.
func (l Layout) NameOf(id string) string {
	var c Config
	if jsonfile.Read(l.configPath(id), &c) == nil && c.Name != "" {
		return c.Name
	}
	for _, name := range (claims{l}).of(id) {
		return name
	}
	return ShortID(id)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
