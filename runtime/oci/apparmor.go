package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/mvrun/mvrun/runtime/container"
)

// DefaultAppArmor is the profile that containers get where the administrator
// has loaded it (contrib/apparmor).
const DefaultAppArmor = "mvrun-default"

// apparmorProfiles lists what is loaded, one "NAME (MODE)" a line. It is there
// when the kernel has AppArmor and it is on.
const apparmorProfiles = "/sys/kernel/security/apparmor/profiles"

// AppArmorProfile is the profile for a container: the one asked for, which must
// be loaded, else the default if that is. Empty is none.
func AppArmorProfile(s container.Security) (string, error) {
	if s.AppArmor == Unconfined || s.AppArmor == "" && s.Privileged {
		return "", nil
	}
	list, err := os.ReadFile(apparmorProfiles)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("list AppArmor profiles: %w", err)
	}
	return chooseAppArmor(s.AppArmor, string(list), err == nil)
}

// appArmorOf is the profile that the process has; empty is none.
func appArmorOf(pid int) string {
	if _, err := os.Stat(apparmorProfiles); err != nil {
		return "" // then attr/current is another security module's
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/attr/current", pid))
	name, _, _ := strings.Cut(strings.TrimSpace(string(text)), " (")
	if name == Unconfined {
		return ""
	}
	return name
}

func chooseAppArmor(wanted, loaded string, on bool) (string, error) {
	name := wanted
	if name == "" {
		name = DefaultAppArmor
	}
	for line := range strings.Lines(loaded) {
		if at := strings.LastIndex(line, " ("); at >= 0 && line[:at] == name {
			return name, nil
		}
	}
	switch {
	case wanted == "":
		return "", nil
	case !on:
		return "", fmt.Errorf("AppArmor profile %s: this kernel has no AppArmor, or it is off: leave the option out", wanted)
	}
	return "", fmt.Errorf("AppArmor profile %s is not loaded: load it with apparmor_parser -r FILE", wanted)
}
