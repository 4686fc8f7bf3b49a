// Package tarlimit bounds what a tarball may unpack to, before it does.
package tarlimit

import (
	"archive/tar"
	"errors"
	"hash/maphash"
	"io"
	"path"
)

// ErrTooBig says that a tarball has more than its limit.
var ErrTooBig = errors.New("this is bigger than the limit allows")

// block is what a file takes of a disk at least, in bytes: its inode and its name
// are not for nothing, and file systems run out of inodes before they run out of
// bytes.
const block = 4 << 10

// Limit counts what a tarball unpacks to.
type Limit struct {
	max, used int64
	seed      maphash.Seed
	dirs      map[uint64]struct{} // hashes of the directories that are counted
}

// New makes a limit of max bytes; 0 is none.
func New(max int64) *Limit {
	return &Limit{max: max, seed: maphash.MakeSeed(), dirs: map[uint64]struct{}{}}
}

// Reader makes reads of the tarball after max bytes an error: of a compressed one
// that has no end, whatever is in it.
func (l *Limit) Reader(r io.Reader) io.Reader {
	if l.max <= 0 {
		return r
	}
	return &reader{r, l.max}
}

// Take counts an entry before it is written: the size that it says it has, in
// whole blocks, and a block if it has none; so too the directories that it is the
// first in. A sparse file takes a kilobyte of the tarball and holds terabytes, a
// million empty files fit into a few megabytes of gzip, and one name can bring two
// thousand directories.
func (l *Limit) Take(hdr *tar.Header) error {
	if l.max <= 0 {
		return nil
	}
	name := path.Clean("/" + hdr.Name)
	for dir := path.Dir(name); dir != "/" && l.add(dir); dir = path.Dir(dir) {
		if !l.take(0) {
			return ErrTooBig
		}
	}
	if hdr.Typeflag == tar.TypeDir && !l.add(name) {
		return nil // it is there
	}
	if !l.take(hdr.Size) {
		return ErrTooBig
	}
	return nil
}

// add reports whether the directory is new.
func (l *Limit) add(dir string) bool {
	h := maphash.String(l.seed, dir)
	_, known := l.dirs[h]
	l.dirs[h] = struct{}{}
	return !known
}

// take reports whether a file of size bytes fits, without a sum that could wrap.
func (l *Limit) take(size int64) bool {
	blocks, room := int64(1), (l.max-l.used)/block
	if size > 0 {
		blocks = (size-1)/block + 1
	}
	if blocks > room {
		return false
	}
	l.used += blocks * block
	return true
}

type reader struct {
	r    io.Reader
	left int64
}

func (l *reader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, ErrTooBig
	}
	return n, err
}
