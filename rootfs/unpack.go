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
// image-spec, layer.md), and checks the content against its diff-id.
func (s *Store) unpack(ctx context.Context, layer v1.Layer, id v1.Hash, dir string) error {
	if id.Algorithm != "sha256" {
		return fmt.Errorf("diff-id %s: only sha256 is known", id)
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	sum := sha256.New()
	limit := tarlimit.New(s.max)
	r := io.TeeReader(limit.Reader(content), sum)
	marks := &whiteouts{dir, map[string]bool{}}
	size, err := archive.Apply(log.WithLogger(ctx, mute), dir, r,
		archive.WithConvertWhiteout(marks.convert),
		archive.WithFilter(func(hdr *tar.Header) (bool, error) {
			dropOverlayXattrs(hdr)
			if err := limit.Take(hdr); err != nil {
				return false, err
			}
			if err := checkRoom(dir, hdr); err != nil {
				return false, err
			}
			return true, marks.reopen(hdr)
		}))
	if err != nil {
		return err
	}
	// A tar reader stops at the end mark; the padding after it counts for the
	// digest.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != id.Hex {
		return fmt.Errorf("%w: got sha256:%s", ErrWrongDiffID, got)
	}
	return recordSize(dir, size)
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
