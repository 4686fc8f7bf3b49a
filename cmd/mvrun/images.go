package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/rootfs"
)

var imagesCommand = &cli.Command{
	Name:      "images",
	Usage:     "list images",
	ArgsUsage: "[REPOSITORY[:TAG]]",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "accepted; there are no hidden ones"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "IDs only"},
		&cli.BoolFlag{Name: "no-trunc", Usage: "don't shorten"},
		&cli.BoolFlag{Name: "digests", Usage: "show digests"},
		&cli.StringSliceFlag{Name: "filter", Aliases: []string{"f"}, Usage: "KEY=VALUE: dangling, label, before, since, until, reference"},
		&cli.StringFlag{Name: "format", Usage: "Go template, table TEMPLATE, or json"},
	},
	Action: listImages,
}

func listImages(c *cli.Context) error {
	if c.NArg() > 1 {
		return errUsage(c, "at most 1 argument")
	}
	filter, err := parseImageFilter(c.StringSlice("filter"), "before", "dangling", "label", "reference", "since", "until")
	if err != nil {
		return err
	}
	store, images, err := openImages(c)
	if err != nil {
		return err
	}
	all, damage := images.List()
	if damage != nil {
		warn(c.App.ErrWriter, "%v", damage)
	}
	layers := rootfs.Open(store.Root)
	l := list{
		columns: []column{{"Repository", "REPOSITORY"}, {"Tag", "TAG"}, {"ID", "IMAGE ID"}, {"CreatedSince", "CREATED"}, {"Size", "SIZE"}},
		heads: map[string]string{
			"Digest": "DIGEST", "CreatedAt": "CREATED AT", "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
			"VirtualSize": "SIZE", "Containers": "CONTAINERS", "Platform": "PLATFORM", "Labels": "LABELS",
		},
	}
	if c.Bool("digests") {
		l.columns = slices.Insert(l.columns, 2, column{"Digest", "DIGEST"})
	}
	for _, img := range all {
		ok, err := filter.match(img, all)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for _, row := range imageRows(layers, img, c.Bool("no-trunc")) {
			matches := func(pattern string) bool { return referenceMatches(pattern, row["Repository"], row["Tag"]) }
			if refs := filter["reference"]; len(refs) > 0 && !slices.ContainsFunc(refs, matches) {
				continue // another name of the image
			}
			if c.NArg() == 0 || matches(c.Args().First()) {
				l.rows = append(l.rows, row)
			}
		}
	}
	if c.Bool("quiet") {
		printed := map[string]bool{}
		for _, row := range l.rows {
			if !printed[row["ID"]] {
				fmt.Fprintln(c.App.Writer, row["ID"])
			}
			printed[row["ID"]] = true
		}
		return nil
	}
	return l.print(c.App.Writer, c.String("format"))
}

// referenceMatches tells whether the pattern (repository or repository:tag, with
// shell wildcards) is for the name.
func referenceMatches(pattern, repository, tag string) bool {
	want := ""
	if i := strings.LastIndexByte(pattern, ':'); i > strings.LastIndexByte(pattern, '/') {
		pattern, want = pattern[:i], pattern[i+1:]
	}
	if full, err := image.Canonical(pattern); err == nil && !strings.ContainsAny(pattern, "*?[") {
		have, err := image.Canonical(repository)
		if err != nil || have != full {
			return false
		}
	} else if ok, err := path.Match(pattern, repository); !ok || err != nil {
		return false
	}
	ok, err := path.Match(want, tag)
	return want == "" || ok && err == nil
}

// imageFilter is --filter for images: all keys must fit, of one key's values any
// but for labels.
type imageFilter map[string][]string

func parseImageFilter(args []string, keys ...string) (imageFilter, error) {
	f := imageFilter{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if strings.HasSuffix(key, "!") && key == "label!" && slices.Contains(keys, "label!") {
			f[key] = append(f[key], value)
			continue
		}
		if !ok {
			return nil, fmt.Errorf("invalid argument %q for --filter: bad format of filter (expected name=value)", arg)
		}
		if !slices.Contains(keys, key) {
			return nil, fmt.Errorf("invalid filter '%s': use one of %s", key, strings.Join(keys, ", "))
		}
		if key == "dangling" && !slices.Contains([]string{"true", "false", "1", "0"}, value) {
			return nil, fmt.Errorf("invalid filter 'dangling=%s': use true or false", value)
		}
		f[key] = append(f[key], value)
	}
	return f, nil
}

func (f imageFilter) match(img *image.Image, all []*image.Image) (bool, error) {
	for _, v := range f["dangling"] {
		if (v == "true" || v == "1") != (len(img.Names) == 0) {
			return false, nil
		}
	}
	for _, v := range f["label"] {
		if !imageHasLabel(img, v) {
			return false, nil
		}
	}
	for _, v := range f["label!"] {
		if imageHasLabel(img, v) {
			return false, nil
		}
	}
	for _, v := range f["until"] {
		until, err := parseUntil(v)
		if err != nil {
			return false, err
		}
		if !img.Config.Created.Before(until) {
			return false, nil
		}
	}
	if refs := f["reference"]; len(refs) > 0 && !slices.ContainsFunc(refs, func(p string) bool { return anyName(img, p) }) {
		return false, nil
	}
	return f.relative(img, all)
}

func imageHasLabel(img *image.Image, v string) bool {
	key, want, given := strings.Cut(v, "=")
	have, ok := img.Config.Config.Labels[key]
	return ok && (!given || have == want)
}

func anyName(img *image.Image, pattern string) bool {
	return slices.ContainsFunc(img.Names, func(name string) bool {
		repository, tag := splitName(name)
		return referenceMatches(pattern, repository, tag)
	})
}

// relative is before= and since=, another image.
func (f imageFilter) relative(img *image.Image, all []*image.Image) (bool, error) {
	for _, key := range []string{"before", "since"} {
		for _, v := range f[key] {
			other := slices.IndexFunc(all, func(i *image.Image) bool {
				return anyName(i, v) || v != "" && strings.HasPrefix(i.ID.Hex, strings.TrimPrefix(v, "sha256:"))
			})
			if other < 0 {
				return false, fmt.Errorf("invalid filter '%s=%s': no such image", key, v)
			}
			created := all[other].Config.Created
			if key == "before" && !img.Config.Created.Before(created.Time) || key == "since" && !img.Config.Created.After(created.Time) {
				return false, nil
			}
		}
	}
	return true, nil
}

// parseUntil reads a duration before now, a time or Unix seconds.
func parseUntil(v string) (time.Time, error) {
	if d, err := time.ParseDuration(v); err == nil {
		return time.Now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, v, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid filter 'until=%s': use a duration such as 24h, or a time such as 2026-01-02T15:04:05", v)
}
