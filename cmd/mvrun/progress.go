package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// plainProgress is progress for what is no terminal: a line for each step, as Docker
// writes them.
type plainProgress struct {
	mu    sync.Mutex
	w     io.Writer
	start string // what each begins with
}

func (l *plainProgress) Start(id string, _ int64) { l.Status(id, l.start) }
func (l *plainProgress) Update(string, int64)     {}

func (l *plainProgress) Status(id, status string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "%s: %s\n", id, status)
}

// bars is progress for a terminal: a bar for each layer.
type bars struct {
	mu   sync.Mutex
	pool *mpb.Progress
	bar  map[string]*mpb.Bar
	word map[string]string
}

func newBars(f *os.File) *bars {
	return &bars{pool: mpb.New(mpb.WithOutput(f), mpb.WithWidth(40)), bar: map[string]*mpb.Bar{}, word: map[string]string{}}
}

func (b *bars) Start(id string, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar[id] != nil {
		return
	}
	b.word[id] = "Downloading"
	b.bar[id] = b.pool.AddBar(size,
		mpb.PrependDecorators(decor.Name(id+": "), decor.Any(func(decor.Statistics) string { return b.status(id) }, decor.WC{W: 18, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f")))
}

func (b *bars) status(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.word[id]
}

func (b *bars) Update(id string, done int64) {
	b.mu.Lock()
	bar := b.bar[id]
	b.mu.Unlock()
	if bar != nil {
		bar.SetCurrent(done)
	}
}

func (b *bars) Status(id, status string) {
	b.mu.Lock()
	b.word[id] = status
	bar := b.bar[id]
	b.mu.Unlock()
	if bar == nil {
		_, _ = fmt.Fprintf(b.pool, "%s: %s\n", id, status)
	}
}

// wait ends the display, also of bars that did not come to their end.
func (b *bars) wait() {
	b.mu.Lock()
	for _, bar := range b.bar {
		if !bar.Completed() {
			bar.Abort(false)
		}
	}
	b.mu.Unlock()
	b.pool.Wait()
}
