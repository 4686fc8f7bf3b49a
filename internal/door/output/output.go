// Package output is the output contract of the command line: what was asked for
// goes to stdout, one thing a line and nothing else; what went wrong goes to
// stderr as one line that begins with "mvrun: "; warnings are lines that begin
// with "mvrun: warning: ". The exit code is 0, or Docker's: 125 when mvrun itself
// fails in run, create or start of a container, 126 and 127 when the command
// can't be executed or found, 128+n after a signal, the container's own code, and
// 1 for anything else.
package output

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mvrun/mvrun/internal/door/hint"
)

// Exit is an error that knows the exit code of the command. With a nil Err it is
// silent: the code is the container's, not a failure of mvrun.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Exit) Unwrap() error { return e.Err }

// WithCode gives err the exit code, unless it has one already.
func WithCode(code int, err error) error {
	var has *Exit
	if err == nil || errors.As(err, &has) {
		return err
	}
	return &Exit{code, err}
}

// Report prints err as the contract says, with the advice there is for it, and returns
// the exit code.
func Report(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	code := 1
	var exit *Exit
	if errors.As(err, &exit) {
		code = exit.Code
		if exit.Err == nil {
			return code
		}
	}
	text := oneLine(err.Error())
	if advice := hint.Of(err, offered(w)); advice != "" {
		text += ": " + advice
	}
	fmt.Fprintf(w, "mvrun: %s\n", text)
	return code
}

// Warn prints one line that does not stop the command.
func Warn(w io.Writer, format string, a ...any) {
	fmt.Fprintf(w, "mvrun: warning: %s\n", oneLine(fmt.Sprintf(format, a...)))
}

// oneLine joins the lines that joined errors come in: what failed, then what its
// undoing met.
func oneLine(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ") }
