package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/docker/cli/pkg/kvfile"
)

// environment gathers --env-file and then --env. A name alone takes the value from
// mvrun's own environment. Where that has none, a name of a file is left out, and one
// of --env takes out what the image sets.
func environment(vars, files []string) ([]string, error) {
	var env []string
	for _, path := range files {
		more, err := kvfile.Parse(path, os.LookupEnv)
		if err != nil {
			return nil, fmt.Errorf("--env-file %s: %w", path, err)
		}
		env = append(env, more...)
	}
	for _, v := range vars {
		name, _, given := strings.Cut(v, "=")
		if name == "" {
			return nil, fmt.Errorf("invalid environment variable: %q: it has no name", v)
		}
		if value, ok := os.LookupEnv(name); ok && !given {
			v = name + "=" + value
		}
		env = append(env, v)
	}
	return env, nil
}

// labels gathers --label-file and then --label.
func labels(args, files []string) (map[string]string, error) {
	all := map[string]string{}
	var list []string
	for _, path := range files {
		more, err := kvfile.Parse(path, func(string) (string, bool) { return "", true }) // a key alone is a label too
		if err != nil {
			return nil, fmt.Errorf("--label-file %s: %w", path, err)
		}
		list = append(list, more...)
	}
	for _, l := range append(list, args...) {
		key, value, _ := strings.Cut(l, "=")
		if key == "" {
			return nil, fmt.Errorf("--label %s: a label needs a key", l)
		}
		all[key] = value
	}
	return all, nil
}
