package main

import "github.com/urfave/cli/v2"

var networkCommand = &cli.Command{
	Name:  "network",
	Usage: "manage networks: VLANs of the LAN with their addresses",
	Subcommands: []*cli.Command{
		networkConnectCommand, networkCreateCommand, networkDisconnectCommand, networkInspectCommand, networkLsCommand, networkPruneCommand,
		networkReleaseCommand, networkRmCommand,
	},
}
