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

var embedded = func() fs.FS {
	sub, err := fs.Sub(embeddedFiles, "embedded")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}()
