package tarlimit

import (
	"archive/tar"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestTake(t *testing.T) {
	const mib = 1 << 20
	tests := map[string]struct {
		max   int64
		sizes []int64
		want  error
	}{
		"no limit":               {0, []int64{math.MaxInt64, math.MaxInt64}, nil},
		"just fits":              {mib, []int64{mib}, nil},
		"a byte more":            {mib, []int64{mib + 1}, ErrTooBig},
		"together":               {mib, []int64{mib / 2, mib / 2, 1}, ErrTooBig},
		"sizes that wrap":        {math.MaxInt64 / 2, []int64{math.MaxInt64/2 - block, math.MaxInt64/2 - block}, ErrTooBig},
		"rounding does not wrap": {math.MaxInt64, []int64{math.MaxInt64}, ErrTooBig},
		"256 empty ones":         {mib, make([]int64, 256), nil},
		"and one more":           {mib, make([]int64, 257), ErrTooBig},
		"a byte each":            {2 * block, []int64{1, 1, 1}, ErrTooBig},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := New(tt.max), error(nil)
			for _, size := range tt.sizes {
				err = errors.Join(err, l.Take(&tar.Header{Name: "f", Size: size}))
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("Take = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestTakeDirectories(t *testing.T) {
	deep := strings.Repeat("d/", 255)
	tests := map[string]struct {
		names []string
		want  error
	}{
		"256 in all":              {[]string{deep + "f"}, nil},
		"one more":                {[]string{deep + "f", "g"}, ErrTooBig},
		"each once":               {[]string{deep, deep, "./" + deep, "/" + deep + "f", "d/d"}, nil},
		"a directory of one name": {[]string{deep + "d/d/f"}, ErrTooBig},
		"climbing":                {[]string{"../../../" + deep + "f", deep}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := New(256*block), error(nil)
			for _, name := range tt.names {
				hdr := tar.Header{Name: name, Typeflag: tar.TypeReg}
				if !strings.HasSuffix(name, "f") && !strings.HasSuffix(name, "g") {
					hdr.Typeflag = tar.TypeDir
				}
				err = errors.Join(err, l.Take(&hdr))
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("Take = %v, want %v", err, tt.want)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReader(t *testing.T) {
	for size, want := range map[int64]error{999: nil, 1000: nil, 1001: ErrTooBig, math.MaxInt64: ErrTooBig} {
		n, err := io.Copy(io.Discard, New(1000).Reader(io.LimitReader(zeros{}, size)))
		if !errors.Is(err, want) || n > 1000 {
			t.Errorf("%d bytes: read %d, %v; want %v", size, n, err, want)
		}
	}
}
