//go:build !embedbusybox

package image

import "io/fs"

var embedded fs.FS
