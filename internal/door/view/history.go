package view

import (
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
)

// HistoryHeads are the headings of a history row's fields.
var HistoryHeads = map[string]string{
	"ID": "IMAGE", "CreatedSince": "CREATED", "CreatedBy": "CREATED BY", "Size": "SIZE", "Comment": "COMMENT", "CreatedAt": "CREATED AT",
}

// HistoryRows are the steps of an image, the last first. Only the last is an image here.
// sizes are its layers', in bytes. human writes them, and times, for people.
func HistoryRows(img *image.Image, sizes []int64, full, human bool) []map[string]string {
	steps := img.Config.History
	if len(steps) == 0 { // an image need not say; its layers are steps
		for range sizes {
			steps = append(steps, v1.History{Created: img.Config.Created})
		}
	}
	var rows []map[string]string
	layer := 0
	for i, step := range steps {
		var size int64
		if !step.EmptyLayer && layer < len(sizes) {
			size = sizes[layer]
			layer++
		}
		id := "<missing>"
		if i == len(steps)-1 {
			id = ImageID(img.ID, full)
		}
		row := map[string]string{
			"ID": id, "CreatedSince": ago(step.Created.Time), "CreatedAt": stamp(step.Created.Time),
			"CreatedBy": shorten(step.CreatedBy, full), "Size": Size(size), "Comment": step.Comment,
		}
		if !human {
			row["CreatedSince"], row["Size"] = row["CreatedAt"], strconv.FormatInt(size, 10)
		}
		rows = append([]map[string]string{row}, rows...)
	}
	return rows
}

func shorten(s string, full bool) string {
	s = strings.ReplaceAll(s, "\t", " ")
	if full {
		return s
	}
	return truncate(s, 45)
}
