package protocol

import (
	"errors"

	"github.com/mvrun/mvrun/network"
)

// TakenBy is who has the address that an error is about, or "". Errors go over the socket
// as words; this is what doors have advice for.
func TakenBy(err error) network.TakenBy {
	var taken *network.AddressTaken
	if errors.As(err, &taken) {
		return taken.By
	}
	return ""
}

// Err is the reply's error in its words, as far as it matters of the monitor's type.
func (r Reply) Err() error {
	err := errors.New(r.Error)
	if r.TakenBy != "" {
		return &network.AddressTaken{By: r.TakenBy, Err: err}
	}
	return err
}
