package trunk

import (
	"fmt"
	"net"

	"github.com/mvrun/mvrun/internal/rtnl"
)

// Traffic counts the bytes that came into the namespace at path
// (/proc/<pid>/ns/net) and that left it, on all its interfaces but lo.
func Traffic(path string) (received, sent uint64, err error) {
	ns, err := OpenNamespace(path)
	if err != nil {
		return 0, 0, err
	}
	defer ns.Close()
	h, err := ns.Handle()
	if err != nil {
		return 0, 0, err
	}
	links, err := rtnl.Dump(h.LinkList)
	if err != nil {
		return 0, 0, fmt.Errorf("list interfaces: %w", err)
	}
	for _, link := range links {
		a := link.Attrs()
		if a.Flags&net.FlagLoopback == 0 && a.Statistics != nil {
			received += a.Statistics.RxBytes
			sent += a.Statistics.TxBytes
		}
	}
	return received, sent, nil
}
