package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// environment gathers --env-file and then --env. A name alone takes the
// value from mvrun's own environment, and is left out when that has none.
func environment(vars, files []string) ([]string, error) {
	var env []string
	for _, path := range files {
		lines, err := lines(path)
		if err != nil {
			return nil, fmt.Errorf("--env-file: %w", err)
		}
		for _, line := range lines {
			name, _, _ := strings.Cut(line, "=")
			if strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("--env-file %s: variable %q contains whitespaces", path, name)
			}
			env = append(env, line)
		}
	}
	var out []string
	for _, v := range append(env, vars...) {
		name, _, given := strings.Cut(v, "=")
		if name == "" {
			return nil, fmt.Errorf("invalid environment variable: %q: it has no name", v)
		}
		if !given {
			value, ok := os.LookupEnv(name)
			if !ok {
				out = append(out, name) // takes out what the image sets
				continue
			}
			v = name + "=" + value
		}
		out = append(out, v)
	}
	return out, nil
}

// labels gathers --label-file and then --label.
func labels(args, files []string) (map[string]string, error) {
	all := map[string]string{}
	var list []string
	for _, path := range files {
		more, err := lines(path)
		if err != nil {
			return nil, fmt.Errorf("--label-file: %w", err)
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

// lines reads a file without its comments and empty lines.
func lines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		line := strings.TrimLeft(scan.Text(), " \t")
		if line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out, scan.Err()
}
