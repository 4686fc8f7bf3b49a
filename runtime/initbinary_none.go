//go:build !embedbusybox

package runtime

var embeddedInit []byte
