package vm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestAgent is about the harness itself: what it says of a command is so.
func TestAgent(t *testing.T) {
	t.Parallel()
	g := boot(t, shortDir(t), parts.Spec("agent"))
	if r := g.try("sh", "-c", "echo out; echo err >&2; exit 7"); r.Stdout != "out\n" || r.Stderr != "err\n" || r.Code != 7 {
		t.Errorf("%v", r)
	}
	if r := g.try("sh", "-c", "kill -TERM $$"); r.Code != 128+15 {
		t.Errorf("killed by SIGTERM: %v", r)
	}
	if _, err := g.Run(context.Background(), nil, "no-such-program"); err == nil {
		t.Error("a program that is not there was started")
	}
	in := make([]byte, 3<<20)
	random := rand.NewChaCha8([32]byte{7})
	random.Read(in)
	sum := sha256.Sum256(in)
	if r := g.tryIn(bytes.NewReader(in), "sha256sum"); !strings.HasPrefix(r.Stdout, hex.EncodeToString(sum[:])) {
		t.Errorf("3 MiB of input arrived changed: %v", r)
	}
	short, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := g.Run(short, nil, "sh", "-c", "sleep 1000 & wait"); err == nil {
		t.Error("a command outlived its deadline")
	}
	g.eventually("the command that met its deadline is gone", 10*time.Second, func() bool {
		return g.try("pgrep", "-x", "sleep").Code == 1
	})
	t.Log(g.sh("uname -r; cat /sys/fs/cgroup/cgroup.controllers; systemd-analyze 2>/dev/null; free -m; df -h /; cat /sys/kernel/security/lsm; dmesg | tail -3"))
}
