package protocol

import (
	"reflect"
	"testing"

	"github.com/mvrun/mvrun/runtime/container"
)

func TestArgs(t *testing.T) {
	store := &container.Store{Layout: container.Layout{Root: "/var/lib/a b", State: "/run/x=y"}, CgroupParent: "/mvrun", CgroupDriver: "auto"}
	args := append(append([]string{"mvrun"}, StoreArgs(store)...), Command, "0123")
	got, id, ok := ParseArgs(args)
	if !ok || id != "0123" || !reflect.DeepEqual(got, store) {
		t.Errorf("%q is read as %+v, %q, %v", args, got, id, ok)
	}
	for _, other := range [][]string{nil, {"mvrun"}, {"mvrun", "monitor", "0123"}, args[:len(args)-1], append(args, "more"), {"mvrun", "run", "a", "b", "c", "monitor", "d"}} {
		if _, _, ok := ParseArgs(other); ok {
			t.Errorf("%q is taken for a monitor's", other)
		}
	}
}
