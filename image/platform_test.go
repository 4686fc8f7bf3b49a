package image

import (
	"errors"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestChoose(t *testing.T) {
	tests := map[string]struct {
		want    string
		offered []string
		chosen  int // -1: none
	}{
		"the same":                     {"linux/arm/v7", []string{"linux/arm/v6", "linux/arm/v7", "linux/arm64/v8"}, 1},
		"nearest lower":                {"linux/arm/v7", []string{"linux/arm/v5", "linux/arm/v6", "linux/arm/v8"}, 1},
		"none named":                   {"linux/arm64/v8", []string{"linux/amd64", "linux/arm64"}, 1},
		"arm means v7":                 {"linux/arm", []string{"linux/arm/v6", "linux/arm/v8", "linux/arm/v7"}, 2},
		"amd64 is the oldest":          {"linux/amd64", []string{"linux/amd64/v3", "linux/amd64", "linux/amd64/v2"}, 1},
		"amd64 is v1":                  {"linux/amd64", []string{"linux/amd64/v2", "linux/amd64/v1"}, 1},
		"else the lowest":              {"linux/amd64", []string{"linux/amd64/v4", "linux/amd64/v3"}, 1},
		"amd64 as wanted":              {"linux/amd64/v3", []string{"linux/amd64/v4", "linux/amd64", "linux/amd64/v2"}, 2},
		"the first of two alike":       {"linux/amd64", []string{"linux/amd64", "linux/amd64"}, 0},
		"another one":                  {"linux/amd64", []string{"linux/arm64", "windows/amd64"}, -1},
		"above what the machine can":   {"linux/arm/v6", []string{"linux/arm/v7"}, -1},
		"attestations are no platform": {"linux/amd64", []string{"unknown/unknown", "linux/amd64"}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want, err := v1.ParsePlatform(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			var idx v1.IndexManifest
			for i, s := range tt.offered {
				p, err := v1.ParsePlatform(s)
				if err != nil {
					t.Fatal(err)
				}
				idx.Manifests = append(idx.Manifests, v1.Descriptor{Platform: p, Size: int64(i)})
			}
			got, err := Choose(&idx, *want)
			if tt.chosen < 0 {
				if !errors.Is(err, ErrPlatform) {
					t.Errorf("choose = %v, %v; want ErrPlatform", got.Platform, err)
				}
				return
			}
			if err != nil || got.Size != int64(tt.chosen) {
				t.Errorf("choose = %v, %v; want %s", got.Platform, err, tt.offered[tt.chosen])
			}
		})
	}
}
