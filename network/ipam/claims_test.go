package ipam

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestClaims(t *testing.T) {
	d := Claims(filepath.Join(t.TempDir(), "ips"))
	if list, err := d.List(); len(list) != 0 || err != nil {
		t.Fatalf("claims before the first: %v, %v", list, err)
	}
	mine := Claim{Container: "c1", Name: "bbox1", Endpoint: "e1", IfName: "eth0", MAC: "02:00:00:00:00:01", Bits: 24, Addr: ip("10.0.0.5")}
	if err := d.Take(mine); err != nil {
		t.Fatal(err)
	}
	err := d.Take(Claim{Container: "c2", Addr: mine.Addr})
	var claimed *ClaimedError
	if !errors.As(err, &claimed) || claimed.Claim.Name != "bbox1" {
		t.Fatalf("second claim: %v", err)
	}
	check(t, "message", err, "address 10.0.0.5 is already claimed by container bbox1")
	if err := d.Take(Claim{Container: "c3", Endpoint: "e3"}); err != nil { // L2 only
		t.Fatal(err)
	}

	list, err := d.List()
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, c := range list {
		if time.Since(c.Since) > time.Minute || c.Since.IsZero() {
			t.Errorf("claim of %s since %s", c.Container, c.Since)
		}
		c.Since = time.Time{}
		if c.Addr.IsValid() && c != mine {
			t.Errorf("read %+v, want %+v", c, mine)
		}
	}
	for range 2 { // idempotent
		if err := d.Drop(mine); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Take(Claim{Container: "c2", Addr: mine.Addr}); err != nil {
		t.Errorf("claim after release: %v", err)
	}
}

func TestOneOfManyGetsTheAddress(t *testing.T) {
	d := Claims(filepath.Join(t.TempDir(), "ips"))
	var wg sync.WaitGroup
	won := make(chan bool, 50)
	for range cap(won) {
		wg.Go(func() { won <- d.Take(Claim{Container: "c", Addr: ip("10.0.0.5")}) == nil })
	}
	wg.Wait()
	close(won)
	n := 0
	for w := range won {
		if w {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d claims of one address succeeded", n)
	}
}

func TestDamagedClaim(t *testing.T) {
	dir := t.TempDir()
	d := Claims(dir)
	if err := d.Take(Claim{Container: "good", Addr: ip("10.0.0.5")}); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"10.0.0.6": "not json", "nonsense": "{}"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "10.0.0.7"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := d.List()
	if len(list) != 1 || list[0].Container != "good" || !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, %v", list, err)
	}
	for _, name := range []string{"10.0.0.6", "nonsense", "10.0.0.7"} {
		check(t, name, err, filepath.Join(dir, name))
	}
	check(t, "claim of a damaged one", d.Take(Claim{Addr: ip("10.0.0.6")}), "corrupt claim")
}
