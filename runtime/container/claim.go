package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// nameClaim is the content of Root/names/<name>.
type nameClaim struct {
	ID string `json:"id"`
}

func (s *Store) namePath(name string) string { return filepath.Join(s.Root, "names", name) }

func (s *Store) nameOwner(name string) (id string, err error) {
	var claim nameClaim
	err = jsonfile.Read(s.namePath(name), &claim)
	return claim.ID, err
}

// NameOf returns the container's name as far as its claim tells, else its
// short ID. It works with the container's own files damaged.
func (s *Store) NameOf(id string) string {
	var c Config
	if jsonfile.Read(s.configPath(id), &c) == nil && c.Name != "" {
		return c.Name
	}
	for _, name := range s.namesOf(id) {
		return name
	}
	return ShortID(id)
}

func (s *Store) namesOf(id string) (names []string) {
	entries, _ := os.ReadDir(filepath.Join(s.Root, "names"))
	for _, e := range entries {
		if owner, err := s.nameOwner(e.Name()); err == nil && owner == id {
			names = append(names, e.Name())
		}
	}
	return names
}

// claimWait is how long a claim waits for another command that is at the same
// name and has not made its container yet.
const claimWait = 15 * time.Second

// claimName takes the name for the container. The claim is a file that is
// linked into place whole, so that nobody reads half of one (link(2) fails
// with EEXIST as O_EXCL does). A claim whose container is gone is taken over.
// It outlives a power cut when the container does: from WritePending on.
func (s *Store) claimName(name, id string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	tmp := s.claimPath(id)
	if err := writeClaim(tmp, id); err != nil {
		return err
	}
	defer os.Remove(tmp)
	for deadline := time.Now().Add(claimWait); ; {
		err := os.Link(tmp, s.namePath(name))
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		owner, err := s.nameOwner(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil && !errors.Is(err, jsonfile.ErrCorrupt):
			return err
		case err == nil && !s.exists(owner) && s.held(owner) && time.Now().Before(deadline):
			// On its way, or being undone: soon it is one or the other.
			time.Sleep(2 * time.Millisecond)
			continue
		case err == nil && (s.exists(owner) || s.held(owner)):
			return &nameTaken{name, owner}
		}
		if err := s.dropStaleName(name, owner); err != nil {
			return err
		}
	}
}

// claimPath is the file that becomes the container's claim of a name.
func (s *Store) claimPath(id string) string { return filepath.Join(s.Root, "names", "."+id) }

// writeClaim writes a claim to a file that nobody reads before it is linked
// to a name.
func writeClaim(path, id string) error {
	data, err := json.Marshal(nameClaim{ID: id})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	return errors.Join(err, f.Close())
}

// syncName makes the claim of a name durable.
func (s *Store) syncName(name string) error {
	if name == "" {
		return nil
	}
	return jsonfile.Sync(s.namePath(name))
}

// nameTaken is ErrNameInUse with what there is to know.
type nameTaken struct{ name, owner string }

func (e *nameTaken) Error() string {
	return fmt.Sprintf("the container name %q is already in use by container %s: remove or rename that container, or choose another name", e.name, ShortID(e.owner))
}

func (e *nameTaken) Is(target error) bool { return target == ErrNameInUse }

// dropStaleName removes a claim that still belongs to the dead owner. The
// lock keeps two commands from removing each other's new claim.
func (s *Store) dropStaleName(name, owner string) error {
	unlock, err := jsonfile.Lock(filepath.Join(s.Root, "names", ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if now, err := s.nameOwner(name); err == nil && now != owner {
		return nil
	}
	return removeIfThere(s.namePath(name))
}

// releaseNames frees every name of the container; idempotent.
func (s *Store) releaseNames(id string) error {
	var errs []error
	for _, name := range s.namesOf(id) {
		errs = append(errs, removeIfThere(s.namePath(name)))
	}
	return errors.Join(append(errs, removeIfThere(s.claimPath(id)))...)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
