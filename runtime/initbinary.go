package runtime

import "errors"

// InitBinary returns the host path of the small init that --init puts before
// the program: it reaps orphans and passes signals on.
func (s *Store) InitBinary() (string, error) {
	return "", errors.New("--init: this mvrun was built without an init")
}
