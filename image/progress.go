package image

// Progress hears how a transfer gets on, from several goroutines at once.
type Progress interface {
	// Start names a blob before its first byte, with its size in bytes.
	Start(id string, size int64)
	// Update says how many bytes of it are done.
	Update(id string, done int64)
	// Status puts a word to it: "Already exists", "Download complete".
	Status(id, status string)
}

// Silent is a Progress that says nothing.
var Silent Progress = silent{}

type silent struct{}

func (silent) Start(string, int64)   {}
func (silent) Update(string, int64)  {}
func (silent) Status(string, string) {}
