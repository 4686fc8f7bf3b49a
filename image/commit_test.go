package image

import (
	"context"
	"errors"
	"io"
)

func writes(data []byte) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

var errBroken = errors.New("broken")

func fails(_ context.Context, w io.Writer) error {
	_, _ = w.Write([]byte("half"))
	return errBroken
}
