package view

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/runtime/container"
)

// dockerTime is how Docker writes a time in JSON; the zero time is year 1.
func dockerTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// stamp is how Docker writes a time in a list.
func stamp(t time.Time) string { return t.Local().Format(stampLayout) }

const stampLayout = "2006-01-02 15:04:05 -0700 MST"

// ago is Docker's "3 weeks ago"; what has no time has "N/A".
func ago(t time.Time) string {
	if t.IsZero() || t.Unix() <= 0 {
		return "N/A"
	}
	return units.HumanDuration(time.Since(t)) + " ago"
}

// Size is a number of bytes as Docker prints it.
func Size(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// ShortID is Docker's short form of an ID, or with full the whole.
func ShortID(id string, full bool) string {
	if full {
		return id
	}
	return container.ShortID(id)
}

// ImageID is Docker's short form of an image's ID, or with full the whole digest.
func ImageID(h v1.Hash, full bool) string {
	if full {
		return h.String()
	}
	return h.Hex[:12]
}

// truncate shortens s to n characters, the last of them "…".
func truncate(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// joinLabels writes labels as lists show them, in the order of their keys.
func joinLabels(labels map[string]string) string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, k+"="+labels[k])
	}
	return strings.Join(pairs, ",")
}

// orNil keeps an empty list a null in JSON, as Docker does.
func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
