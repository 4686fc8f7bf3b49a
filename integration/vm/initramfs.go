package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cavaliergopher/cpio"
)

// File is one of an initramfs: from the host's file system or given as text.
type File struct {
	Path string // absolute
	From string // on the host; else Text
	Text string
	Mode fs.FileMode // permissions; 0o755 unless given
	Link string      // makes it a symlink to there
}

// agentPath is where the agent finds itself after the initramfs.
const agentPath = "/usr/sbin/agent"

// WriteInitramfs writes an initramfs with the agent as /init, the kernel's
// modules in their order, and the payload: files that the agent puts into the
// root file system.
func WriteInitramfs(path, agent string, k Kernel, payload []File) error {
	tree, err := readModuleTree(k.Modules)
	if err != nil {
		return err
	}
	order, params, err := tree.load(modules)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, name := range order {
		fmt.Fprintln(&list, name, params[name])
	}
	files := []File{
		{Path: "/init", From: agent},
		{Path: "/modules/order", Text: list.String()},
		{Path: "/payload" + agentPath, From: agent},
	}
	for _, name := range order {
		text, err := readModule(tree[name])
		if err != nil {
			return err
		}
		files = append(files, File{Path: "/modules/" + name, Text: string(text)})
	}
	for _, f := range payload {
		f.Path = "/payload" + f.Path
		files = append(files, f)
	}
	return writeCPIO(path, files)
}

// writeCPIO writes the files and the directories above them in the kernel's
// format ("newc").
func writeCPIO(path string, files []File) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := cpio.NewWriter(out)
	for _, dir := range directories(files) {
		if err := w.WriteHeader(&cpio.Header{Name: dir, Mode: cpio.TypeDir | 0o755}); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := writeFile(w, f); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
	}
	return w.Close()
}

func writeFile(w *cpio.Writer, f File) error {
	text := []byte(f.Text)
	if f.From != "" {
		var err error
		if text, err = os.ReadFile(f.From); err != nil {
			return err
		}
	}
	mode := cpio.TypeReg | cpio.FileMode(f.Mode.Perm())
	if f.Mode == 0 {
		mode = cpio.TypeReg | 0o755
	}
	if f.Link != "" {
		text, mode = []byte(f.Link), cpio.TypeSymlink|0o777
	}
	h := &cpio.Header{Name: strings.TrimPrefix(f.Path, "/"), Mode: mode, Size: int64(len(text))}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}

// directories are all that the files need, parents first, and the mount points.
func directories(files []File) []string {
	all := []string{"proc", "sys", "dev", "root"}
	for _, f := range files {
		for dir := filepath.Dir(f.Path); dir != "/"; dir = filepath.Dir(dir) {
			all = append(all, strings.TrimPrefix(dir, "/"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
