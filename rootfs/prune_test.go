package rootfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

func TestPrune(t *testing.T) {
	root := t.TempDir()
	s := Open(root)
	kept, gone := newLayer(t, entry{name: "kept", body: "12345"}), newLayer(t, entry{name: "gone", body: "123"})
	if _, err := s.Unpack(t.Context(), layers(kept, gone)); err != nil {
		t.Fatal(err)
	}
	if size, ok := s.Size(kept.diffID); !ok || size != 5 {
		t.Errorf("Size = %d, %v; want 5", size, ok)
	}
	dir := filepath.Join(root, "layers")
	for _, half := range []string{".aa.tmp", ".bb.gone", ".cc.tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, half, "x"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Killed between the layer's rename and the end.
	if err := os.WriteFile(filepath.Join(dir, ".dd.lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	busy, err := jsonfile.OpenLocked(filepath.Join(dir, ".cc.lock"), true) // someone unpacks cc
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	freed, err := s.Prune(func(_, id string) bool { return id == kept.diffID.Hex })
	if err != nil || freed != 3 {
		t.Errorf("Prune = %d, %v; want 3 bytes freed", freed, err)
	}
	want := map[string]bool{kept.diffID.Hex: true, ".cc.tmp": true, ".cc.lock": true}
	for _, name := range names(t, dir) {
		if !want[name] {
			t.Errorf("%s is left", name)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("%v are gone", want)
	}
}
