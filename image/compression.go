package image

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

type compression int

const (
	uncompressed compression = iota
	gzipped
	zstandard
	unknownCompression
)

// compressionOf goes by the content, not by the media type: Docker does so too,
// and there are images in the wild whose types lie.
func compressionOf(head []byte) compression {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}): // RFC 1952, 2.3.1
		return gzipped
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878, 3.1.1
		return zstandard
	case bytes.HasPrefix(head, []byte("BZh")), bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return unknownCompression
	}
	return uncompressed
}

// chunk is how much of a layer is held at a time, in bytes, by each reader and
// writer on its way: more made nothing quicker.
const chunk = 64 << 10

// maxWindow bounds the memory that a zstd stream may ask for, in bytes: what
// zstd -19 --long=27 needs.
const maxWindow = 128 << 20

// decompress returns the plain bytes of blob, which closing the result closes
// too.
func decompress(blob io.ReadCloser) (io.ReadCloser, error) {
	buf := bufio.NewReaderSize(blob, chunk)
	head, err := buf.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch compressionOf(head) {
	case gzipped:
		z, err := gzip.NewReader(buf)
		if err != nil {
			return nil, err
		}
		return stacked{z, func() error { return errors.Join(z.Close(), blob.Close()) }}, nil
	case zstandard:
		z, err := zstd.NewReader(buf, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(2))
		if err != nil {
			return nil, err
		}
		return stacked{z, func() error { z.Close(); return blob.Close() }}, nil
	case unknownCompression:
		return nil, errors.New("bzip2 and xz are not known here: gzip, zstd and plain tar are")
	}
	return stacked{buf, blob.Close}, nil
}

type stacked struct {
	io.Reader
	close func() error
}

func (s stacked) Close() error { return s.close() }
