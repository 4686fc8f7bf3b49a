package container

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// Every event comes once and in order: one that is appended while another is
// being told, one whose line is seen half written, and those around a new
// beginning of the log.
func TestEventsComeOnce(t *testing.T) {
	s := testStore(t)
	const all = 40
	emit := func(i int) {
		if err := s.Events().Append(Event{Type: "test", Action: strconv.Itoa(i)}); err != nil {
			t.Error(err)
		}
	}
	emit(0)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	next := 0
	err := s.Events().Follow(ctx, func(e Event) error {
		if e.Type != "test" || e.Action != strconv.Itoa(next) {
			return fmt.Errorf("got %s %q, %d is next", e.Type, e.Action, next)
		}
		next++
		switch {
		case next == all:
			time.AfterFunc(100*time.Millisecond, cancel) // for one too many to come
		case next > all:
			return fmt.Errorf("event %d was never emitted", next-1)
		case next == 10, next == 20:
			if err := os.Rename(s.Events().path(), s.Events().path()+".1"); err != nil {
				return err
			}
			emit(next)
		case next == 15:
			go halfALine(t, s, next)
		default:
			emit(next)
		}
		return nil
	})
	if err != nil || next != all {
		t.Errorf("%d of %d events: %v", next, all, err)
	}
	// A second reader begins with what was left last.
	past, stop := context.WithCancel(t.Context())
	stop()
	var got []string
	if err := s.Events().Follow(past, func(e Event) error { got = append(got, e.Action); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != all-10 || got[0] != "10" {
		t.Errorf("a second reader gets %v", got)
	}
}

// halfALine writes an event in two steps, as a reader may see it.
func halfALine(t *testing.T, s *Store, i int) {
	f, err := os.OpenFile(s.Events().path(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	fmt.Fprintf(f, `{"Type":"test","Act`)
	time.Sleep(100 * time.Millisecond)
	fmt.Fprintf(f, "ion\":\"%d\"}\n", i)
}
