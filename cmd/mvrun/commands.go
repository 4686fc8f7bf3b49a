package main

import "github.com/urfave/cli/v2"

// commands is the table of all commands; each lives in a file of its own.
func commands() []*cli.Command {
	return []*cli.Command{
		runCommand, createCommand, startCommand, stopCommand, restartCommand, killCommand, rmCommand, renameCommand,
		psCommand, execCommand, attachCommand, logsCommand, inspectCommand, waitCommand, statsCommand,
		pauseCommand, unpauseCommand, bootCommand, shutdownCommand,
		containerCommand, networkCommand,
		imageCommand, imagesCommand, rmiCommand, tagCommand, historyCommand, pullCommand, pushCommand,
		loadCommand, saveCommand, importCommand, commitCommand, exportCommand, loginCommand, logoutCommand, volumeCommand,
		eventsCommand, infoCommand, topologyCommand, doctorCommand, versionCommand,
		monitorCommand,
	}
}
