// Package compression tells how a stream is packed by its first bytes, and
// unpacks it.
package compression

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

// Kind is a way to pack a stream.
type Kind int

const (
	None Kind = iota
	Gzip
	Zstd
	Bzip2
	XZ
)

// OfLayers says if a layer may be compressed so: the OCI's media types have
// names for gzip, zstd and plain tar. The others are for tarballs alone.
func (c Kind) OfLayers() bool { return c != Bzip2 && c != XZ }

// Of goes by the content, not by the media type: Docker does so too,
// and there are images in the wild whose types lie.
func Of(head []byte) Kind {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}): // RFC 1952, 2.3.1
		return Gzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878, 3.1.1
		return Zstd
	case bytes.HasPrefix(head, []byte("BZh")):
		return Bzip2
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}): // .xz file format, 2.1.1.1
		return XZ
	}
	return None
}

// Chunk is how much of a layer is held at a time, in bytes, by each reader and
// writer on its way: more made nothing quicker.
const Chunk = 64 << 10

// maxWindow bounds the memory that a zstd stream may ask for, in bytes: what
// zstd -19 --long=27 needs.
const maxWindow = 128 << 20

// maxDictionary is the same for an xz stream: what xz -9 needs.
const maxDictionary = 64 << 20

// Sniff finds out how the bytes of r are compressed and returns a reader that
// still has them all.
func Sniff(r io.Reader) (*bufio.Reader, Kind, error) {
	buf := bufio.NewReaderSize(r, Chunk)
	head, err := buf.Peek(6)
	if err != nil && err != io.EOF {
		return nil, None, err
	}
	return buf, Of(head), nil
}

// Decompress returns the plain bytes of a tarball.
func Decompress(tarball io.Reader) (io.ReadCloser, error) {
	buf, packed, err := Sniff(tarball)
	if err != nil {
		return nil, err
	}
	return packed.Reader(buf)
}

// Layer returns the plain bytes of blob, which closing the result
// closes too.
func Layer(blob io.ReadCloser) (io.ReadCloser, error) {
	buf, packed, err := Sniff(blob)
	if err != nil {
		return nil, err
	}
	if !packed.OfLayers() {
		return nil, errors.New("a layer is gzip, zstd or plain tar: bzip2 and xz are known in archives alone")
	}
	plain, err := packed.Reader(buf)
	if err != nil {
		return nil, err
	}
	return stacked{plain, func() error { return errors.Join(plain.Close(), blob.Close()) }}, nil
}

// Reader returns the plain bytes of r, which is compressed so.
func (c Kind) Reader(r io.Reader) (io.ReadCloser, error) {
	switch c {
	case Gzip:
		return gzip.NewReader(r)
	case Zstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(2))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case Bzip2:
		return io.NopCloser(bzip2.NewReader(r)), nil
	case XZ:
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
