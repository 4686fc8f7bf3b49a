package container

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
)

// eventFile reads events as they are appended. It holds the file open: when
// the log begins anew, what was appended last is still to be had.
type eventFile struct {
	path   string
	each   func(Event) error
	file   *os.File
	offset int64 // of the first line not read yet
}

// readAll reads on, through the beginning of a new file, to the end.
func (f *eventFile) readAll() error {
	for {
		// Asked first: what comes to an old file after its last reading and
		// before it is left would be lost.
		left := f.left()
		n, err := f.read()
		if err != nil || n == 0 && !left {
			return err
		}
		if left {
			f.close()
		}
	}
}

// left tells whether the path leads to another file by now.
func (f *eventFile) left() bool {
	_, err := os.Stat(f.path)
	return err == nil && f.file != nil && !f.sameAs(f.path)
}

func (f *eventFile) sameAs(path string) bool {
	if f.file == nil {
		return false
	}
	held, herr := f.file.Stat()
	other, err := os.Stat(path)
	return herr == nil && err == nil && os.SameFile(held, other)
}

// readBefore reads the file that was left last; the one to read is opened
// before that, so that a rotation between the two hides nothing.
func (f *eventFile) readBefore(path string) error {
	if err := f.open(); err != nil {
		return err
	}
	old := eventFile{path: path, each: f.each}
	defer old.close()
	if err := old.open(); err != nil {
		return err
	}
	if f.sameAs(path) {
		return nil // rotated just now: it is read as ours
	}
	_, err := old.read()
	return err
}

// open opens the file unless it is open; one that is not there yet stays shut.
func (f *eventFile) open() (err error) {
	if f.file != nil {
		return nil
	}
	if f.file, err = os.Open(f.path); errors.Is(err, fs.ErrNotExist) {
		f.file, err = nil, nil
	}
	return err
}

// read reads the whole lines that there are: one that is being written comes
// with the next reading.
func (f *eventFile) read() (lines int, err error) {
	if err := f.open(); err != nil || f.file == nil {
		return 0, err
	}
	if _, err := f.file.Seek(f.offset, io.SeekStart); err != nil {
		return 0, err
	}
	r := bufio.NewReader(f.file)
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		f.offset += int64(len(line))
		lines++
		var e Event
		if json.Unmarshal(line, &e) != nil {
			continue
		}
		if err := f.each(e); err != nil {
			return lines, err
		}
	}
}

func (f *eventFile) close() {
	if f.file != nil {
		_ = f.file.Close()
	}
	f.file, f.offset = nil, 0
}
