package main

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnchanged(t *testing.T) {
	const smaps = `00400000-00403000 r--p 00000000 fe:00 11                             /usr/bin/mvrun
Size:                 12 kB
Rss:                  12 kB
Anonymous:             0 kB
AnonHugePages:         0 kB
VmFlags: rd mr mw me sd
00403000-00ce1000 r-xp 00003000 fe:00 11                                 /usr/bin/mvrun
Anonymous:             0 kB
00ce1000-00ce2000 r-xp 00003000 fe:00 11                                 /usr/bin/mvrun
Anonymous:             4 kB
016f7000-016f8000 r--p 012f6000 fe:00 11                                 /usr/bin/mvrun
Anonymous:             4 kB
016f8000-0183e000 rw-p 012f7000 fe:00 11                                 /usr/bin/mvrun
Anonymous:             0 kB
0183e000-03aaa000 rw-p 00000000 00:00 0 
Anonymous:             0 kB
7fe97dcac000-7fe97dcd2000 r--p 00000000 fe:00 12                         /usr/lib/libc.so.6
Anonymous:             0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0x403000}, {0x403000, 0xce1000}}
	if diff := cmp.Diff(want, unchanged([]byte(smaps), "/usr/bin/mvrun"), cmp.AllowUnexported(mapping{})); diff != "" {
		t.Error(diff)
	}
}

// The program goes on without the pages that it had, and has fewer: 8 MB fewer,
// or 5 if it was just built, of which the kernel may map 2 MiB at a time.
func TestForgetStart(t *testing.T) {
	before := rssFile(t)
	forgetStart()
	if after := rssFile(t); after > before-1<<10 {
		t.Errorf("%d KiB of files are mapped, before %d", after, before)
	}
}

func rssFile(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no RssFile in %s", status)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
