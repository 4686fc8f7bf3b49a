package monitor

import (
	"errors"
	"os"
	"sync"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/internal/sharedfile"
)

// etcFiles are the files in the container's /etc that mvrun keeps. They stay
// open for writing for as long as the container runs: so no program in it can
// take a lease on one, and hold up whoever brings that up to date.
type etcFiles struct {
	mu   sync.Mutex
	open map[string]*os.File // by path
}

// renew makes the file anew, for a run that has not mounted it yet.
func (e *etcFiles) renew(path string, text []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	f, err := sharedfile.Make(path, text, 0o644)
	if err != nil {
		return err
	}
	if old := e.open[path]; old != nil {
		old.Close()
	}
	if e.open == nil {
		e.open = map[string]*os.File{}
	}
	e.open[path] = f
	return nil
}

// change writes to the file that the container has mounted: a rename would leave
// it with the old one.
func (e *etcFiles) change(path string, text []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.open[path]
	if f == nil {
		return errors.New("it was not made")
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// What a program inside has filled it with need not be written over.
	return jsonfile.InPlace(f, text, min(info.Size(), int64(len(text))+maxPadding))
}

// maxPadding is up to how many bytes of an old text are covered by empty lines
// before they are cut off.
const maxPadding = 1 << 20
