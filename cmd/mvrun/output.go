package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The output contract: what was asked for goes to stdout, one thing a line and
// nothing else; what went wrong goes to stderr as one line that begins with
// "mvrun: "; warnings are lines that begin with "mvrun: warning: ". The exit
// code is 0, or Docker's: 125 when mvrun itself fails in run, create or start
// of a container, 126 and 127 when the command can't be executed or found,
// 128+n after a signal, the container's own code, and 1 for anything else.

// exitError is an error that knows the exit code of the command. With a nil
// err it is silent: the code is the container's, not a failure of mvrun.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// withCode gives err the exit code, unless it has one already.
func withCode(code int, err error) error {
	var has *exitError
	if err == nil || errors.As(err, &has) {
		return err
	}
	return &exitError{code, err}
}

// report prints err as the contract says and returns the exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	code := 1
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
		if exit.err == nil {
			return code
		}
	}
	fmt.Fprintf(w, "mvrun: %s\n", oneLine(err.Error()))
	return code
}

// oneLine joins the lines that joined errors come in: what failed, then what
// its undoing met.
func oneLine(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ") }

// warn prints one line that does not stop the command.
func warn(w io.Writer, format string, a ...any) {
	fmt.Fprintf(w, "mvrun: warning: %s\n", oneLine(fmt.Sprintf(format, a...)))
}
