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

// Write appends the data as one record, or several if it is large.
func (w *Writer) Write(stream Stream, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(data) > 0 {
		n := min(len(data), maxData)
		w.buf = appendRecord(w.buf[:0], Record{Time: w.now(), Stream: stream, Data: data[:n]})
		data = data[n:]
		if w.maxSize > 0 && w.size > 0 && w.size+int64(len(w.buf)) > w.maxSize {
			if err := w.rotate(); err != nil {
				return fmt.Errorf("rotate log: %w", err)
			}
		}
		if _, err := w.file.Write(w.buf); err != nil {
			// Half a record would hide all that come behind it.
			_ = w.file.Truncate(w.size)
			return fmt.Errorf("write log: %w", err)
		}
		w.size += int64(len(w.buf))
	}
	return nil
}

func (w *Writer) rotate() error {
	if err := w.file.Close(); err != nil {
		return err
	}
	for i := w.maxFile - 1; i > 0; i-- {
		if err := os.Rename(numbered(w.path, i-1), numbered(w.path, i)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if w.maxFile == 1 {
		if err := os.Remove(w.path); err != nil {
			return err
		}
	}
	return w.open()
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
