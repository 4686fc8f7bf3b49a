package engine

import (
	"testing"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

func TestStartsAtBoot(t *testing.T) {
	for _, test := range []struct {
		policy  string
		status  container.Status
		stopped bool
		want    bool
	}{
		{container.RestartAlways, container.Exited, false, true},
		{container.RestartAlways, container.Exited, true, true},
		{container.RestartAlways, container.Dead, false, true},
		{container.RestartAlways, container.Created, false, false},
		{container.RestartAlways, container.Running, false, false},
		{container.RestartAlways, container.Paused, false, false},
		{container.RestartAlways, container.Restarting, false, false},
		{container.RestartUnlessStopped, container.Exited, false, true},
		{container.RestartUnlessStopped, container.Exited, true, false},
		{container.RestartUnlessStopped, container.Created, false, false},
		{container.RestartOnFailure, container.Exited, false, false},
		{container.RestartNo, container.Exited, false, false},
	} {
		cont := &container.Container{}
		cont.Config.Restart.Name, cont.State.Status, cont.State.StoppedByUser = test.policy, test.status, test.stopped
		if got := startsAtBoot(cont); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestMissingParent(t *testing.T) {
	cont := &container.Container{}
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
