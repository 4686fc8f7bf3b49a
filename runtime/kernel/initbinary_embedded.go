//go:build embedbusybox

package kernel

import _ "embed"

// The Makefile copies tini (Debian: package tini, MIT licence) here.
//
//go:embed embedded/init
var embeddedInit []byte
