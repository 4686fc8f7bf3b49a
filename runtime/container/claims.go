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

// claims are the names that containers have: Root/names/<name> is there once, and
// holds the ID of its owner. A claim belongs to its container from the creation to
// the removal.
type claims struct{ Layout }

func (c claims) path(name string) string { return filepath.Join(c.namesDir(), name) }

func (c claims) owner(name string) (id string, err error) {
	var claim nameClaim
	err = jsonfile.Read(c.path(name), &claim)
	return claim.ID, err
}

func (c claims) of(id string) (names []string) {
	entries, _ := os.ReadDir(c.namesDir())
	for _, e := range entries {
		if owner, err := c.owner(e.Name()); err == nil && owner == id {
			names = append(names, e.Name())
		}
	}
	return names
}

// claimWait is how long a claim waits for another command that is at the same
// name and has not made its container yet.
const claimWait = 15 * time.Second

// take claims the name for the container. The claim is a file that is
// linked into place whole, so that nobody reads half of one (link(2) fails
// with EEXIST as O_EXCL does). A claim whose container is gone is taken over.
// It outlives a power cut when the container does: from WritePending on.
func (c claims) take(name, id string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	tmp := c.draft(id)
	if err := writeClaim(tmp, id); err != nil {
		return err
	}
	defer os.Remove(tmp)
	for deadline := time.Now().Add(claimWait); ; {
		err := os.Link(tmp, c.path(name))
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		owner, err := c.owner(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil && !errors.Is(err, jsonfile.ErrCorrupt):
			return err
		case err == nil && !c.exists(owner) && c.held(owner) && time.Now().Before(deadline):
			// On its way, or being undone: soon it is one or the other.
			time.Sleep(2 * time.Millisecond)
			continue
		case err == nil && (c.exists(owner) || c.held(owner)):
			return &NameTaken{Name: name, Owner: owner}
		}
		if err := c.dropStale(name, owner); err != nil {
			return err
		}
	}
}

// draft is the file that becomes the container's claim of a name.
func (c claims) draft(id string) string { return filepath.Join(c.namesDir(), "."+id) }

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

// sync makes the claim of a name durable.
func (c claims) sync(name string) error {
	if name == "" {
		return nil
	}
	return jsonfile.Sync(c.path(name))
}

// NameTaken says which container has the name. It is ErrNameInUse.
type NameTaken struct {
	Name  string
	Owner string // ID of the container that has it
}

func (e *NameTaken) Error() string {
	return fmt.Sprintf("the container name %q is already in use by container %s: remove or rename that container, or choose another name", e.Name, ShortID(e.Owner))
}

func (e *NameTaken) Is(target error) bool { return target == ErrNameInUse }

// dropStale removes a claim that still belongs to the dead owner. The
// lock keeps two commands from removing each other's new claim.
func (c claims) dropStale(name, owner string) error {
	unlock, err := jsonfile.Lock(filepath.Join(c.namesDir(), ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if now, err := c.owner(name); err == nil && now != owner {
		return nil
	}
	return removeIfThere(c.path(name))
}

// release frees every name of the container; idempotent.
func (c claims) release(id string) error {
	var errs []error
	for _, name := range c.of(id) {
		errs = append(errs, removeIfThere(c.path(name)))
	}
	return errors.Join(append(errs, removeIfThere(c.draft(id)))...)
}

// Rename gives the container another name. Its MAC addresses stay: they come
// from the name that it was made with. A name that a container has is
// ErrNameInUse. Who is killed at it leaves a container with the one name or the
// other, and a claim too many, which goes with the next command.
func (h *Handle) Rename(name string) error {
	var c Config
	if err := h.store.readRecord(h.ID, h.store.configPath(h.ID), &c); err != nil {
		return err
	}
	old := c.Name
	if name == old {
		return fmt.Errorf("container %s has that name already: give it another", old)
	}
	if err := h.store.claims().take(name, h.ID); err != nil {
		return err
	}
	c.Name = name
	err := h.store.claims().sync(name)
	if err == nil {
		err = jsonfile.Write(h.store.configPath(h.ID), c, 0o600)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(h.store.claims().path(name)))
	}
	_ = h.store.Events().Append(Event{
		Type: "container", Action: "rename", ID: h.ID, Name: name,
		Attributes: map[string]string{"oldName": old},
	})
	return errors.Join(removeIfThere(h.store.claims().path(old)), h.store.Networks.Rename(h.ID, name))
}
