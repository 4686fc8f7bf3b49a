package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network/vlanbpf"
)

// The ledger is <state>/links, one directory that one lock guards:
//
//	4.10.json                     the link of VLAN 10 on parent 4 (indexes)
//	4.json                        what was changed on parent 4 (eBPF driver)
//	4.10@<container>@bridge@eth0  a user of that link: container, mode, leg
//
// The kernel can't be asked for the users: the macvlans are in namespaces of
// their own and do not show. A user is written down before anything is made
// for it, and a link before it is made, so that whatever a kill -9 leaves is
// in the ledger.
type ledger struct{ dir string }

const scratchPrefix = ".tmp-"

// linkKey is what identifies a VLAN link in the kernel, whatever its name.
type linkKey struct {
	parent int // interface index
	vid    uint16
}

func (k linkKey) String() string { return strconv.Itoa(k.parent) + "." + strconv.Itoa(int(k.vid)) }

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

// linkUser is one leg of a running container on a link.
type linkUser struct {
	key       linkKey
	container string
	mode      string
	ifName    string
}

func (u linkUser) file() string {
	return strings.Join([]string{u.key.String(), u.container, u.mode, u.ifName}, "@")
}

func (s *Store) ledger() ledger { return ledger{s.State} }

func (l ledger) lock() (unlock func(), err error) {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make links directory: %w", err)
	}
	return jsonfile.Lock(filepath.Join(l.dir, ".lock"))
}

// entries are what one look into the directory finds.
type entries struct {
	links   []linkKey
	parents []int
	users   []linkUser
	scratch []string // half-written by somebody who was killed, if seen under the lock
}

// scan reads the directory once. Other names are nobody's.
func (l ledger) scan() (found entries, err error) {
	dir, err := os.Open(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return entries{}, nil
	}
	if err != nil {
		return entries{}, fmt.Errorf("read links: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return entries{}, fmt.Errorf("read links: %w", err)
	}
	for _, name := range names {
		found.add(name)
	}
	return found, nil
}

func (e *entries) add(name string) {
	if u, ok := parseUser(name); ok {
		e.users = append(e.users, u)
		return
	}
	if strings.HasPrefix(name, scratchPrefix) {
		e.scratch = append(e.scratch, name)
		return
	}
	base, ok := strings.CutSuffix(name, ".json")
	if !ok {
		return
	}
	if key, ok := parseKey(base); ok {
		e.links = append(e.links, key)
	} else if parent, err := strconv.Atoi(base); err == nil {
		e.parents = append(e.parents, parent)
	}
}

func parseUser(name string) (linkUser, bool) {
	parts := strings.SplitN(name, "@", 4) // an interface name may hold an @
	if len(parts) != 4 {
		return linkUser{}, false
	}
	key, ok := parseKey(parts[0])
	return linkUser{key, parts[1], parts[2], parts[3]}, ok
}

func parseKey(s string) (linkKey, bool) {
	parent, vid, found := strings.Cut(s, ".")
	p, err1 := strconv.Atoi(parent)
	v, err2 := strconv.ParseUint(vid, 10, 16)
	return linkKey{p, uint16(v)}, found && err1 == nil && err2 == nil
}

func (l ledger) addUser(u linkUser) error {
	f, err := os.OpenFile(filepath.Join(l.dir, u.file()), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("record use of link: %w", err)
	}
	return f.Close()
}

func (l ledger) dropUser(u linkUser) error { return l.remove(u.file()) }

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

// put replaces a record, under the lock. It is whole or not there after a kill;
// that it may be gone after a power cut does no harm, as the links are, too.
func (l ledger) put(name string, rec any) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode link record: %w", err)
	}
	scratch := filepath.Join(l.dir, scratchPrefix+name)
	if err := os.WriteFile(scratch, data, 0o600); err != nil {
		return errors.Join(fmt.Errorf("record link: %w", err), l.remove(scratchPrefix+name))
	}
	if err := os.Rename(scratch, filepath.Join(l.dir, name+".json")); err != nil {
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

var bootID = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
})

// epoch names this boot and the thread's network namespace.
func epoch() string {
	var st unix.Stat_t
	_ = unix.Stat("/proc/thread-self/ns/net", &st)
	return bootID() + "/" + strconv.FormatUint(st.Ino, 10)
}
