package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mvrun/mvrun/integration/vm/wire"
)

// portName is the virtio serial port that the harness holds the other end of.
const portName = "mvrun.agent"

// serve runs commands until the machine ends.
func serve() error {
	port, err := openPort()
	if err != nil {
		return err
	}
	out := wire.NewWriter(port)
	if err := out.Send(wire.Frame{Kind: wire.Hello}); err != nil {
		return err
	}
	s := server{out: out, running: map[uint32]*command{}, reaper: newReaper()}
	for {
		f, err := wire.Read(port)
		if err != nil {
			return fmt.Errorf("read from the harness: %w", err)
		}
		s.handle(f)
	}
}

func openPort() (*os.File, error) {
	for deadline := time.Now().Add(deviceTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		names, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
		for _, path := range names {
			if name, _ := os.ReadFile(path); strings.TrimSpace(string(name)) == portName {
				return os.OpenFile("/dev/"+filepath.Base(filepath.Dir(path)), os.O_RDWR, 0)
			}
		}
	}
	return nil, errors.New("no virtio port " + portName)
}

func splitEnv(e string) (key, value string) {
	key, value, _ = strings.Cut(e, "=")
	return key, value
}
