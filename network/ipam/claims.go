package ipam

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrCorrupt marks a file among the claims that is none.
var ErrCorrupt = errors.New("corrupt claim")

// Claim says who has an address, or, without one, who is on a network.
//
// It is kept as a symbolic link whose name is the address and whose target is
// the claim itself. symlink(2) takes a name exactly once, as O_EXCL does, and
// brings the content along in the same step: no moment of a kill -9 leaves a
// claim that does not say whose it is, and none needs an fsync to be whole.
type Claim struct {
	Container string     `json:"id"`
	Name      string     `json:"name"`
	Endpoint  string     `json:"endpoint"`
	IfName    string     `json:"ifname"`
	MAC       string     `json:"mac,omitempty"`
	Bits      int        `json:"bits,omitempty"` // prefix length of the address
	Addr      netip.Addr `json:"-"`              // zero: on the network without an address
	Since     time.Time  `json:"-"`
}

// Claims is the directory of one network's claims.
type Claims string

// ClaimedError says whose an address is.
type ClaimedError struct{ Claim Claim }

func (e *ClaimedError) Error() string {
	return fmt.Sprintf("address %s is already claimed by container %s", e.Claim.Addr, e.Claim.Who())
}

// Who names the container for people.
func (c Claim) Who() string {
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("%.12s", c.Container)
}

func (c Claim) file() string {
	if c.Addr.IsValid() {
		return c.Addr.String()
	}
	return "none." + c.Endpoint
}

// Take claims c.Addr. One that is taken is a *ClaimedError, also if its owner
// is the same container.
func (d Claims) Take(c Claim) error {
	target, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode claim: %w", err)
	}
	path := filepath.Join(string(d), c.file())
	err = os.Symlink(string(target), path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(string(d), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make claims directory: %w", err)
		}
		err = os.Symlink(string(target), path)
	}
	if errors.Is(err, fs.ErrExist) {
		owner, rerr := d.read(c.file())
		if rerr != nil {
			return fmt.Errorf("claim %s: %w", c.file(), rerr)
		}
		return &ClaimedError{owner}
	}
	if err != nil {
		return fmt.Errorf("claim %s: %w", c.file(), err)
	}
	return nil
}

// Rewrite replaces what a claim says; whose it is, and since when, stays.
func (d Claims) Rewrite(c Claim) error {
	target, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode claim: %w", err)
	}
	// Beside the claims: among them it would be read as one.
	scratch := filepath.Join(filepath.Dir(string(d)), ".claim-"+c.Endpoint)
	if err := os.Remove(scratch); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rewrite claim %s: %w", c.file(), err)
	}
	err = os.Symlink(string(target), scratch)
	if err == nil {
		since := unix.NsecToTimespec(c.Since.UnixNano())
		err = unix.UtimesNanoAt(unix.AT_FDCWD, scratch, []unix.Timespec{since, since}, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err == nil {
		err = os.Rename(scratch, filepath.Join(string(d), c.file()))
	}
	if err != nil {
		return fmt.Errorf("rewrite claim %s: %w", c.file(), err)
	}
	return nil
}

// Drop gives up a claim. A claim that is not there is none to give up.
func (d Claims) Drop(c Claim) error {
	err := os.Remove(filepath.Join(string(d), c.file()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("release %s: %w", c.file(), err)
	}
	return nil
}

// Get reads the claim on an address, or, without one, the endpoint's presence.
func (d Claims) Get(endpoint string, addr netip.Addr) (Claim, error) {
	return d.read(Claim{Endpoint: endpoint, Addr: addr}.file())
}

// Addrs are the claimed addresses, without a look at whose they are.
func (d Claims) Addrs() ([]netip.Addr, error) {
	names, err := d.files()
	var addrs []netip.Addr
	for _, name := range names {
		if a, err := netip.ParseAddr(name); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs, err
}

// List reads all the claims. Those that can't be read are left out and named
// in an ErrCorrupt; the others are good.
func (d Claims) List() ([]Claim, error) {
	names, err := d.files()
	if err != nil {
		return nil, err
	}
	var claims []Claim
	var bad []error
	for _, name := range names {
		c, err := d.read(name)
		switch {
		case err == nil:
			claims = append(claims, c)
		case !errors.Is(err, fs.ErrNotExist): // released meanwhile
			bad = append(bad, err)
		}
	}
	return claims, errors.Join(bad...)
}

func (d Claims) files() ([]string, error) {
	dir, err := os.Open(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	return names, nil
}

func (d Claims) read(name string) (Claim, error) {
	path := filepath.Join(string(d), name)
	target, err := os.Readlink(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Claim{}, err
	}
	if err != nil {
		return Claim{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var c Claim
	if err := json.Unmarshal([]byte(target), &c); err != nil {
		return Claim{}, fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	}
	if !strings.HasPrefix(name, "none.") {
		if c.Addr, err = netip.ParseAddr(name); err != nil {
			return Claim{}, fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
		}
	}
	if info, err := os.Lstat(path); err == nil {
		c.Since = info.ModTime()
	}
	return c, nil
}
