package main

import "github.com/urfave/cli/v2"

// containerFlags are what create and run share.
func containerFlags() []cli.Flag {
	return append(append(append(processFlags(), hostFlags()...), limitFlags()...), networkFlags()...)
}

func processFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "keep stdin open"},
		&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "give the container a terminal"},
		&cli.StringSliceFlag{Name: "attach", Aliases: []string{"a"}, Usage: "attach to stdin, stdout or stderr"},
		&cli.StringFlag{Name: "name", Usage: "name of the container"},
		&cli.BoolFlag{Name: "rm", Usage: "remove the container when it exits"},
		&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "set an environment variable, NAME=VALUE or the NAME of one that is set"},
		&cli.StringSliceFlag{Name: "env-file", Usage: "read environment variables from a file"},
		&cli.StringFlag{Name: "workdir", Aliases: []string{"w"}, Usage: "working directory in the container"},
		&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "name or number of the user, and :group"},
		&cli.StringSliceFlag{Name: "group-add", Usage: "a further group of the user"},
		&cli.StringFlag{Name: "entrypoint", Usage: "run this instead of the image's entrypoint"},
		&cli.StringSliceFlag{Name: "label", Aliases: []string{"l"}, Usage: "set a label, KEY=VALUE"},
		&cli.StringSliceFlag{Name: "label-file", Usage: "read labels from a file"},
		&cli.StringFlag{Name: "stop-signal", Usage: "signal that stops the container"},
		&cli.IntFlag{Name: "stop-timeout", Usage: "seconds that a stop waits before it kills"},
		&cli.BoolFlag{Name: "init", Usage: "run a small init that reaps processes and passes signals on"},
		&cli.StringFlag{Name: "cidfile", Usage: "write the container's ID to this file"},
		&cli.StringFlag{Name: "restart", Value: "no", Usage: "no, on-failure[:n], always or unless-stopped"},
		&cli.StringFlag{Name: "pull", Value: "missing", Usage: "missing, always or never"},
		&cli.StringFlag{Name: "platform", Usage: "platform of the image, os/arch[/variant]"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "don't show a pull's progress"},
		insecureFlag(), unpackLimitFlag(),
		&cli.StringFlag{Name: "log-driver", Usage: "none keeps no log"},
		&cli.StringSliceFlag{Name: "log-opt", Usage: "max-size=20m or max-file=5"},
		&cli.StringSliceFlag{Name: "expose", Usage: "a port to show; on a VLAN all are reachable anyway"},
	}
}

func hostFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "volume", Aliases: []string{"v"}, Usage: "bind a directory or a volume, SOURCE:TARGET[:OPTIONS]"},
		&cli.StringSliceFlag{Name: "mount", Usage: "type=bind|volume|tmpfs,source=…,target=…"},
		&cli.StringSliceFlag{Name: "volumes-from", Usage: "mount what another container has of volumes and of the host, CONTAINER[:ro]"},
		&cli.StringSliceFlag{Name: "tmpfs", Usage: "mount a tmpfs, TARGET[:OPTIONS]"},
		&cli.BoolFlag{Name: "read-only", Usage: "mount the root file system read-only"},
		&cli.StringFlag{Name: "shm-size", Usage: "size of /dev/shm"},
		&cli.StringSliceFlag{Name: "cap-add", Usage: "add a capability"},
		&cli.StringSliceFlag{Name: "cap-drop", Usage: "drop a capability"},
		&cli.BoolFlag{Name: "privileged", Usage: "all capabilities and devices, no filters"},
		&cli.StringSliceFlag{Name: "security-opt", Usage: "no-new-privileges, seccomp=unconfined|FILE or apparmor=unconfined|PROFILE"},
		&cli.StringSliceFlag{Name: "device", Usage: "add a device of the host"},
	}
}

func limitFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "memory", Aliases: []string{"m"}, Usage: "memory limit"},
		&cli.StringFlag{Name: "memory-reservation", Usage: "memory soft limit"},
		&cli.StringFlag{Name: "memory-swap", Usage: "memory and swap together; -1 is unlimited"},
		&cli.StringFlag{Name: "cpus", Usage: "number of CPUs, such as 1.5"},
		&cli.Uint64Flag{Name: "cpu-shares", Aliases: []string{"c"}, Usage: "relative weight"},
		&cli.Uint64Flag{Name: "cpu-period", Usage: "scheduling period in microseconds"},
		&cli.Int64Flag{Name: "cpu-quota", Usage: "CPU time in each period, in microseconds"},
		&cli.StringFlag{Name: "cpuset-cpus", Usage: "CPUs to run on, such as 0-1"},
		&cli.StringFlag{Name: "cpuset-mems", Usage: "memory nodes to take from, such as 0"},
		&cli.Int64Flag{Name: "pids-limit", Usage: "number of processes; -1 is unlimited"},
		&cli.IntFlag{Name: "oom-score-adj", Usage: "preference for the kernel's memory killer, -1000 to 1000"},
		&cli.StringSliceFlag{Name: "ulimit", Usage: "resource limit, NAME=SOFT[:HARD]"},
		&cli.StringSliceFlag{Name: "sysctl", Usage: "kernel parameter of the container's namespaces"},
	}
}

func networkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "hostname", Aliases: []string{"h"}, Usage: "host name of the container"},
		&cli.StringFlag{Name: "domainname", Usage: "NIS domain name of the container"},
		&cli.StringSliceFlag{Name: "network", Aliases: []string{"net"}, Usage: "a network, NAME[,ip=…,ip6=…,mac=…,alias=…,ifname=…,gw-priority=…]; none or host"},
		&cli.StringSliceFlag{Name: "network-alias", Aliases: []string{"net-alias"}, Usage: "a further name of the container on its first network"},
		&cli.StringFlag{Name: "vlan", Usage: "VLAN to be on, 1 to 4094"},
		&cli.StringFlag{Name: "parent", Usage: "NIC that carries the VLAN (default: the one of the default route)"},
		&cli.StringFlag{Name: "ip", Usage: "address, ADDR[/LEN], dhcp or none"},
		&cli.StringFlag{Name: "ip6", Usage: "IPv6 address ADDR[/LEN], slaac, link-local or none"},
		&cli.IntFlag{Name: "mtu", Usage: "MTU in bytes, at most the parent's"},
		&cli.StringFlag{Name: "mac-address", Usage: "MAC address (default: a stable one)"},
		&cli.StringFlag{Name: "vlan-driver", Usage: "auto, kernel or ebpf"},
		conflictProbeFlag(),
		&cli.StringSliceFlag{Name: "dns", Usage: "DNS server"},
		&cli.StringSliceFlag{Name: "dns-search", Usage: "DNS search domain"},
		&cli.StringSliceFlag{Name: "dns-option", Aliases: []string{"dns-opt"}, Usage: "resolver option"},
		&cli.StringSliceFlag{Name: "add-host", Usage: "a line of /etc/hosts, NAME:ADDR"},
		&cli.StringSliceFlag{Name: "allow", Usage: "let only this in: \"tcp/80,udp/53,icmp from 172.16.10.0/24\""},
		&cli.StringSliceFlag{Name: "publish", Aliases: []string{"p"}, Usage: "refused: on a VLAN no port is mapped"},
		&cli.StringSliceFlag{Name: "link", Usage: refusedLink},
		&cli.StringSliceFlag{Name: "link-local-ip", Usage: refusedLinkLocal},
		&cli.BoolFlag{Name: "publish-all", Aliases: []string{"P"}, Usage: "refused, as --publish"},
	}
}
