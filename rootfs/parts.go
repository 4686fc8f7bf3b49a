package rootfs

import (
	"archive/tar"
	"io"
	"strings"
)

// partEntries is how many entries of a layer the library gets at a time. The tests
// take fewer.
var partEntries = 1000

// parts reads a layer's tarball as several, each of some partEntries entries and
// none with an end mark but the last. What unpacks a tarball remembers the path
// of each file until its end, some 280 bytes: 100 MB for a layer of 300,000.
type parts struct {
	tarball io.Reader
	pos     int64 // bytes read
	end     int64 // where this part ends, or -1 if that is not known yet
	entries int   // of this part
}

func newParts(tarball io.Reader) *parts { return &parts{tarball: tarball, end: -1} }

func (p *parts) Read(b []byte) (int, error) {
	if p.end >= 0 {
		b = b[:min(int64(len(b)), p.end-p.pos)]
		if len(b) == 0 {
			return 0, io.EOF
		}
	}
	n, err := p.tarball.Read(b)
	p.pos += int64(n)
	return n, err
}

// count is told of an entry when all before its content has been read, and no
// byte more: archive/tar reads neither ahead nor, but for a sparse file, anything
// but the content as long as the header says.
func (p *parts) count(hdr *tar.Header) {
	p.entries++
	if p.entries >= partEntries && canEnd(hdr) {
		const block = 512
		p.end = p.pos + (hdr.Size+block-1)/block*block
	}
}

// next reports whether a part follows the one that was read to its end.
func (p *parts) next() bool {
	follows := p.end == p.pos
	p.end, p.entries = -1, 0
	return follows
}

// canEnd reports whether a part can end with the entry: what kinds there are has
// been seen to lie in the tarball as its header says. Of others, a global header
// among them, some bytes have been read already.
func canEnd(hdr *tar.Header) bool {
	switch hdr.Typeflag {
	case tar.TypeReg:
		return !isSparse(hdr)
	case tar.TypeLink, tar.TypeSymlink, tar.TypeDir, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return hdr.Size == 0 && !isSparse(hdr)
	}
	return false
}

// isSparse reports whether the content is shorter than the header says: by GNU
// tar's own format, or as its PAX records tell.
func isSparse(hdr *tar.Header) bool {
	if hdr.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}
