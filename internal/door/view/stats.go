package view

import (
	"fmt"
	"strconv"

	"github.com/docker/go-units"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
)

// StatsHeads are the headings of a StatsRow's fields.
var StatsHeads = map[string]string{
	"ID": "CONTAINER ID", "Container": "CONTAINER", "Name": "NAME", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %",
	"NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
}

// StatsRow is what a container uses, between two looks. received and sent are the
// bytes of its network namespace.
func StatsRow(cont *container.Container, before, now kernel.Usage, received, sent uint64, full bool) map[string]string {
	size := func(n uint64) string { return Size(int64(n)) }
	percent := func(part float64) string { return fmt.Sprintf("%.2f%%", 100*part) }
	memory := 0.0
	if now.MemoryLimit > 0 {
		memory = float64(now.Memory) / float64(now.MemoryLimit)
	}
	id := ShortID(cont.Config.ID, full)
	return map[string]string{
		"Container": id, "ID": id, "Name": cont.Config.Name,
		"CPUPerc":  percent(now.CPUShare(before)),
		"MemUsage": units.BytesSize(float64(now.Memory)) + " / " + units.BytesSize(float64(now.MemoryLimit)),
		"MemPerc":  percent(memory),
		"NetIO":    size(received) + " / " + size(sent),
		"BlockIO":  size(now.Read) + " / " + size(now.Write),
		"PIDs":     strconv.FormatUint(now.Pids, 10),
	}
}
