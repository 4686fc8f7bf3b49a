package filter

import (
	"errors"
	"strconv"

	"github.com/mvrun/mvrun/rootfs"
)

// Volume is a volume, and whether a container mounts it.
type Volume struct {
	rootfs.Volume
	Used bool
}

// Volumes are the keys of volume ls; volume prune has label, label! and all.
func Volumes() Keys[Volume] {
	labels := func(v Volume) map[string]string { return v.Labels }
	return Keys[Volume]{
		"name":     name(func(v Volume) []string { return []string{v.Name} }),
		"driver":   text(func(_ Volume, driver string) bool { return driver == "local" }),
		"dangling": truth(func(v Volume) bool { return !v.Used }),
		"label":    label(labels, true),
		"label!":   label(labels, false),
		"all":      anyTruth, // of prune: the named ones too
	}
}

// anyTruth is a key that is about the command, not about a volume.
func anyTruth(value string) (Test[Volume], error) {
	if _, err := strconv.ParseBool(value); err != nil {
		return nil, errors.New("use true or false")
	}
	return alone(func(Volume) bool { return true }), nil
}
