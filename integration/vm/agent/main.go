// Command agent runs inside the test machines. In the initramfs it is /init:
// it loads the modules, names the NICs, puts the payload into the root file
// system and hands over. After that, as the machine's init or as a service of
// systemd, it runs the commands that the harness sends.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	// Who comes back has failed: init hands over by exec, and the agent serves on.
	fmt.Fprintln(os.Stderr, "agent:", run())
	if os.Getpid() == 1 {
		powerOff() // the harness sees the machine end, and shows the console
	}
	os.Exit(1)
}

func run() error {
	switch {
	case os.Args[0] == "/init":
		return prepare()
	case len(os.Args) == 4 && os.Args[1] == "idmap":
		return idmap(os.Args[2], os.Args[3])
	case os.Getpid() == 1:
		return beInit()
	default:
		return serve()
	}
}

// parameters are the mvrun.KEY=VALUE words of the kernel's command line.
func parameters() map[string]string {
	line, _ := os.ReadFile("/proc/cmdline")
	return parseParameters(string(line))
}

func parseParameters(line string) map[string]string {
	words := map[string]string{}
	for _, word := range strings.Fields(line) {
		if word, ok := strings.CutPrefix(word, "mvrun."); ok {
			key, value, _ := strings.Cut(word, "=")
			words[key] = value
		}
	}
	return words
}
