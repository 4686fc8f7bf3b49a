package integration

import (
	"strings"
	"testing"
)

// What images and users put into labels, commands and names of variables commands
// no terminal; in a pipe it is what it is.
func TestTerminalIsNotCommanded(t *testing.T) {
	h := host(t)
	const evil = "a\x1b]0;owned\a\x1b[2J\rb"
	h.OK("run", "--name", "maker", "--network", "none", "busybox", "true")
	h.OK("commit", "-c", "LABEL evil=\""+evil+"\"", "-c", "CMD [\"echo\", \"\\u001b[2J\"]", "maker", "evil")
	h.OK("run", "-d", "--name", "c1", "--network", "none", "-e", "X="+evil, "evil", "sh", "-c", "printf '\\033[1m'; sleep 1000; : "+evil)
	h.OK("volume", "create", "--label", "l="+evil, "v1")
	for _, args := range [][]string{
		{"inspect", "-f", "{{.Config.Labels}} {{.Config.Cmd}} {{.Config.Env}}", "c1"},
		{"image", "inspect", "-f", "{{.Config.Labels}}", "evil"},
		{"ps", "-a", "--no-trunc", "--format", "{{.Labels}} {{.Command}}"},
		{"volume", "ls", "--format", "{{.Labels}}"},
		{"volume", "inspect", "-f", "{{.Labels}}", "v1"},
		{"rm", "no\x1b[2Jsuch"},
	} {
		term := onTerminal(t, h, 24, 200, args...)
		term.expect(`\\x1b`)
		term.end()
		screen := term.screen()
		if strings.ContainsAny(strings.ReplaceAll(screen, "\r\n", "\n"), "\x1b\a\r") {
			t.Errorf("%q on a terminal: %q", args, screen)
		}
	}
	if got := h.OK("inspect", "-f", "{{index .Config.Labels \"evil\"}}", "c1"); got != evil {
		t.Errorf("in a pipe: %q, %q is wanted", got, evil)
	}
	logs := onTerminal(t, h, 24, 200, "logs", "c1")
	logs.expect("\x1b\\[1m")
	logs.end()
}
