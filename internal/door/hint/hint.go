package hint

import (
	"regexp"

	"github.com/mvrun/mvrun/network"
)

// rooms give the advice for the errors of one library each.
// Of several for one error the first counts that the command can follow.
var rooms = []func(error) string{
	Image,
	taken(network.ByNeighbour, "choose another --ip, or look for that machine; --conflict-probe off starts all the same"),
	taken(network.ByNeighbour, "choose another --ip, or look for that machine"),
	taken(network.ByNeighbour, "look for that machine"),
	taken(network.ByHost, "choose another --ip"),
	taken(network.HostByNeighbour, "look for that machine, or make the network anew with another one (-o host_access=ADDRESS); --conflict-probe off starts all the same"),
	taken(network.HostByNeighbour, "look for that machine, or make the network anew with another one (-o host_access=ADDRESS)"),
}

// Of is the advice for an error, or "". has tells which flags the command has that met
// it: advice to use one that it has not is none, as `start` can't be told to choose
// another address.
func Of(err error, has func(flag string) bool) string {
	for _, room := range rooms {
		if advice := room(err); advice != "" && possible(advice, has) {
			return advice
		}
	}
	return ""
}

var flagText = regexp.MustCompile(`(?:^|[\s(])--([a-z][a-z0-9-]*)`)

// possible reports whether the command has all the flags that the advice names. One
// within a command of its own, in backquotes, is that command's.
func possible(advice string, has func(flag string) bool) bool {
	for _, m := range flagText.FindAllStringSubmatch(quoted.ReplaceAllString(advice, ""), -1) {
		if !has(m[1]) {
			return false
		}
	}
	return true
}

var quoted = regexp.MustCompile("`[^`]*`")
