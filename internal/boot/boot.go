// Package boot names the boot that this host is in: what a record says of
// processes and interfaces holds for the boot that it was written in.
package boot

import (
	"os"
	"strings"
	"sync"
)

// ID is the kernel's random name of this boot, the same for all processes
// (random(4), /proc/sys/kernel/random/boot_id). It is empty where /proc is missing.
var ID = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
})
