//go:build !embedbusybox

package image

import "io/fs"

// Embedded is nil: no busybox is built in.
var Embedded fs.FS
