package view

import "github.com/mvrun/mvrun/rootfs"

// VolumeHeads are the headings of a VolumeRow's fields.
var VolumeHeads = map[string]string{
	"Driver": "DRIVER", "Name": "VOLUME NAME", "Scope": "SCOPE", "Mountpoint": "MOUNTPOINT", "Labels": "LABELS", "Size": "SIZE",
	"Links": "LINKS", "Availability": "AVAILABILITY", "Group": "GROUP", "Status": "STATUS",
}

// VolumeRow is a volume as volume ls shows it.
func VolumeRow(v rootfs.Volume) map[string]string {
	return map[string]string{
		"Name": v.Name, "Driver": "local", "Scope": "local", "Mountpoint": v.Path, "Labels": joinLabels(v.Labels),
		"Size": "N/A", "Links": "N/A", "Availability": "N/A", "Group": "N/A", "Status": "N/A",
	}
}

// Volume is a volume in Docker's form of inspect.
type Volume struct {
	CreatedAt  string
	Driver     string
	Labels     map[string]string
	Mountpoint string
	Name       string
	Options    map[string]string
	Scope      string
}

// NewVolume brings a volume into Docker's form.
func NewVolume(v rootfs.Volume) Volume {
	labels := v.Labels
	if len(labels) == 0 {
		labels = nil
	}
	return Volume{
		CreatedAt: v.Created.Local().Format("2006-01-02T15:04:05Z07:00"), Driver: "local", Labels: labels,
		Mountpoint: v.Path, Name: v.Name, Scope: "local",
	}
}
