package network

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

const maxIfName = unix.IFNAMSIZ - 1

// nameRE is Docker's rule for names. It also keeps a name from being a path.
var nameRE = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a network needs a name")
	case len(name) > 128:
		return fmt.Errorf("network name %.20s…: at most 128 characters", name)
	case !nameRE.MatchString(name):
		return fmt.Errorf("network name %q is invalid: use letters, digits, _ . and -, and begin with a letter or a digit", name)
	}
	return nil
}

// checkIfName is the kernel's dev_valid_name, and lo is taken.
func checkIfName(name string) error {
	bad := func(r rune) bool {
		return r == '/' || r == ':' || r == '%' || r > unicode.MaxASCII || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	switch {
	case name == "" || len(name) > maxIfName:
		return fmt.Errorf("interface name %q: 1 to %d characters", name, maxIfName)
	case name == "." || name == ".." || strings.ContainsFunc(name, bad):
		return fmt.Errorf("interface name %q: no spaces, slashes, colons or percent signs", name)
	case name == "lo" || name == "all" || name == "default":
		return fmt.Errorf("interface name %q is reserved", name)
	}
	return nil
}

// linkName is the n-th choice of a name for the sub-interface of a segment:
// <parent>.<vid>, and where that is too long or already something else's, a
// beginning of it with a short hash.
func linkName(seg Segment, n int) string {
	name := seg.String()
	if n == 0 && len(name) <= maxIfName {
		return name
	}
	sum := sha256.Sum256([]byte(name + "#" + strconv.Itoa(n)))
	tail := hex.EncodeToString(sum[:])[:4] + "." + strconv.Itoa(int(seg.VID))
	head := seg.Parent[:min(len(seg.Parent), maxIfName-len(tail))]
	return head + tail
}
