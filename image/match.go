package image

import (
	"path"
	"strings"
)

// Matches reports whether a pattern, a repository or repository:tag with shell
// wildcards, is for the name that consists of the repository, in its short form,
// and the tag.
func Matches(pattern, repository, tag string) bool {
	want := ""
	if i := strings.LastIndexByte(pattern, ':'); i > strings.LastIndexByte(pattern, '/') {
		pattern, want = pattern[:i], pattern[i+1:]
	}
	if full, err := ParseName(pattern); err == nil && !strings.ContainsAny(pattern, "*?[") {
		have, err := ParseName(repository)
		if err != nil || have.Canonical() != full.Canonical() {
			return false
		}
	} else if ok, err := path.Match(pattern, repository); !ok || err != nil {
		return false
	}
	ok, err := path.Match(want, tag)
	return want == "" || ok && err == nil
}
