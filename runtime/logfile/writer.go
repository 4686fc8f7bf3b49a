package logfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

// Defaults of a container's log: at most 100 MB a container.
const (
	DefaultMaxSize = 20 << 20 // bytes
	DefaultMaxFile = 5        // files
)

// Writer appends records to path; path.1 is the last file before it, path.2
// the one before that. It is safe for several streams at once.
type Writer struct {
	path    string
	maxSize int64
	maxFile int
	now     func() time.Time

	mu   sync.Mutex
	file *os.File
	size int64
	buf  []byte
}

// Open opens the log for appending and cuts off a record that a killed writer
// left torn. Zero limits are the defaults; a negative maxSize is none.
func Open(path string, maxSize int64, maxFile int) (*Writer, error) {
	if maxSize == 0 {
		maxSize = DefaultMaxSize
	}
	if maxFile <= 0 {
		maxFile = DefaultMaxFile
	}
	w := &Writer{path: path, maxSize: maxSize, maxFile: maxFile, now: time.Now}
	if err := w.open(); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return w, nil
}

func (w *Writer) open() error {
	f, err := os.OpenFile(w.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	whole, err := wholeSize(f)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err != nil {
		f.Close()
		return err
	}
	w.file, w.size = f, whole
	return nil
}

// wholeSize is the size of the file up to its last whole record.
func wholeSize(f *os.File) (int64, error) {
	r := bufio.NewReaderSize(f, 64<<10)
	var whole int64
	for {
		_, n, err := readRecord(r)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			return whole, nil
		case err != nil:
			return 0, err
		}
		whole += n
	}
}

// Write appends the data as one record, or several if it is large. The error
// of a file that can't be rotated does not say that the data is not written.
func (w *Writer) Write(stream Stream, data []byte) (rotated error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(data) > 0 {
		n := min(len(data), maxData)
		w.buf = appendRecord(w.buf[:0], Record{Time: w.now(), Stream: stream, Data: data[:n]})
		data = data[n:]
		if w.maxSize > 0 && w.size > 0 && w.size+int64(len(w.buf)) > w.maxSize {
			// One that fails leaves the old file, and the next record tries
			// again: rather a log that is too long than none.
			rotated = w.rotate()
		}
		if _, err := w.file.Write(w.buf); err != nil {
			// Half a record would hide all that come behind it.
			_ = w.file.Truncate(w.size)
			return fmt.Errorf("write log: %w", err)
		}
		w.size += int64(len(w.buf))
	}
	if rotated != nil {
		return fmt.Errorf("rotate log: %w", rotated)
	}
	return nil
}

// rotate goes on to a new file. The old one is given up last, when the new one
// is open and in its place.
func (w *Writer) rotate() error {
	name := w.path + ".new"
	next, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	for i := w.maxFile - 1; i > 0 && err == nil; i-- {
		if err = os.Rename(numbered(w.path, i-1), numbered(w.path, i)); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = os.Rename(name, w.path)
	}
	if err != nil {
		return errors.Join(err, next.Close(), os.Remove(name))
	}
	old := w.file
	w.file, w.size = next, 0
	return old.Close()
}

func numbered(path string, i int) string {
	if i == 0 {
		return path
	}
	return path + "." + strconv.Itoa(i)
}

// Close makes the log durable: an exit record must not be there before what
// the container said last.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.file.Sync(), w.file.Close())
}
