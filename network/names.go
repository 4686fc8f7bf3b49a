package network

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// MaxIfName is the length of the longest name of an interface.
const MaxIfName = unix.IFNAMSIZ - 1

// NameRE is Docker's rule for names. It also keeps a name from being a path.
var NameRE = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a network needs a name")
	case len(name) > 128:
		return fmt.Errorf("network name %.20s…: at most 128 characters", name)
	case !NameRE.MatchString(name):
		return fmt.Errorf("network name %q is invalid: use letters, digits, _ . and -, and begin with a letter or a digit", name)
	}
	return nil
}

// CheckIfName is the kernel's dev_valid_name, and lo is taken.
func CheckIfName(name string) error {
	bad := func(r rune) bool {
		return r == '/' || r == ':' || r == '%' || r > unicode.MaxASCII || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	switch {
	case name == "" || len(name) > MaxIfName:
		return fmt.Errorf("interface name %q: 1 to %d characters", name, MaxIfName)
	case name == "." || name == ".." || strings.ContainsFunc(name, bad):
		return fmt.Errorf("interface name %q: no spaces, slashes, colons or percent signs", name)
	case name == "lo" || name == "all" || name == "default":
		return fmt.Errorf("interface name %q is reserved", name)
	}
	return nil
}
