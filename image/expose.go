package image

import (
	"fmt"
	"slices"

	"github.com/docker/go-connections/nat"
)

// ExposedPorts reads what EXPOSE and --expose take, PORT[-PORT][/tcp|udp|sctp],
// and returns each port with its protocol, as images have them.
func ExposedPorts(s string) (ports []string, err error) {
	proto, numbers := nat.SplitProtoPort(s)
	first, last, err := nat.ParsePortRange(numbers)
	if err != nil || !slices.Contains([]string{"tcp", "udp", "sctp"}, proto) {
		return nil, fmt.Errorf("invalid port %q: use PORT[-PORT][/tcp|udp|sctp]", s)
	}
	for n := first; n <= last; n++ {
		port, err := nat.NewPort(proto, fmt.Sprint(n))
		if err != nil {
			return nil, fmt.Errorf("invalid port %q: %w", s, err)
		}
		ports = append(ports, string(port))
	}
	return ports, nil
}
