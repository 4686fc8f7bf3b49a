package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/moment"
	"github.com/mvrun/mvrun/internal/door/output"
	"github.com/mvrun/mvrun/runtime/logfile"
)

var logsCommand = &cli.Command{
	Name:      "logs",
	Usage:     "print what a container wrote",
	ArgsUsage: "CONTAINER",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on until the container stops"},
		&cli.BoolFlag{Name: "timestamps", Aliases: []string{"t"}, Usage: "begin each line with its time"},
		&cli.StringFlag{Name: "tail", Aliases: []string{"n"}, Value: "all", Usage: "number of lines from the end"},
		&cli.StringFlag{Name: "since", Usage: "only what is later than a time (RFC 3339, Unix seconds) or a duration ago (10m)"},
		&cli.StringFlag{Name: "until", Usage: "only what is earlier"},
		&cli.BoolFlag{Name: "details", Usage: "refused: no log here keeps the attributes that it shows"},
	},
	Action: logs,
}

func logs(c *cli.Context) error {
	if c.NArg() != 1 {
		return errUsage(c, "exactly 1 argument, a container")
	}
	if c.Bool("details") {
		return errors.New("--details: shows what --log-opt labels and env would have added to the log, which this one has not: leave it out")
	}
	tail := -1
	if t := c.String("tail"); t != "all" {
		n, err := strconv.Atoi(t)
		if err != nil {
			return fmt.Errorf("--tail %s: invalid number of lines", t)
		}
		tail = max(n, -1)
	}
	since, err := momentFlag(c, "since", time.Time{})
	if err != nil {
		return err
	}
	until, err := momentFlag(c, "until", time.Time{})
	if err != nil {
		return err
	}
	store, cont, err := openContainer(c, c.Args().First())
	if err != nil {
		return err
	}
	id := cont.Config.ID
	if cont.Config.Log.Driver == "none" {
		return errors.New("configured logging driver does not support reading: the container was made with --log-driver none")
	}
	p := &logPrinter{stdout: output.Raw(c.App.Writer), stderr: output.Raw(c.App.ErrWriter), stamps: c.Bool("timestamps"), since: since, until: until, tail: tail}
	r := logfile.NewReader(store.LogPath(id))
	defer r.Close()
	if err := r.All(p.print); err != nil && !errors.Is(err, errPast) {
		return err
	}
	if err := p.flush(); err != nil || !c.Bool("follow") {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	err = r.Follow(ctx, func() bool { return store.Live(id) }, p.print)
	if errors.Is(err, ctx.Err()) || errors.Is(err, errPast) {
		return nil
	}
	return err
}

// momentFlag is the moment that a flag names; without it, none is.
func momentFlag(c *cli.Context, name string, none time.Time) (time.Time, error) {
	text := c.String(name)
	if text == "" {
		return none, nil
	}
	t, err := moment.Parse(text, time.Now())
	if err != nil {
		return t, fmt.Errorf("--%s: %w", name, err)
	}
	return t, nil
}

// fixedNano is RFC 3339 with all nine digits, so that the lines stay in columns.
const fixedNano = "2006-01-02T15:04:05.000000000Z07:00"

// errPast ends a follow that has come to --until.
var errPast = errors.New("past the end")

// logPrinter prints records line by line. With a tail it keeps the last lines
// until flush, and prints at once from then on.
type logPrinter struct {
	stdout, stderr io.Writer
	stamps         bool
	since, until   time.Time
	tail           int // lines; negative prints all at once
	kept           []logLine
	open           map[logfile.Stream]bool // the stream's last line has no end yet
}

type logLine struct {
	stream logfile.Stream
	text   []byte
}

func (p *logPrinter) print(rec logfile.Record) error {
	if p.open == nil {
		p.open = map[logfile.Stream]bool{}
	}
	if !p.until.IsZero() && rec.Time.After(p.until) {
		return errPast
	}
	if rec.Time.Before(p.since) {
		return nil
	}
	if !p.stamps && p.tail < 0 {
		return p.write(logLine{rec.Stream, rec.Data})
	}
	for _, part := range bytes.SplitAfter(rec.Data, []byte("\n")) {
		if len(part) == 0 {
			continue
		}
		begins := !p.open[rec.Stream]
		p.open[rec.Stream] = part[len(part)-1] != '\n'
		if p.stamps && begins {
			part = append([]byte(rec.Time.Format(fixedNano)+" "), part...)
		}
		if err := p.line(logLine{rec.Stream, part}, begins); err != nil {
			return err
		}
	}
	return nil
}

func (p *logPrinter) line(l logLine, begins bool) error {
	if p.tail < 0 {
		return p.write(l)
	}
	if !begins {
		for i := len(p.kept) - 1; i >= 0; i-- {
			if p.kept[i].stream == l.stream {
				p.kept[i].text = append(p.kept[i].text, l.text...)
				return nil
			}
		}
		return nil // the beginning of this line is out of the tail
	}
	p.kept = append(p.kept, l)
	if len(p.kept) > p.tail {
		p.kept = p.kept[len(p.kept)-p.tail:]
	}
	return nil
}

func (p *logPrinter) write(l logLine) error {
	w := p.stdout
	if l.stream == logfile.Stderr {
		w = p.stderr
	}
	_, err := w.Write(l.text)
	return err
}

func (p *logPrinter) flush() error {
	p.tail = -1
	for _, l := range p.kept {
		if err := p.write(l); err != nil {
			return err
		}
	}
	p.kept = nil
	return nil
}
