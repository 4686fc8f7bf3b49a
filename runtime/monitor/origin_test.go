package monitor

import "testing"

// The test runs in its parent's mount namespace, as a monitor that is typed
// does.
func TestHasOwnMounts(t *testing.T) {
	if hasOwnMounts() == nil {
		t.Error("the parent's mount namespace passes for our own")
	}
}
