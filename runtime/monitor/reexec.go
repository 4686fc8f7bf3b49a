package monitor

import (
	"fmt"
	"os"

	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// Reexec is for the first lines of main. Where the program was executed anew as
// a monitor it does not return: the process ends with its container.
func Reexec() {
	store, id, ok := protocol.ParseArgs(os.Args)
	if !ok {
		return
	}
	kernel.Serve(store)
	err := store.Prepare()
	if err == nil {
		err = Main(store, id)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mvrun:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
