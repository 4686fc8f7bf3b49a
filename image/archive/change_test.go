package archive

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestApplyChanges(t *testing.T) {
	c := v1.Config{Env: []string{"A=old", "B=kept"}}
	err := applyChanges(&c, []string{
		`CMD ["a", "b c"]`, "entrypoint run it", `ENV A="new one" C=3`, "ENV D with spaces", "EXPOSE 80 53/udp",
		`LABEL x=1 "y"=two\ words`, "USER nobody", "WORKDIR /srv", "STOPSIGNAL SIGINT", `VOLUME ["/a","/b c"]`, "VOLUME /d /e",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{
		Cmd: []string{"a", "b c"}, Entrypoint: []string{"/bin/sh", "-c", "run it"},
		Env:          []string{"A=new one", "B=kept", "C=3", "D=with spaces"},
		ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/udp": {}},
		Labels:       map[string]string{"x": "1", "y": "two words"}, User: "nobody", WorkingDir: "/srv", StopSignal: "SIGINT",
		Volumes: map[string]struct{}{"/a": {}, "/b c": {}, "/d": {}, "/e": {}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("the configuration differs (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "CMD", "FROM x", "ENV A", "LABEL x=1 y"} {
		if err := applyChanges(&v1.Config{}, []string{bad}); err == nil {
			t.Errorf("instruction %q was taken", bad)
		}
	}
}
