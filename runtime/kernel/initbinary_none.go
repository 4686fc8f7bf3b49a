//go:build !embedbusybox

package kernel

var embeddedInit []byte
