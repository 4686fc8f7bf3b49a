// Package logfile keeps what a container writes: a file of records that any
// bytes fit into, rotated by size, readable while it grows.
package logfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Stream is where a record came from.
type Stream byte

// The streams. A terminal's output is all Stdout.
const (
	Stdout Stream = 'o'
	Stderr Stream = 'e'
)

// Record is what the container wrote at once. Data is any bytes: whole lines,
// parts of them, or no lines at all.
type Record struct {
	Time   time.Time
	Stream Stream
	Data   []byte
}

// The form of a record: a header line that a person can read, with the length
// of the data in bytes, then the data:
//
//	2026-11-23T10:00:00.000000000Z o 6\nhello\n
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// maxData bounds a record, so that a damaged header can't ask for gigabytes.
const maxData = 1 << 20

// errTorn is a record that is not all there: its writer was killed, or is
// still at it.
var errTorn = errors.New("torn record")

func appendRecord(buf []byte, r Record) []byte {
	buf = r.Time.UTC().AppendFormat(buf, timeLayout)
	buf = append(buf, ' ', byte(r.Stream), ' ')
	buf = strconv.AppendInt(buf, int64(len(r.Data)), 10)
	buf = append(buf, '\n')
	return append(buf, r.Data...)
}

// readRecord reads one record and its size in the file. At the end it is
// io.EOF; a record cut short or damaged is errTorn.
func readRecord(r *bufio.Reader) (rec Record, size int64, err error) {
	header, err := r.ReadSlice('\n')
	if err == io.EOF && len(header) == 0 {
		return rec, 0, io.EOF
	}
	if err != nil {
		return rec, 0, errTorn
	}
	rec, n, err := parseHeader(bytes.TrimSuffix(header, []byte("\n")))
	if err != nil {
		return rec, 0, err
	}
	size = int64(len(header) + n)
	rec.Data = make([]byte, n)
	if _, err := io.ReadFull(r, rec.Data); err != nil {
		return rec, 0, errTorn
	}
	return rec, size, nil
}

func parseHeader(header []byte) (rec Record, n int, err error) {
	fields := bytes.Split(header, []byte(" "))
	if len(fields) != 3 || len(fields[1]) != 1 {
		return rec, 0, errTorn
	}
	if rec.Time, err = time.Parse(timeLayout, string(fields[0])); err != nil {
		return rec, 0, fmt.Errorf("%w: %w", errTorn, err)
	}
	rec.Stream = Stream(fields[1][0])
	n, err = strconv.Atoi(string(fields[2]))
	if err != nil || n < 0 || n > maxData || (rec.Stream != Stdout && rec.Stream != Stderr) {
		return rec, 0, errTorn
	}
	return rec, n, nil
}
