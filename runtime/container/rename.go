package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

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
	if err := h.store.claimName(name, h.ID); err != nil {
		return err
	}
	c.Name = name
	err := h.store.syncName(name)
	if err == nil {
		err = jsonfile.Write(h.store.configPath(h.ID), c, 0o600)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(h.store.namePath(name)))
	}
	_ = h.store.Emit(Event{
		Type: "container", Action: "rename", ID: h.ID, Name: name,
		Attributes: map[string]string{"oldName": old},
	})
	return errors.Join(removeIfThere(h.store.namePath(old)), h.store.Networks.Rename(h.ID, name))
}

// reapNames takes away what commands that were killed at a name left: claims
// that belong to no name yet, and the second name of a container whose renaming
// was cut short. There is one only if there are more names than containers.
func (s *Store) reapNames(containers int) error {
	entries, err := os.ReadDir(filepath.Join(s.Root, "names"))
	if err != nil {
		return err
	}
	var names []string
	var errs []error
	for _, e := range entries {
		id, claim := strings.CutPrefix(e.Name(), ".")
		switch {
		case !claim:
			names = append(names, e.Name())
		case IsID(id) && !s.held(id):
			errs = append(errs, removeIfThere(s.claimPath(id)))
		}
	}
	if len(names) > containers {
		for _, name := range names {
			errs = append(errs, s.reapName(name))
		}
	}
	return errors.Join(errs...)
}

// reapName drops a name that is not what its container is called. Who is at
// renaming holds the container's lock.
func (s *Store) reapName(name string) error {
	id, err := s.nameOwner(name)
	if err != nil || !s.exists(id) || s.held(id) {
		return nil
	}
	return s.reapAs(id, func(string) error {
		var c Config
		if s.readRecord(id, s.configPath(id), &c) != nil || c.Name == "" || c.Name == name {
			return nil
		}
		return errors.Join(removeIfThere(s.namePath(name)), s.Networks.Rename(id, c.Name))
	})
}
