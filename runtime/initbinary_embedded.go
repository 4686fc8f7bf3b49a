//go:build embedbusybox

package runtime

import _ "embed"

// The Makefile copies tini (Debian: package tini, MIT licence) here.
//
//go:embed embedded/init
var embeddedInit []byte
