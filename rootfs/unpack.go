package rootfs

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/log"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/mvrun/mvrun/internal/tarlimit"
)

// Errors of layers that can't be unpacked.
var (
	ErrWrongDiffID = errors.New("the content does not match the image's diff-id")
	ErrTooBig      = tarlimit.ErrTooBig
)

// mute keeps the library from writing to stderr, which is mvrun's.
var mute = func() *log.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}()

// unpack fills dir with the layer's tree, whiteouts in overlayfs' form (OCI
// image-spec, layer.md), and checks the content against its diff-id. big is a
// tree of many files, or of many names.
func (s *Store) unpack(ctx context.Context, layer v1.Layer, id v1.Hash, dir string) (big bool, err error) {
	if id.Algorithm != "sha256" {
		return false, fmt.Errorf("diff-id %s: only sha256 is known", id)
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return false, err
	}
	defer content.Close()
	sum := sha256.New()
	limit := tarlimit.New(s.max)
	r := newPrograms(io.TeeReader(limit.Reader(content), sum))
	size, parts, err := s.apply(ctx, dir, r, limit)
	if err != nil {
		return false, err
	}
	// A tar reader stops at the end mark; the padding after it counts for the
	// digest.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return false, err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != id.Hex {
		return false, fmt.Errorf("%w: got sha256:%s", ErrWrongDiffID, got)
	}
	return parts > 1, errors.Join(recordSize(dir, size), r.record(dir))
}

// apply unpacks the tarball and returns the bytes of its files and in how many
// parts that was.
func (s *Store) apply(ctx context.Context, dir string, r *programs, limit *tarlimit.Limit) (size int64, count int, err error) {
	marks := &whiteouts{dir, map[string]bool{}, map[string]bool{}}
	parts, times := newParts(r), &dirTimes{root: dir}
	defer times.close()
	filter := func(hdr *tar.Header) (bool, error) {
		parts.count(hdr)
		if !plain(hdr) {
			return false, nil
		}
		dropOverlayXattrs(hdr)
		if err := limit.Take(hdr); err != nil {
			return false, err
		}
		if err := tarlimit.CheckRoom(dir, hdr); err != nil {
			return false, err
		}
		r.enter(hdr)
		times.add(hdr)
		return true, marks.reopen(hdr)
	}
	for count = 1; ; count++ {
		n, err := archive.Apply(log.WithLogger(ctx, mute), dir, parts, archive.WithConvertWhiteout(marks.convert), archive.WithFilter(filter))
		size += n
		if err != nil {
			return size, count, err
		}
		if !parts.next() {
			return size, count, times.set()
		}
		if err := times.endPart(); err != nil {
			return size, count, err
		}
	}
}

// plain makes the entry one of the kinds that the library knows: GNU tar has some of
// its own, whose content archive/tar reads as any. It is false for what is no file.
func plain(hdr *tar.Header) bool {
	switch hdr.Typeflag {
	case tar.TypeGNUSparse, tar.TypeCont:
		hdr.Typeflag = tar.TypeReg
	case 'D': // a directory with a list of its files, of an incremental archive
		hdr.Typeflag, hdr.Size = tar.TypeDir, 0
	case 'V': // the volume's label
		return false
	}
	return true
}

// dropOverlayXattrs keeps an image from speaking to overlayfs itself: the marks
// (redirect, opaque, metacopy) are mvrun's to set.
func dropOverlayXattrs(hdr *tar.Header) {
	for key := range hdr.PAXRecords {
		name, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if ok && (strings.HasPrefix(name, "trusted.overlay.") || strings.HasPrefix(name, "user.overlay.")) {
			delete(hdr.PAXRecords, key)
		}
	}
}
