package trunk

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/mvrun/mvrun/network"
)

// linkName is the n-th choice of a name for the sub-interface of a segment:
// <parent>.<vid>, and where that is too long or already something else's, a
// beginning of it with a short hash.
func linkName(seg network.Segment, n int) string {
	name := seg.String()
	if n == 0 && len(name) <= network.MaxIfName {
		return name
	}
	sum := sha256.Sum256([]byte(name + "#" + strconv.Itoa(n)))
	tail := hex.EncodeToString(sum[:])[:4] + "." + strconv.Itoa(int(seg.VID))
	head := seg.Parent[:min(len(seg.Parent), network.MaxIfName-len(tail))]
	return head + tail
}
