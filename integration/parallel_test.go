package integration

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mvrun/mvrun/integration/lab"
)

// atOnce runs the commands at the same time.
func atOnce(h *lab.Host, commands [][]string) []lab.Result {
	results := make([]lab.Result, len(commands))
	var all sync.WaitGroup
	for i, args := range commands {
		all.Go(func() { results[i] = h.Mvrun(args...) })
	}
	all.Wait()
	return results
}

func repeat(n int, args ...string) [][]string {
	return slices.Repeat([][]string{args}, n)
}

func TestRunsAtOnceGetAnAddressEach(t *testing.T) {
	h := host(t)
	h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16.10.0/24", "--gateway", "172.16.10.1", "-o", "parent=enp0s9.10", "net10")
	n := lab.Few(30)
	var names []string
	var commands [][]string
	for i := range n {
		name := fmt.Sprintf("c%d", i)
		names = append(names, name)
		commands = append(commands, []string{"run", "-d", "--name", name, "--network", "net10", "busybox", "sleep", "1000"})
	}
	for _, r := range atOnce(h, commands) {
		if r.Code != 0 {
			t.Errorf("%v", r)
		}
	}
	holder := map[string]string{}
	for _, line := range strings.Split(h.OK(append([]string{"inspect", "-f", "{{.Name}} {{.NetworkSettings.Networks.net10.IPAddress}}"}, names...)...), "\n") {
		name, ip, _ := strings.Cut(line, " ")
		if other, taken := holder[ip]; taken || !strings.HasPrefix(ip, "172.16.10.") {
			t.Errorf("%s has %q, %q has it too", name, ip, other)
		}
		holder[ip] = name
		if got := h.OK("exec", strings.TrimPrefix(name, "/"), "hostname", "-i"); got != ip {
			t.Errorf("%s: inspect says %s, the container %s", name, ip, got)
		}
	}
	if len(holder) != n {
		t.Errorf("%d addresses", len(holder))
	}
	for _, r := range atOnce(h, func() (rm [][]string) {
		for _, name := range names {
			rm = append(rm, []string{"rm", "-f", name})
		}
		return rm
	}()) {
		if r.Code != 0 {
			t.Errorf("%v", r)
		}
	}
	wantLinks(t, h, "after all are removed")
}

func TestOneNameHasOneWinner(t *testing.T) {
	h := host(t)
	won := 0
	for _, r := range atOnce(h, repeat(12, "run", "-d", "--name", "same", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")) {
		if r.Code == 0 {
			won++
			continue
		}
		h.CheckRefused(r, 125, `same.*already in use`)
	}
	if won != 1 {
		t.Errorf("%d of 12 runs got the name", won)
	}
	h.OK("stop", "-t", "0", "same")
	won = 0
	for _, r := range atOnce(h, repeat(12, "rm", "same")) {
		if r.Code == 0 {
			won++
			continue
		}
		h.CheckRefused(r, 1, `(?i)no such container|removal .*in progress`)
	}
	if won != 1 {
		t.Errorf("%d of 12 rms removed it", won)
	}
}

func TestOneAddressHasOneWinner(t *testing.T) {
	h := host(t)
	won := 0
	for _, r := range atOnce(h, repeat(12, "run", "-d", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")) {
		if r.Code == 0 {
			won++
			continue
		}
		h.CheckRefused(r, 125, `172\.16\.10\.10.*(in use|taken|claimed)`)
	}
	if won != 1 {
		t.Errorf("%d of 12 runs got the address", won)
	}
}

// run and rm -f of one name against each other, many times: each run either
// starts or says that the name is taken, and in the end nothing is left.
func TestRunAgainstRemove(t *testing.T) {
	h := host(t)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range lab.Few(10) {
				r := h.Mvrun("run", "-d", "--name", "same", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
				if r.Code != 0 && !strings.Contains(r.Stderr, "in use") {
					// A container removed while it starts ends its run with an error, but a named one.
					h.CheckRefused(r, 125, `removed|no such container|killed`)
				}
			}
		})
		all.Go(func() {
			for range lab.Few(10) {
				if r := h.Mvrun("rm", "-f", "same"); r.Code != 0 {
					h.CheckRefused(r, 1, `(?i)no such container|in progress`)
				}
			}
		})
	}
	all.Wait()
	h.Mvrun("rm", "-f", "same")
	h.NothingLeft("after the race")
}

// Containers of one VLAN that come and go at once: the sub-interface is never
// taken from under one that is there.
func TestSubInterfaceUnderChurn(t *testing.T) {
	h := host(t)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for range lab.Few(8) {
				ip := fmt.Sprintf("172.16.10.%d/24", 10+worker)
				r := h.Mvrun("run", "--rm", "--vlan", "10", "--parent", lab.Trunk, "--ip", ip, "busybox", "cat", "/sys/class/net/eth0/operstate")
				if r.Code != 0 || strings.TrimSpace(r.Stdout) != "up" && strings.TrimSpace(r.Stdout) != "unknown" {
					t.Errorf("%v", r)
				}
			}
		})
	}
	all.Wait()
	wantLinks(t, h, "after the churn")
}

// Readers see whole records while writers write.
func TestListingWhileOthersComeAndGo(t *testing.T) {
	h := host(t)
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(stop)
		for range lab.Few(15) {
			h.Mvrun("run", "--rm", "--network", "none", "busybox", "true")
		}
	})
	for _, args := range [][]string{{"ps", "-a"}, {"ps", "-aq"}, {"network", "ls"}} {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if r := h.Mvrun(args...); r.Code != 0 || r.Stderr != "" {
					t.Errorf("%v", r)
				}
			}
		})
	}
	all.Wait()
}
