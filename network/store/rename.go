package store

import "errors"

// Rename has the container's claims say its new name, which is for people: the
// claims are by ID. Idempotent.
func (s *Store) Rename(containerID, name string) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	nets, err := s.names()
	if err != nil {
		return err
	}
	var errs []error
	for _, net := range nets {
		claims, err := s.readable(net)
		errs = append(errs, err)
		for _, c := range claims {
			if c.Container == containerID && c.Name != name {
				c.Name = name
				errs = append(errs, s.claims(net).Rewrite(c))
			}
		}
	}
	return errors.Join(errs...)
}
