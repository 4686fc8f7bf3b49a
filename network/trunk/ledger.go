package trunk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
)

// Ledger is <state>/links, one directory that one lock guards:
//
//	4.10.json                     the link of VLAN 10 on parent 4 (indexes)
//	4.100ad.json                  the link of the service VLAN 100 (QinQ)
//	4.json                        what was changed on parent 4 (eBPF driver)
//	4.10@<container>@bridge@eth0  a user of that link: container, mode, interface;
//	                              in it, what host access needs of the endpoint
//	<name>.json                   a record that others keep under the same lock
//
// The kernel can't be asked for the users: the macvlans are in namespaces of
// their own and do not show. A user is written down before anything is made
// for it, and a link before it is made, so that whatever a kill -9 leaves is
// in the ledger.
type Ledger struct{ dir string }

const scratchPrefix = ".tmp-"

// Key is what identifies a VLAN link in the kernel, whatever its name.
type Key struct {
	Parent  int // interface index
	VID     uint16
	Service bool // 802.1ad, to carry other VLANs inside
}

func (k Key) String() string {
	s := strconv.Itoa(k.Parent) + "." + strconv.Itoa(int(k.VID))
	if k.Service {
		s += serviceSuffix
	}
	return s
}

const serviceSuffix = "ad"

// User is one endpoint of a running container on a link.
type User struct {
	Key       Key
	Container string
	Mode      network.Mode
	IfName    string
}

// SameEndpoint tells the uses of one endpoint, of which QinQ has two.
func (u User) SameEndpoint(o User) bool { return u.Container == o.Container && u.IfName == o.IfName }

func (u User) file() string {
	return strings.Join([]string{u.Key.String(), u.Container, string(u.Mode), u.IfName}, "@")
}

// Entries are what one look into the directory finds.
type Entries struct {
	Links   []Key
	Parents []int
	Users   []User
	Others  []string // names of records that others keep, without .json
	Scratch []string // half-written by somebody who was killed, if seen under the lock
}

// Scan reads the directory once.
func (l Ledger) Scan() (found Entries, err error) {
	dir, err := os.Open(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Entries{}, nil
	}
	if err != nil {
		return Entries{}, fmt.Errorf("read links: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return Entries{}, fmt.Errorf("read links: %w", err)
	}
	for _, name := range names {
		found.add(name)
	}
	return found, nil
}

func (e *Entries) add(name string) {
	if u, ok := parseUser(name); ok {
		e.Users = append(e.Users, u)
		return
	}
	if strings.HasPrefix(name, scratchPrefix) {
		e.Scratch = append(e.Scratch, name)
		return
	}
	base, ok := strings.CutSuffix(name, ".json")
	if !ok {
		return
	}
	if key, ok := parseKey(base); ok {
		e.Links = append(e.Links, key)
	} else if parent, err := strconv.Atoi(base); err == nil {
		e.Parents = append(e.Parents, parent)
	} else {
		e.Others = append(e.Others, base)
	}
}

func parseUser(name string) (User, bool) {
	parts := strings.SplitN(name, "@", 4) // an interface name may hold an @
	if len(parts) != 4 {
		return User{}, false
	}
	key, ok := parseKey(parts[0])
	return User{key, parts[1], network.Mode(parts[2]), parts[3]}, ok
}

func parseKey(s string) (Key, bool) {
	parent, vid, found := strings.Cut(s, ".")
	p, err1 := strconv.Atoi(parent)
	vid, service := strings.CutSuffix(vid, serviceSuffix)
	v, err2 := strconv.ParseUint(vid, 10, 16)
	return Key{p, uint16(v), service}, found && err1 == nil && err2 == nil
}

// UserRecord is what a user's file holds.
type UserRecord struct {
	NetworkID string `json:"network_id,omitempty"`
	// Learned are the endpoint's addresses that no claim names: leased, or by a
	// router's advertisement.
	Learned []netip.Addr `json:"learned,omitempty"`
}

// PutUser writes down a use of a link, under the lock.
func (l Ledger) PutUser(u User, rec UserRecord) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode use of link: %w", err)
	}
	return l.replace(u.file(), data)
}

// User reads a record. One that can't be read says nothing of the endpoint, and
// still counts as a user.
func (l Ledger) User(u User) (rec UserRecord, there bool) {
	err := jsonfile.Read(filepath.Join(l.dir, u.file()), &rec)
	return rec, !errors.Is(err, fs.ErrNotExist)
}

func (l Ledger) dropUser(u User) error { return l.remove(u.file()) }
