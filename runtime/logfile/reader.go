package logfile

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Reader reads a log through its rotated files, the oldest first.
type Reader struct {
	path   string
	file   *os.File
	buf    *bufio.Reader
	offset int64 // of the next record in file
}

// NewReader reads the log at path, which need not be there yet.
func NewReader(path string) *Reader { return &Reader{path: path} }

// Next returns the next record, or io.EOF when there is none for now.
func (r *Reader) Next() (Record, error) {
	for {
		if r.file == nil {
			if err := r.openNext(nil); err != nil {
				return Record{}, err
			}
		}
		rec, n, err := readRecord(r.buf)
		if err == nil {
			r.offset += n
			return rec, nil
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, errTorn) {
			return Record{}, err
		}
		// At the end of this file, or before a record that is being written:
		// go back to its beginning, and on to the next file if there is one.
		if _, err := r.file.Seek(r.offset, io.SeekStart); err != nil {
			return Record{}, err
		}
		r.buf.Reset(r.file)
		done, err := r.file.Stat()
		if err != nil {
			return Record{}, err
		}
		if err := r.openNext(done); err != nil {
			return Record{}, err
		}
	}
}

// openNext opens the file that follows done, or the oldest. io.EOF says that
// done is the newest. A rotation moves the files one by one, the oldest first,
// while we look: one name is missing in between, and behind it they go on.
func (r *Reader) openNext(done os.FileInfo) error {
	var next *os.File
	for i, missing := 0, 0; ; i++ {
		f, err := os.Open(numbered(r.path, i))
		if errors.Is(err, fs.ErrNotExist) {
			if missing++; missing == 2 {
				break
			}
			continue
		}
		missing = 0
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return err
		}
		if done != nil && os.SameFile(info, done) {
			f.Close()
			break
		}
		if next != nil {
			next.Close()
		}
		next = f
	}
	if next == nil {
		return io.EOF
	}
	if r.file != nil {
		// What was written between our last look and the rotation is still
		// to come: the next call finds the same file's successor again.
		if more, err := r.pending(); err != nil || more {
			next.Close()
			return err
		}
		r.file.Close()
	}
	r.file, r.offset, r.buf = next, 0, bufio.NewReaderSize(next, 64<<10)
	return nil
}

// pending tells whether the current file has a whole record left.
func (r *Reader) pending() (bool, error) {
	_, _, err := readRecord(r.buf)
	if _, serr := r.file.Seek(r.offset, io.SeekStart); serr != nil {
		return false, serr
	}
	r.buf.Reset(r.file)
	return err == nil, nil
}

// Close closes the file that is open.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Follow calls each with every record there is and that comes, until ctx ends
// or live says, after a last look, that nothing more will be written. Changes
// in the log's directory wake it up; live is asked now and then besides, since
// the writer's end comes after its last change, or without one.
func (r *Reader) Follow(ctx context.Context, live func() bool, each func(Record) error) error {
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer watch.Close()
	if err := watch.Add(filepath.Dir(r.path)); err != nil {
		return err
	}
	for {
		more := live()
		if err := r.drain(each); err != nil || !more {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.Events:
		case <-time.After(100 * time.Millisecond):
		case err := <-watch.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return err
			}
		}
	}
}

func (r *Reader) drain(each func(Record) error) error {
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(rec); err != nil {
			return err
		}
	}
}

// All calls each with every record there is.
func (r *Reader) All(each func(Record) error) error { return r.drain(each) }
