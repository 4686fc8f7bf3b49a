package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// interrupted is why an interruptible context ended.
type interrupted struct{ signal unix.Signal }

func (i interrupted) Error() string { return fmt.Sprintf("interrupted by signal %d", int(i.signal)) }

// interruptible is a context that ends with Ctrl-C, so that what was begun is
// undone. After stop, signals are the default again.
func interruptible(c *cli.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(c.Context)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	go func() {
		select {
		case s := <-signals:
			cancel(interrupted{s.(unix.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// interruptOf is the signal that ended the context, if one did.
func interruptOf(ctx context.Context) (unix.Signal, bool) {
	var i interrupted
	ok := errors.As(context.Cause(ctx), &i)
	return i.signal, ok
}

// withInterrupt gives the error of an interrupted command the exit code of a
// command that a signal ended.
func withInterrupt(ctx context.Context, err error) error {
	if sig, ok := interruptOf(ctx); ok {
		return &exitError{Code: 128 + int(sig), Err: err}
	}
	return err
}
