package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pelletier/go-toml/v2"
)

// maxSize bounds the file: nobody writes a longer one.
const maxSize = 1 << 20

// Load reads the file. An empty path is the default one, which may be missing;
// a file that was named must be there.
func Load(path string) (*Config, error) {
	named := path != ""
	if !named {
		path = DefaultPath
	}
	data, err := read(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return &Config{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	c.Path = path
	return c, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("%s is longer than 1 MiB", path)
	}
	return data, err
}

// Parse reads the text of a file. An error begins with the line and the column
// that it is about.
func Parse(data []byte) (*Config, error) {
	c := &Config{}
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(c)
	var unknown *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		return nil, explainUnknown(&unknown.Errors[0])
	case errors.As(err, &bad):
		return nil, explain(bad)
	case err != nil:
		return nil, fmt.Errorf("1:1: %w", err)
	}
	if p := c.check(); p != nil {
		return nil, p.at(data)
	}
	return c, nil
}
