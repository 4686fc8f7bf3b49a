package trunk

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
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/vlanbpf"
)

// linkRecord says how a VLAN link came to be.
type linkRecord struct {
	network.Segment `json:"segment"`
	Name            string             `json:"name"`
	Index           int                `json:"index,omitempty"` // 0: about to be made
	Driver          network.VLANDriver `json:"driver"`
	Made            bool               `json:"made"`  // by mvrun, so ours to remove
	Epoch           string             `json:"epoch"` // indexes mean nothing in another boot or namespace
}

type parentRecord struct {
	vlanbpf.Changes
	Epoch string `json:"epoch"`
}

// link reads a record. One of another boot, or damaged, is none: the kernel is
// asked then.
func (l Ledger) link(key Key) (linkRecord, bool) {
	var rec linkRecord
	err := l.Read(key.String(), &rec)
	return rec, err == nil && rec.Epoch == Epoch()
}

func (l Ledger) setLink(key Key, rec linkRecord) error {
	rec.Epoch = Epoch()
	return l.Put(key.String(), rec)
}

func (l Ledger) dropLink(key Key) error { return l.Drop(key.String()) }

func (l Ledger) parent(index int) (vlanbpf.Changes, bool) {
	var rec parentRecord
	err := l.Read(strconv.Itoa(index), &rec)
	return rec.Changes, err == nil && rec.Epoch == Epoch()
}

func (l Ledger) setParent(index int, c vlanbpf.Changes) error {
	return l.Put(strconv.Itoa(index), parentRecord{c, Epoch()})
}

// Put replaces a record, under the lock. What it holds of indexes should carry
// the Epoch.
func (l Ledger) Put(name string, rec any) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode link record: %w", err)
	}
	return l.replace(name+".json", data)
}

// replace writes a file, under the lock. It is whole or not there after a kill;
// that it may be gone after a power cut does no harm, as the links are, too.
func (l Ledger) replace(name string, data []byte) error {
	scratch := filepath.Join(l.dir, scratchPrefix+name)
	if err := os.WriteFile(scratch, data, 0o600); err != nil {
		return errors.Join(fmt.Errorf("record link: %w", err), l.remove(scratchPrefix+name))
	}
	if err := os.Rename(scratch, filepath.Join(l.dir, name)); err != nil {
		return fmt.Errorf("record link: %w", err)
	}
	return nil
}

func (l Ledger) dropParent(index int) error { return l.Drop(strconv.Itoa(index)) }

// Read reads a record that Put wrote.
func (l Ledger) Read(name string, rec any) error {
	return jsonfile.Read(filepath.Join(l.dir, name+".json"), rec)
}

// Drop removes a record that Put wrote, under the lock. Idempotent.
func (l Ledger) Drop(name string) error { return l.remove(name + ".json") }

func (l Ledger) remove(name string) error {
	err := os.Remove(filepath.Join(l.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("update links: %w", err)
	}
	return nil
}

// Epoch names this boot and the thread's network namespace.
func Epoch() string {
	var st unix.Stat_t
	_ = unix.Stat("/proc/thread-self/ns/net", &st)
	return boot.ID() + "/" + strconv.FormatUint(st.Ino, 10)
}
