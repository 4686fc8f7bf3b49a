// Package hexid makes up identifiers in the form that Docker's tools know.
package hexid

import (
	"crypto/rand"
	"encoding/hex"
)

// New returns 64 random hexadecimal digits.
func New() string {
	var b [32]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
