package trunk

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
)

// occupied tells whether anything sits on a link of the host, in whatever
// namespace: containers of another root, or what an administrator put there. All
// of it would go with the link. Our own users have left by now.
func (h Handle) occupied(index int) (bool, error) {
	on := func(links []netlink.Link, us int) bool {
		return slices.ContainsFunc(links, func(l netlink.Link) bool {
			return l.Attrs().ParentIndex == index && max(l.Attrs().NetNsID, -1) == us && l.Type() != "veth"
		})
	}
	links, err := h.Links()
	if err != nil || on(links, -1) {
		return err == nil, err
	}
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return false, err
	}
	defer own.Close()
	inode, err := SpaceInode(own.Name())
	if err != nil {
		return false, err
	}
	for _, space := range Spaces(inode) {
		there, us, err := LinksIn(space, own)
		if err == nil && us >= 0 && on(there, us) { // else it went while we looked
			return true, nil
		}
	}
	return false, nil
}

// LinksIn lists the links of another namespace, and by what number it knows the
// one that own is a descriptor of: an index means nothing without its namespace
// (RTM_GETNSID). It is negative if nothing there has to do with that one.
func LinksIn(s Space, own *os.File) (links []netlink.Link, us int, err error) {
	ns, err := OpenNamespace(s.Path)
	if err != nil {
		return nil, -1, err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	in, err := ns.Handle()
	if err != nil {
		return nil, -1, err
	}
	// The listing comes first: it has the kernel give the number.
	if links, err = (Handle{in}).Links(); err != nil {
		return nil, -1, fmt.Errorf("list links of %s: %w", s.Owner, err)
	}
	us, err = in.GetNetNsIdByFd(int(own.Fd()))
	if err != nil || us < 0 {
		return nil, -1, nil
	}
	return links, us, nil
}
