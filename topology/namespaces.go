package topology

import (
	"os"

	"github.com/mvrun/mvrun/network/trunk"
)

// child is an interface that sits on one of the host's, wherever it is.
type child struct {
	Interface
	inode uint64 // of the network namespace that it is in
	owner string
}

// childrenIn lists the interfaces of another namespace that sit on links of
// ours, which own is a descriptor of.
func childrenIn(s trunk.Space, own *os.File) (found []child, err error) {
	all, us, err := trunk.LinksIn(s, own)
	if err != nil || us < 0 {
		return nil, err
	}
	ns, err := trunk.OpenNamespace(s.Path)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	h, err := ns.Handle()
	if err != nil {
		return nil, err
	}
	addrs := addresses(h)
	for _, link := range all {
		if isChild(link) && link.Attrs().NetNsID == us {
			found = append(found, child{interfaceOf(link, addrs), s.Inode, s.Owner})
		}
	}
	return found, nil
}
