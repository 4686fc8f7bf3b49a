package hint

import (
	"errors"

	"github.com/mvrun/mvrun/network"
)

// taken is advice about an address that somebody else has.
func taken(by network.TakenBy, advice string) func(error) string {
	return func(err error) string {
		var taken *network.AddressTaken
		if errors.As(err, &taken) && taken.By == by {
			return advice
		}
		return ""
	}
}
