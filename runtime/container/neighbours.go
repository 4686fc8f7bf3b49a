package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/internal/sharedfile"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/etcfiles"
)

// Containers on one network know each other by name, through the /etc/hosts
// that mvrun keeps for each. State/names/<network ID>/<container ID> says how a
// running container is called there; whoever starts, stops or moves a container
// changes its records and then the files of all that they concern, under one
// lock. Records of containers that were killed don't count, and go with them.

// Neighbours are these records and files.
type Neighbours struct {
	Layout
	events EventLog
}

func (n Neighbours) dir() string { return filepath.Join(n.State, "names") }

func (n Neighbours) lock() (unlock func(), err error) {
	if err := os.MkdirAll(n.dir(), 0o711); err != nil {
		return nil, fmt.Errorf("make names directory: %w", err)
	}
	return jsonfile.Lock(filepath.Join(n.dir(), ".lock"))
}

// Tell makes the container known on its networks, and them to it. It
// is for the moment before its program runs, and for when its endpoints changed.
func (n Neighbours) Tell(c *Config, attached []network.Attachment) error {
	if len(c.Network.Endpoints) == 0 {
		return n.Forget(c.ID)
	}
	mine := map[string]etcfiles.Neighbour{}
	for _, ep := range c.Network.Endpoints {
		me, there := mine[ep.NetworkID]
		if !there {
			me = etcfiles.Neighbour{ID: c.ID, Name: c.Name}
		}
		me.Aliases = append(me.Aliases, ep.Aliases...)
		addrs := ep.Addrs
		for _, at := range attached {
			if at.IfName == ep.IfName {
				addrs = at.Addrs // with those that are leased, or by a router
			}
		}
		for _, p := range addrs {
			me.Addrs = append(me.Addrs, p.Addr())
		}
		mine[ep.NetworkID] = me
	}
	return n.change(c.ID, mine)
}

// Forget makes the others forget the container. Idempotent.
func (n Neighbours) Forget(id string) error {
	known, err := filepath.Glob(filepath.Join(n.dir(), "*", id))
	if err != nil || len(known) == 0 {
		return err
	}
	return n.change(id, nil)
}

// Hosts files that can't be written at once are tried again, with a pause in
// which the lock is free.
const (
	hostsTries = 3
	hostsPause = 20 * time.Millisecond
)

// change replaces the container's records, and what the others' files say
// of them. A file that can't be written is its own container's matter: an event
// tells of it, the next change tries it again, and nobody else fails for it.
func (n Neighbours) change(id string, mine map[string]etcfiles.Neighbour) error {
	failed, err := n.try(id, mine)
	for try := 1; err == nil && len(failed) > 0 && try < hostsTries; try++ {
		time.Sleep(hostsPause)
		failed, err = n.try(id, mine)
	}
	for other, why := range failed {
		_ = n.events.Append(Event{
			Type: "container", Action: "hosts", ID: other, Name: n.NameOf(other),
			Attributes: map[string]string{"error": why.Error()},
		})
	}
	return err
}

func (n Neighbours) try(id string, mine map[string]etcfiles.Neighbour) (failed map[string]error, err error) {
	unlock, err := n.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := n.write(id, mine); err != nil {
		return nil, err
	}
	return n.writeHosts()
}

// write replaces the container's records, under the lock.
func (n Neighbours) write(id string, mine map[string]etcfiles.Neighbour) error {
	old, err := filepath.Glob(filepath.Join(n.dir(), "*", id))
	if err != nil {
		return err
	}
	for _, path := range old {
		dir := filepath.Dir(path)
		if _, stays := mine[filepath.Base(dir)]; stays {
			continue
		}
		if err := removeIfThere(path); err != nil {
			return err
		}
		_ = os.Remove(dir) // if it was the last there
	}
	for net, me := range mine {
		dir := filepath.Join(n.dir(), net)
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
		data, err := json.Marshal(me)
		if err != nil {
			return err
		}
		// Gone with a power cut, as the container is: no need to sync.
		if err := os.WriteFile(filepath.Join(dir, id), data, 0o600); err != nil {
			return fmt.Errorf("write name: %w", err)
		}
	}
	return nil
}

// writeHosts brings the hosts files of all running containers up to date. One
// that can't be written now is returned and does not keep the others from it.
func (n Neighbours) writeHosts() (failed map[string]error, err error) {
	nets, err := os.ReadDir(n.dir())
	if err != nil {
		return nil, err
	}
	known := map[string][]etcfiles.Neighbour{} // by who is to know
	for _, net := range nets {
		if !net.IsDir() {
			continue
		}
		there := n.on(net.Name())
		for _, one := range there {
			known[one.ID] = append(known[one.ID], there...)
		}
	}
	failed = map[string]error{}
	for id, all := range known {
		if err := rewriteHosts(filepath.Join(n.Dir(id), "hosts"), all); err != nil {
			failed[id] = err
		}
	}
	return failed, nil
}

// on lists the containers on a network that run.
func (n Neighbours) on(net string) (all []etcfiles.Neighbour) {
	dir := filepath.Join(n.dir(), net)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		var one etcfiles.Neighbour
		if jsonfile.Read(filepath.Join(dir, e.Name()), &one) == nil && one.ID == e.Name() && n.held(one.ID) {
			all = append(all, one)
		}
	}
	return all
}

// maxHosts is the size in bytes above which a hosts file is the container's own
// business.
const maxHosts = 1 << 20

// rewriteHosts changes a hosts file that a container has mounted: in place, for
// a rename would leave it with the old one, and so that no reader finds it half
// empty. The container may write to the file, too, and hold it in any way: we
// wait for nothing.
func rewriteHosts(path string, all []etcfiles.Neighbour) error {
	f, err := sharedfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // on its way, or gone
	}
	if err != nil {
		return fmt.Errorf("update hosts file: %w", err)
	}
	defer f.Close()
	old, err := io.ReadAll(io.LimitReader(f, maxHosts+1))
	if err != nil {
		return fmt.Errorf("update hosts file: %w", err)
	}
	if len(old) > maxHosts {
		return nil
	}
	data := etcfiles.WithNeighbours(old, all)
	if slices.Equal(old, data) {
		return nil
	}
	if err := jsonfile.InPlace(f, data, int64(len(old))); err != nil {
		return fmt.Errorf("update hosts file: %w", err)
	}
	return nil
}
