package container

import (
	"fmt"
	mathrand "math/rand/v2"
	"regexp"
	"strings"

	"github.com/mvrun/mvrun/internal/hexid"
)

var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// CheckName says what is wrong with a container's name.
func CheckName(name string) error {
	if !validName.MatchString(name) || len(name) > 200 {
		return fmt.Errorf("invalid container name (%s): use two to 200 of [a-zA-Z0-9_.-], the first a letter or a digit", name)
	}
	return nil
}

// validHostname is RFC 1123's labels, and the underscore that some have.
var validHostname = regexp.MustCompile(`^[a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?)*$`)

// maxHostname is what sethostname(2) takes, in bytes.
const maxHostname = 64

// CheckHostname says what is wrong with a container's host name; none is right.
func CheckHostname(name string) error {
	if name != "" && (!validHostname.MatchString(name) || len(name) > maxHostname) {
		return fmt.Errorf("invalid hostname %q: use letters, digits, - and . within it, 64 at most", name)
	}
	return nil
}

// NewID returns a fresh container ID: 64 hexadecimal digits, the first twelve
// not all decimal, so that a short ID is never taken for a number.
func NewID() string {
	for {
		id := hexid.New()
		for _, r := range id[:12] {
			if r >= 'a' {
				return id
			}
		}
	}
}

// IsID tells whether the name is a whole container ID.
func IsID(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// RandomName makes up a name for a container that was given none.
func RandomName() string {
	return adjectives[mathrand.IntN(len(adjectives))] + "_" + nouns[mathrand.IntN(len(nouns))]
}

var adjectives = []string{
	"agile", "amber", "bold", "brave", "bright", "brisk", "calm", "candid", "clear", "clever",
	"cosmic", "crisp", "daring", "deft", "eager", "early", "fair", "fleet", "frank", "gentle",
	"glad", "golden", "grand", "happy", "hardy", "honest", "jolly", "keen", "kind", "lively",
	"loyal", "lucid", "merry", "mighty", "modest", "neat", "nimble", "noble", "patient", "plucky",
	"polite", "proud", "quick", "quiet", "rapid", "ready", "serene", "sharp", "silent", "smart",
	"solid", "steady", "stout", "sunny", "swift", "tidy", "vivid", "warm", "wise", "witty",
}

// The people whose work a frame passes through on its way.
var nouns = []string{
	"abramson", "baran", "berners_lee", "boggs", "bolt", "cerf", "clark", "cohen", "crocker", "dalal",
	"davies", "deering", "diffie", "dijkstra", "elz", "engelbart", "estrin", "farber", "feinler", "floyd",
	"fuller", "hamming", "hedy", "hellman", "holzmann", "jacobson", "kahn", "karn", "kleinrock", "lamport",
	"licklider", "lynch", "mcquillan", "merkle", "metcalfe", "mills", "mockapetris", "moore", "nagle", "nyquist",
	"partridge", "paxson", "perlman", "plummer", "postel", "pouzin", "raymond", "rekhter", "roberts", "rose",
	"rosen", "saltzer", "shannon", "shenker", "stevens", "sunshine", "taylor", "tomlinson", "turing", "zimmermann",
}
