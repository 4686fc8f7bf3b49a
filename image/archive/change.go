package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
)

// applyChanges edits an image's configuration by Dockerfile instructions, those
// that Docker's import and commit know.
func applyChanges(c *v1.Config, changes []string) error {
	for _, change := range changes {
		word, rest, _ := strings.Cut(strings.TrimSpace(change), " ")
		if err := applyChange(c, strings.ToUpper(word), strings.TrimSpace(rest)); err != nil {
			return fmt.Errorf("apply instruction %q: %w", change, err)
		}
	}
	return nil
}

func applyChange(c *v1.Config, word, rest string) error {
	if rest == "" {
		return errors.New("the instruction has no argument")
	}
	switch word {
	case "CMD":
		c.Cmd = execForm(rest)
	case "ENTRYPOINT":
		c.Entrypoint = execForm(rest)
	case "ENV":
		return eachPair(rest, func(k, v string) { c.Env = setEnv(c.Env, k, v) })
	case "LABEL":
		return eachPair(rest, func(k, v string) { setKey(&c.Labels, k, v) })
	case "USER":
		c.User = rest
	case "WORKDIR":
		c.WorkingDir = rest
	case "STOPSIGNAL":
		c.StopSignal = rest
	case "EXPOSE":
		for _, port := range strings.Fields(rest) {
			ports, err := image.ExposedPorts(port)
			if err != nil {
				return err
			}
			for _, p := range ports {
				setKey(&c.ExposedPorts, p, struct{}{})
			}
		}
	case "VOLUME":
		var paths []string
		if json.Unmarshal([]byte(rest), &paths) != nil {
			paths = strings.Fields(rest)
		}
		for _, p := range paths {
			setKey(&c.Volumes, p, struct{}{})
		}
	case "ONBUILD":
		c.OnBuild = append(c.OnBuild, rest)
	default:
		return fmt.Errorf("%s is none of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR", word)
	}
	return nil
}

func setKey[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}

// execForm is a JSON list of words, or a line for the shell.
func execForm(s string) []string {
	var words []string
	if json.Unmarshal([]byte(s), &words) == nil {
		return words
	}
	return []string{"/bin/sh", "-c", s}
}

func setEnv(env []string, key, value string) []string {
	for i, e := range env {
		if strings.HasPrefix(e, key+"=") {
			env[i] = key + "=" + value
			return env
		}
	}
	return append(env, key+"="+value)
}

// eachPair reads key=value words, values in double quotes if they hold spaces,
// or the old "key value" form.
func eachPair(s string, set func(k, v string)) error {
	first, _, _ := strings.Cut(s, " ")
	if !strings.Contains(first, "=") {
		k, v, ok := strings.Cut(s, " ")
		if !ok {
			return errors.New("want key=value")
		}
		set(k, strings.TrimSpace(v))
		return nil
	}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		word, rest := nextWord(s)
		k, v, ok := strings.Cut(word, "=")
		if !ok || k == "" {
			return fmt.Errorf("%q: want key=value", word)
		}
		set(k, v)
		s = rest
	}
	return nil
}

// nextWord takes a word that may hold "quoted spaces" and \escapes.
func nextWord(s string) (word, rest string) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && quote != '\'':
			i++
			b.WriteByte(s[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), s[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
