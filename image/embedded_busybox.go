//go:build embedbusybox

package image

import (
	"embed"
	"io/fs"
)

// `go run ./cmd/mkbusybox` writes the directory.
//
//go:embed embedded
var embeddedFiles embed.FS

// Embedded is an OCI image layout with the busybox that is built in.
var Embedded = func() fs.FS {
	sub, err := fs.Sub(embeddedFiles, "embedded")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}()
