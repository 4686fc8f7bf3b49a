package main

import (
	"errors"

	"github.com/mvrun/mvrun/cmd/mvrun/grammar"
	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/internal/door/output"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/internal/door/view"
)

// What every command file needs of the rooms that doors share, by short names.
type exitError = output.Exit

var (
	withCode    = output.WithCode
	report      = output.Report
	warn        = output.Warn
	printValue  = table.Value
	humanSize   = view.Size
	errUsage    = grammar.Requires
	takesNone   = grammar.TakesNone
	passProgram = grammar.Program
	renamed     = grammar.Renamed
)

// parseFilter reads --filter. What is no KEY=VALUE is a mistake of the command
// line, 125, and what the command has no filter for an error of the command, 1.
func parseFilter[T any](args []string, keys filter.Keys[T]) (filter.Filter[T], error) {
	f, err := filter.Parse(args, keys)
	if errors.Is(err, filter.ErrFormat) {
		err = withCode(125, err)
	}
	return f, err
}
