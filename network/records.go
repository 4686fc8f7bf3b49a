package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/boot"
	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network/vlanbpf"
)

// linkRecord says how a VLAN link came to be.
type linkRecord struct {
	Segment `json:"segment"`
	Name    string `json:"name"`
	Index   int    `json:"index,omitempty"` // 0: about to be made
	Driver  string `json:"driver"`
	Made    bool   `json:"made"`  // by mvrun, so ours to remove
	Epoch   string `json:"epoch"` // indexes mean nothing in another boot or namespace
}

type parentRecord struct {
	vlanbpf.Changes
	Epoch string `json:"epoch"`
}

// link reads a record. One of another boot, or damaged, is none: the kernel is
// asked then.
func (l ledger) link(key linkKey) (linkRecord, bool) {
	var rec linkRecord
	err := jsonfile.Read(filepath.Join(l.dir, key.String()+".json"), &rec)
	return rec, err == nil && rec.Epoch == epoch()
}

func (l ledger) setLink(key linkKey, rec linkRecord) error {
	rec.Epoch = epoch()
	return l.put(key.String(), rec)
}

func (l ledger) dropLink(key linkKey) error { return l.remove(key.String() + ".json") }

func (l ledger) parent(index int) (vlanbpf.Changes, bool) {
	var rec parentRecord
	err := jsonfile.Read(filepath.Join(l.dir, strconv.Itoa(index)+".json"), &rec)
	return rec.Changes, err == nil && rec.Epoch == epoch()
}

func (l ledger) setParent(index int, c vlanbpf.Changes) error {
	return l.put(strconv.Itoa(index), parentRecord{c, epoch()})
}

// put replaces a record, under the lock.
func (l ledger) put(name string, rec any) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode link record: %w", err)
	}
	return l.replace(name+".json", data)
}

// replace writes a file, under the lock. It is whole or not there after a kill;
// that it may be gone after a power cut does no harm, as the links are, too.
func (l ledger) replace(name string, data []byte) error {
	scratch := filepath.Join(l.dir, scratchPrefix+name)
	if err := os.WriteFile(scratch, data, 0o600); err != nil {
		return errors.Join(fmt.Errorf("record link: %w", err), l.remove(scratchPrefix+name))
	}
	if err := os.Rename(scratch, filepath.Join(l.dir, name)); err != nil {
		return fmt.Errorf("record link: %w", err)
	}
	return nil
}

func (l ledger) dropParent(index int) error { return l.remove(strconv.Itoa(index) + ".json") }

func (l ledger) remove(name string) error {
	err := os.Remove(filepath.Join(l.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("update links: %w", err)
	}
	return nil
}

// epoch names this boot and the thread's network namespace.
func epoch() string {
	var st unix.Stat_t
	_ = unix.Stat("/proc/thread-self/ns/net", &st)
	return boot.ID() + "/" + strconv.FormatUint(st.Ino, 10)
}
