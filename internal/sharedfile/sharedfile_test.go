package sharedfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func lease(t *testing.T, path string, kind int) error {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, kind)
	return err
}

func TestMadeFileTakesNoLease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	f, err := Make(path, []byte("one\n"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []int{unix.F_RDLCK, unix.F_WRLCK} {
		if err := lease(t, path, kind); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("lease %d of a file that is open for writing: %v", kind, err)
		}
	}
	f.Close()
	if err := lease(t, path, unix.F_RDLCK); err != nil {
		t.Fatalf("lease of the closed file: %v", err)
	}
	began := time.Now()
	if _, err := Open(path); !errors.Is(err, ErrHeld) {
		t.Errorf("open a leased file: %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
	again, err := Make(path, []byte("two\n"), 0o644) // the lease stays with the old one
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if got, _ := os.ReadFile(path); string(got) != "two\n" {
		t.Errorf("the file says %q", got)
	}
}

func TestIrregularFilesAreNotOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrIrregular) {
		t.Errorf("open a fifo: %v", err)
	}
	fd, err := unix.Open(path, unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := Reopen(fd, "fifo"); !errors.Is(err, ErrIrregular) {
		t.Errorf("reopen a fifo: %v", err)
	}
}
