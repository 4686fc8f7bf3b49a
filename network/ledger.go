package network

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
)

// The ledger is <state>/links, one directory that one lock guards:
//
//	4.10.json                     the link of VLAN 10 on parent 4 (indexes)
//	4.100ad.json                  the link of the service VLAN 100 (QinQ)
//	host-<network ID>.json        the host's own link on a network
//	4.json                        what was changed on parent 4 (eBPF driver)
//	4.10@<container>@bridge@eth0  a user of that link: container, mode, leg;
//	                              in it, what host access needs of the leg
//
// The kernel can't be asked for the users: the macvlans are in namespaces of
// their own and do not show. A user is written down before anything is made
// for it, and a link before it is made, so that whatever a kill -9 leaves is
// in the ledger.
type ledger struct{ dir string }

const scratchPrefix = ".tmp-"

// linkKey is what identifies a VLAN link in the kernel, whatever its name.
type linkKey struct {
	parent  int // interface index
	vid     uint16
	service bool // 802.1ad, to carry other VLANs inside
}

func (k linkKey) String() string {
	s := strconv.Itoa(k.parent) + "." + strconv.Itoa(int(k.vid))
	if k.service {
		s += serviceSuffix
	}
	return s
}

const serviceSuffix = "ad"

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
	hosts   []string // IDs of networks that the host has a link on
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
	if id, ok := isHostRecord(base); ok {
		e.hosts = append(e.hosts, id)
	} else if key, ok := parseKey(base); ok {
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
	vid, service := strings.CutSuffix(vid, serviceSuffix)
	v, err2 := strconv.ParseUint(vid, 10, 16)
	return linkKey{p, uint16(v), service}, found && err1 == nil && err2 == nil
}

// userRecord is what a user's file holds.
type userRecord struct {
	NetworkID string `json:"network_id,omitempty"`
	// Learned are the leg's addresses that no claim names: leased, or by a
	// router's advertisement.
	Learned []netip.Addr `json:"learned,omitempty"`
}

func (l ledger) putUser(u linkUser, rec userRecord) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode use of link: %w", err)
	}
	return l.replace(u.file(), data)
}

// user reads a record. One that can't be read says nothing of the leg, and
// still counts as a user.
func (l ledger) user(u linkUser) (rec userRecord, there bool) {
	err := jsonfile.Read(filepath.Join(l.dir, u.file()), &rec)
	return rec, !errors.Is(err, fs.ErrNotExist)
}

func (l ledger) dropUser(u linkUser) error { return l.remove(u.file()) }
