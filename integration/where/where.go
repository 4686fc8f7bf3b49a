// Package where says which tests of the integration suite run on the host alone.
// The others run on Debian's kernel as well, in the virtual machines: what they
// are about can differ there. rules.TestWhere holds the list true.
package where

// HostOnly are tests, and scripts as TestScript/name, by the reason that no other
// kernel would answer them differently.
var HostOnly = map[string][]string{
	"words: what is parsed, printed and refused before anything reaches the kernel": {
		"TestBadContainersAreRefused", "TestBadNetworksAreRefused", "TestWithoutRootItSaysSo",
		"TestDoctorReadsTheConfiguration", "TestDoctorInterrupted", "TestConnectOptions",
		"TestScript/config", "TestScript/image", "TestScript/inspect", "TestScript/names-and-ids", "TestScript/network",
		"TestScript/option-order", "TestScript/ps", "TestScript/ps-filter-format", "TestScript/rename",
		"TestScript/run-cidfile-labels", "TestScript/run-command", "TestScript/run-env", "TestScript/run-etc-files",
		"TestScript/run-exit-codes", "TestScript/run-user", "TestScript/run-workdir", "TestScript/volume",
	},
	"records: files on a disk, and who finds them": {
		"TestCorruptNetworkRecord", "TestCorruptRecords", "TestFullDisk", "TestDiskFillsUpUnderAContainer",
		"TestReadOnlyRootDirectory", "TestUnusualDirectories", "TestAddressesAndRelease", "TestMACIsStable", "TestNames",
		"TestScript/create-start", "TestScript/rm", "TestScript/run-rm",
	},
	"moments: a command is killed, or meets another, at every point of its way; TestKillOfTheMonitor and TestPowerCut of this kind run everywhere": {
		"TestKillOfEverythingDuringRun", "TestKillOfOtherCommands", "TestKillOfRename", "TestKillOfRun", "TestConnectIsKilled",
		"TestListingWhileOthersComeAndGo", "TestOneAddressHasOneWinner", "TestOneNameHasOneWinner", "TestRunAgainstRemove",
		"TestRunsAtOnceGetAnAddressEach", "TestSimultaneousStarts",
	},
	"streams: bytes through pipes and sockets between mvrun's own processes; TestTerminalOfRun has the kernel's terminals": {
		"TestReaderPauses", "TestStuckClient", "TestExecEndsWithItsProcess", "TestPipesAreBinaryClean", "TestStreamsAreSeparateAndWhole",
		"TestNoInputWithoutI", "TestHalfClosedPipes", "TestInteractivePipe", "TestDetachAndReattach", "TestDetachFromExec",
		"TestDetachKeysCanBeChosen", "TestRunAloneInATerminalIsAShell", "TestTerminalFromAPipeIsRefused", "TestTerminalOfExec",
		"TestScript/attach", "TestScript/logs", "TestScript/logs-follow", "TestScript/run-streams",
	},
	"processes: signals, descriptors and exits, as in every Unix": {
		"TestDescriptorsAreNotInherited", "TestIgnoredSignalsAreNotInherited", "TestMonitorByHand", "TestSignalsAreForwarded",
		"TestKillOfTheContainer", "TestStartIsLean",
		"TestScript/run-hostname", "TestScript/run-init",
		"TestScript/kill", "TestScript/restart", "TestScript/restart-policy", "TestScript/stop", "TestScript/wait",
	},
	"other kernels: played by a filter, whatever the real one is": {"TestKernelWithout"},
	"leases: the talk with a server; TestLease has the kernel's part in it": {
		"TestChangedLease", "TestConflictOnALease", "TestConnectByDHCP", "TestHostAccessToAForeignLease", "TestHostAccessToALease",
		"TestKillOfTheMonitorWithALease", "TestLeaseExpires", "TestLeaseGivesWay", "TestLeaseIsReleased", "TestLeaseOutlivesAStop",
		"TestNoDHCPServer", "TestOfferedAddressIsClaimed", "TestOfferedAddressIsTaken", "TestRenewal", "TestWithdrawnLease",
	},
	"conflicts: what follows from an answer to a probe; TestTakenAddressIsRefused has the answer, TestConflictAfterTheStart the later one": {
		"TestAddressChangesHands", "TestAddressOfAContainerElsewhereIsRefused", "TestAddressOfTheHostIsRefused",
		"TestConflictNamesTheContainer", "TestProbeOff", "TestDoctorAsksTheGateway", "TestDoctorSaysWhyTheGatewayIsSilent",
	},
}
