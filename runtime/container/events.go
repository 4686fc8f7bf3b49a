package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Event is something that happened to a container, for who looks on or looks
// back: mvrun's own log.
type Event struct {
	Time       time.Time         `json:"time"`
	Type       string            `json:"Type"`   // "container" or "network"
	Action     string            `json:"Action"` // "start", "die", "conflict", …
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// maxEvents is the size in bytes at which the log of events begins anew; the
// last one is kept beside it.
const maxEvents = 1 << 20

// EventLog is mvrun's own log of what happens. Any number of processes append to
// it and follow it at the same time.
type EventLog struct {
	dir string
}

func (l EventLog) path() string { return filepath.Join(l.dir, "events.log") }

// Append appends an event. Events tell, nothing rests on them: that one can't be
// written, on a full disk, stops nothing, and the caller may ignore the error.
func (l EventLog) Append(e Event) error {
	e.Time = time.Now()
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if info, err := os.Stat(l.path()); err == nil && info.Size() > maxEvents {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	// One write of O_APPEND: lines of several processes don't mix.
	f, err := os.OpenFile(l.path(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

func (l EventLog) rotate() error {
	unlock, err := jsonfile.Lock(filepath.Join(l.dir, "events.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if info, err := os.Stat(l.path()); err != nil || info.Size() <= maxEvents {
		return nil // another process was first
	}
	return os.Rename(l.path(), l.path()+".1")
}

// Follow calls each with the events there are, and, until ctx ends, with those
// that come. A line that is cut short is passed over.
func (l EventLog) Follow(ctx context.Context, each func(Event) error) error {
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer watch.Close()
	if err := watch.Add(l.dir); err != nil {
		return err
	}
	f := eventFile{path: l.path(), each: each}
	defer f.close()
	if err := f.readBefore(l.path() + ".1"); err != nil {
		return err
	}
	for {
		if err := f.readAll(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch.Events:
		case err := <-watch.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return err
			}
		}
	}
}
