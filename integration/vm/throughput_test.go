package vm

import (
	"encoding/json"
	"fmt"
	"strings"
)

// throughput measures one TCP stream from a container on host1 to one on host2,
// by each driver in turn, the better of two each. It is a measurement: what
// fails is only a stream that does not flow. On a host that is busy with other
// things the ratio says nothing.
func throughput(h hosts) {
	t := h.host1.t
	rates := map[string]float64{}
	for _, driver := range []string{"kernel", "ebpf", "kernel", "ebpf"} {
		for i, g := range []*guest{h.host1, h.host2} {
			g.ok("mvrun", "run", "-d", "--name", "perf", "--vlan", "30", "--parent", trunk, "--vlan-driver", driver,
				"--ip", fmt.Sprintf("172.16.30.%d/24", i+1), "busybox", "sleep", "1000")
		}
		pid2 := h.host2.ok("mvrun", "inspect", "-f", "{{.State.Pid}}", "perf")
		h.host2.ok("nsenter", "-t", pid2, "-n", "iperf3", "-s", "-1", "-D")
		pid1 := h.host1.ok("mvrun", "inspect", "-f", "{{.State.Pid}}", "perf")
		out := h.host1.ok("nsenter", "-t", pid1, "-n", "iperf3", "-c", "172.16.30.2", "-t", "2", "-O", "1", "-J")
		var report struct {
			End struct {
				Received struct {
					Rate float64 `json:"bits_per_second"`
				} `json:"sum_received"`
			} `json:"end"`
		}
		if err := json.NewDecoder(strings.NewReader(out)).Decode(&report); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		rates[driver] = max(rates[driver], report.End.Received.Rate/1e6)
		if rates[driver] < 1 {
			t.Errorf("%s: %.2f Mbit/s: the stream does not flow", driver, rates[driver])
		}
		for _, g := range []*guest{h.host1, h.host2} {
			g.ok("mvrun", "rm", "-f", "perf")
		}
	}
	t.Logf("one TCP stream between the machines: kernel %.0f Mbit/s, ebpf %.0f Mbit/s, ratio %.2f",
		rates["kernel"], rates["ebpf"], rates["ebpf"]/rates["kernel"])
}
