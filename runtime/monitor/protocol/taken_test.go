package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/mvrun/mvrun/network"
)

// An error that went over the socket is still the one that it was.
func TestReasonsCrossTheSocket(t *testing.T) {
	for _, c := range []struct {
		err   error
		taken bool
	}{{fmt.Errorf("start: %w", &network.AddressTaken{By: network.ByHost, Err: network.ErrTaken}), true}, {errors.New("no room"), false}} {
		data, err := json.Marshal(Reply{Error: c.err.Error(), TakenBy: TakenBy(c.err)})
		if err != nil {
			t.Fatal(err)
		}
		var got Reply
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if err := got.Err(); err.Error() != c.err.Error() || errors.Is(err, network.ErrTaken) != c.taken {
			t.Errorf("%v came as %v", c.err, err)
		}
	}
}
