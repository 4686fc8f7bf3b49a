package image

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

type compression int

const (
	uncompressed compression = iota
	gzipped
	zstandard
	bzipped
	xzipped
)

// ofLayers says if a layer may be compressed so: the OCI's media types have
// names for gzip, zstd and plain tar. The others are for tarballs alone.
func (c compression) ofLayers() bool { return c != bzipped && c != xzipped }

// compressionOf goes by the content, not by the media type: Docker does so too,
// and there are images in the wild whose types lie.
func compressionOf(head []byte) compression {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}): // RFC 1952, 2.3.1
		return gzipped
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878, 3.1.1
		return zstandard
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzipped
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}): // .xz file format, 2.1.1.1
		return xzipped
	}
	return uncompressed
}

// chunk is how much of a layer is held at a time, in bytes, by each reader and
// writer on its way: more made nothing quicker.
const chunk = 64 << 10

// maxWindow bounds the memory that a zstd stream may ask for, in bytes: what
// zstd -19 --long=27 needs.
const maxWindow = 128 << 20

// maxDictionary is the same for an xz stream: what xz -9 needs.
const maxDictionary = 64 << 20

// sniff finds out how the bytes of r are compressed and returns a reader that
// still has them all.
func sniff(r io.Reader) (*bufio.Reader, compression, error) {
	buf := bufio.NewReaderSize(r, chunk)
	head, err := buf.Peek(6)
	if err != nil && err != io.EOF {
		return nil, uncompressed, err
	}
	return buf, compressionOf(head), nil
}

// decompress returns the plain bytes of a tarball.
func decompress(tarball io.Reader) (io.ReadCloser, error) {
	buf, packed, err := sniff(tarball)
	if err != nil {
		return nil, err
	}
	return packed.reader(buf)
}

// decompressLayer returns the plain bytes of blob, which closing the result
// closes too.
func decompressLayer(blob io.ReadCloser) (io.ReadCloser, error) {
	buf, packed, err := sniff(blob)
	if err != nil {
		return nil, err
	}
	if !packed.ofLayers() {
		return nil, errors.New("a layer is gzip, zstd or plain tar: bzip2 and xz are known in archives alone")
	}
	plain, err := packed.reader(buf)
	if err != nil {
		return nil, err
	}
	return stacked{plain, func() error { return errors.Join(plain.Close(), blob.Close()) }}, nil
}

// reader returns the plain bytes of r, which is compressed so.
func (c compression) reader(r io.Reader) (io.ReadCloser, error) {
	switch c {
	case gzipped:
		return gzip.NewReader(r)
	case zstandard:
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(2))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case bzipped:
		return io.NopCloser(bzip2.NewReader(r)), nil
	case xzipped:
		z, err := xz.NewReader(r, maxDictionary)
		return io.NopCloser(z), err
	}
	return io.NopCloser(r), nil
}

type stacked struct {
	io.Reader
	close func() error
}

func (s stacked) Close() error { return s.close() }
