package network

// AddressTaken is an ErrTaken that one can do something about, which depends on who has
// the address.
type AddressTaken struct {
	By  TakenBy
	Err error // the sentence
}

// TakenBy tells who has an address, and whose it was to be.
type TakenBy string

const (
	ByNeighbour     TakenBy = "neighbour"         // a machine on the LAN answered for a container's
	ByHost          TakenBy = "host"              // this host has a container's on the parent
	HostByNeighbour TakenBy = "host-by-neighbour" // a machine on the LAN answered for the host's own
)

func (e *AddressTaken) Error() string { return e.Err.Error() }
func (e *AddressTaken) Unwrap() error { return e.Err }

// Is makes it ErrTaken, also where Err is only its words.
func (e *AddressTaken) Is(target error) bool { return target == ErrTaken }
