package oci

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mvrun/mvrun/runtime/container"
)

func TestScopeAnnotations(t *testing.T) {
	seconds := func(n int) *int { return &n }
	for _, test := range []struct {
		path    string
		timeout *int
		want    string // of TimeoutStopUSec; empty: no annotations
	}{
		{"/mvrun/abc", nil, ""},
		{"", nil, ""},
		{"system.slice:mvrun:abc", nil, "uint64 10000000"},
		{"system.slice:mvrun:abc", seconds(30), "uint64 30000000"},
		{"system.slice:mvrun:abc", seconds(0), "uint64 1000000"}, // 0 is "no limit" to systemd
		{"system.slice:mvrun:abc", seconds(-1), "uint64 18446744073709551615"},
	} {
		var want map[string]string
		if test.want != "" {
			want = map[string]string{
				"org.systemd.property.Before":          "['mvrun.service']",
				"org.systemd.property.TimeoutStopUSec": test.want,
			}
		}
		if diff := cmp.Diff(want, scopeAnnotations(&container.Config{StopTimeout: test.timeout}, test.path)); diff != "" {
			t.Errorf("%+v:\n%s", test, diff)
		}
	}
}
