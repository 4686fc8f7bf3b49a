package container

import (
	"fmt"
	"strconv"
	"strings"
)

// The restart policies.
const (
	RestartNo            = "no"
	RestartAlways        = "always"
	RestartOnFailure     = "on-failure"
	RestartUnlessStopped = "unless-stopped"
)

// RestartPolicy is when a container that ended starts again.
type RestartPolicy struct {
	Name string `json:"name"`
	Max  int    `json:"max,omitempty"` // restarts of on-failure; 0 is no limit
}

// ParseRestartPolicy reads a policy in Docker's form, NAME or on-failure:MAX; empty
// is "no".
func ParseRestartPolicy(s string) (RestartPolicy, error) {
	name, max, counted := strings.Cut(s, ":")
	p := RestartPolicy{Name: name}
	switch name {
	case "":
		p.Name = RestartNo
	case RestartNo, RestartAlways, RestartUnlessStopped:
	case RestartOnFailure:
		n, err := strconv.Atoi(max)
		if counted && (err != nil || n < 0) {
			return p, fmt.Errorf("invalid restart policy %q: maximum retry count must be a number, as in on-failure:3", s)
		}
		p.Max = n
		return p, nil
	default:
		return p, fmt.Errorf("invalid restart policy %q: use no, on-failure[:max-retries], always or unless-stopped", s)
	}
	if counted {
		return p, fmt.Errorf("invalid restart policy %q: maximum retry count goes with on-failure only", s)
	}
	return p, nil
}

// String is the policy in the form that ParseRestartPolicy reads.
func (p RestartPolicy) String() string {
	if p.Max > 0 {
		return fmt.Sprintf("%s:%d", p.Name, p.Max)
	}
	return p.Name
}
