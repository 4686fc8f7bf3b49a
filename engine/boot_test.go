package engine

import (
	"testing"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
)

func TestStartsAtBoot(t *testing.T) {
	for _, test := range []struct {
		policy  string
		status  runtime.Status
		stopped bool
		want    bool
	}{
		{runtime.RestartAlways, runtime.Exited, false, true},
		{runtime.RestartAlways, runtime.Exited, true, true},
		{runtime.RestartAlways, runtime.Dead, false, true},
		{runtime.RestartAlways, runtime.Created, false, false},
		{runtime.RestartAlways, runtime.Running, false, false},
		{runtime.RestartAlways, runtime.Paused, false, false},
		{runtime.RestartAlways, runtime.Restarting, false, false},
		{runtime.RestartUnlessStopped, runtime.Exited, false, true},
		{runtime.RestartUnlessStopped, runtime.Exited, true, false},
		{runtime.RestartUnlessStopped, runtime.Created, false, false},
		{runtime.RestartOnFailure, runtime.Exited, false, false},
		{runtime.RestartNo, runtime.Exited, false, false},
	} {
		cont := &runtime.Container{}
		cont.Config.Restart.Name, cont.State.Status, cont.State.StoppedByUser = test.policy, test.status, test.stopped
		if got := startsAtBoot(cont); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestMissingParent(t *testing.T) {
	cont := &runtime.Container{}
	if got := missingParent(cont); got != "" {
		t.Errorf("a container without a network misses %q", got)
	}
	cont.Config.Network.Endpoints = append(cont.Config.Network.Endpoints, network.Endpoint{Segment: network.Segment{Parent: "lo"}})
	if got := missingParent(cont); got != "" {
		t.Errorf("%q is missing beside lo", got)
	}
	cont.Config.Network.Endpoints = append(cont.Config.Network.Endpoints, network.Endpoint{Segment: network.Segment{Parent: "no-such-nic"}})
	if got := missingParent(cont); got != "no-such-nic" {
		t.Errorf("%q is missing, not no-such-nic", got)
	}
}
