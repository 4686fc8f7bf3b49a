package stdio

import (
	"os"
	"sync"
)

// Input is a process's stdin. Several clients may write to it.
type Input struct {
	mu   sync.Mutex
	file *os.File
	once bool
}

// Write writes to the process; os.ErrClosed when its stdin is closed.
func (i *Input) Write(p []byte) (int, error) {
	i.mu.Lock()
	f := i.file
	i.mu.Unlock()
	if f == nil {
		return 0, os.ErrClosed
	}
	return f.Write(p)
}

// EOF is the end of one client's stdin. The first one closes the process's, if
// that is one client's only (Config.StdinOnce).
func (i *Input) EOF() {
	if i.once {
		i.Close()
	}
}

// Close closes the process's stdin. Idempotent.
func (i *Input) Close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.file != nil {
		_ = i.file.Close()
		i.file = nil
	}
}
