package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/mvrun/mvrun/runtime/logfile"
)

// LogsOptions say which part of a container's log is wanted, and where it goes.
type LogsOptions struct {
	Since, Until   time.Time // zero: no bound
	Tail           int       // lines from the end; negative: all
	Timestamps     bool      // each line begins with its time, RFC 3339
	Follow         bool      // go on until the container stops or the context ends
	Stdout, Stderr io.Writer
}

// ErrNoLog is a container that was made to keep no log.
var ErrNoLog = errors.New("configured logging driver does not support reading")

// Logs writes what a container wrote. That the context ends a Follow is no
// error.
func (cs *Containers) Logs(ctx context.Context, ref string, o LogsOptions) error {
	cont, err := cs.Get(ctx, ref)
	if err != nil {
		return err
	}
	if cont.Config.Log.Driver == "none" {
		return ErrNoLog
	}
	id := cont.Config.ID
	p := &logPrinter{stdout: o.Stdout, stderr: o.Stderr, stamps: o.Timestamps, since: o.Since, until: o.Until, tail: o.Tail}
	r := logfile.NewReader(cs.store.LogPath(id))
	defer r.Close()
	if err := r.All(p.print); err != nil && !errors.Is(err, errPast) {
		return err
	}
	if err := p.flush(); err != nil || !o.Follow {
		return err
	}
	err = r.Follow(ctx, func() bool { return cs.store.Live(id) }, p.print)
	if errors.Is(err, ctx.Err()) || errors.Is(err, errPast) {
		return nil
	}
	return err
}

// fixedNano is RFC 3339 with all nine digits, so that the lines stay in columns.
const fixedNano = "2006-01-02T15:04:05.000000000Z07:00"

// errPast ends a follow that has come to the last moment that is wanted.
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
