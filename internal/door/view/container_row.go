package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/mvrun/mvrun/runtime/container"
)

// ContainerHeads are the headings of a ContainerRow's fields.
var ContainerHeads = map[string]string{
	"ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED", "Status": "STATUS", "Ports": "PORTS", "Names": "NAMES",
	"CreatedAt": "CREATED AT", "State": "STATE", "Labels": "LABELS", "Networks": "NETWORKS", "Mounts": "MOUNTS", "Size": "SIZE",
	"LocalVolumes": "LOCAL VOLUMES", "Platform": "PLATFORM", "Addresses": "ADDRESSES",
}

// ContainerRow is a container as ps shows it. Its size is another's to fill in.
func ContainerRow(cont *container.Container, full bool) map[string]string {
	conf := &cont.Config
	command := commandText(conf.Args())
	if !full {
		command = truncate(command, 20)
	}
	row := map[string]string{
		"ID":           ShortID(conf.ID, full),
		"Image":        conf.Image,
		"Command":      `"` + command + `"`,
		"RunningFor":   units.HumanDuration(time.Since(conf.Created)) + " ago",
		"CreatedAt":    conf.Created.Format(stampLayout),
		"Status":       statusText(&cont.State) + networkMark(cont),
		"State":        string(cont.State.Status),
		"Addresses":    addresses(cont),
		"Names":        conf.Name,
		"Labels":       joinLabels(conf.Labels),
		"Networks":     networkNames(conf),
		"Mounts":       mountNames(conf, full),
		"LocalVolumes": fmt.Sprint(len(conf.Volumes())),
		"Platform":     conf.Platform + "/" + conf.Architecture,
		"Size":         "0B",
	}
	// Where its ports are: on addresses of its own.
	row["Ports"] = row["Addresses"]
	return row
}

// ContainerSize is what ps shows of a container's size: of its own files, and of its
// image's with them, in bytes.
func ContainerSize(own, layers int64) string {
	return fmt.Sprintf("%s (virtual %s)", Size(own), Size(own+layers))
}

// commandText is what a container runs, as one line.
func commandText(args []string) string {
	shown := slices.Clone(args)
	for i, arg := range shown {
		if i > 0 && strings.Contains(arg, " ") {
			shown[i] = "'" + arg + "'"
		}
	}
	return strings.Join(shown, " ")
}

// statusText is Docker's: "Up 5 minutes (Paused)", "Exited (0) 2 hours ago".
func statusText(s *container.State) string {
	up := units.HumanDuration(time.Since(s.StartedAt))
	ago := units.HumanDuration(time.Since(s.FinishedAt))
	switch s.Status {
	case container.Running:
		return "Up " + up
	case container.Paused:
		return "Up " + up + " (Paused)"
	case container.Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", s.ExitCode, ago)
	case container.Exited:
		return fmt.Sprintf("Exited (%d) %s ago", s.ExitCode, ago)
	}
	return strings.ToUpper(string(s.Status[:1])) + string(s.Status[1:])
}

func addresses(cont *container.Container) string {
	var list []string
	for _, ep := range cont.Config.Network.Endpoints {
		for _, a := range endpointAddrs(cont, ep) {
			list = append(list, a.Addr().String())
		}
	}
	return strings.Join(list, ", ")
}

func networkNames(conf *container.Config) string {
	if len(conf.Network.Endpoints) == 0 {
		return conf.Network.Mode
	}
	var names []string
	for _, ep := range conf.Network.Endpoints {
		names = append(names, ep.Network)
	}
	return strings.Join(names, ",")
}

func mountNames(conf *container.Config, full bool) string {
	var names []string
	for _, m := range conf.Mounts {
		name := m.Name
		if name == "" {
			name = m.Source
		}
		if !full {
			name = truncate(name, 15)
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
