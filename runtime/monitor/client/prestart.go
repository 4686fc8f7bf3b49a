package client

import (
	"context"

	"github.com/mvrun/mvrun/network/prestart"
	"github.com/mvrun/mvrun/network/trunk"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// Prestart is what every start of a container needs, begun before anything is
// known of the container.
//
// The container's network namespace is made in the command, and the LAN is asked
// from here whether somebody has its addresses, while its monitor boots: the wait
// for an answer is the longest part of a start. What can't be done here the monitor
// does, and says so when it can't either.
type Prestart struct{ namespace namespace }

// Prepare begins a start and returns at once. What it makes goes with this process
// if no container comes of it.
func Prepare() *Prestart {
	go kernel.WarmCgroups()
	return &Prestart{makeNamespace(func() *prestart.Start {
		ns, err := trunk.NewNamespace()
		if err != nil {
			return nil
		}
		return prestart.New(ns)
	})}
}

// namespace brings one that is being made, or nil: then the monitor makes one.
type namespace <-chan *prestart.Start

func makeNamespace(build func() *prestart.Start) namespace {
	made := make(chan *prestart.Start, 1)
	go func() { made <- build() }()
	return made
}

func (n namespace) close() {
	if ns := <-n; ns != nil {
		ns.Close()
	}
}

// beginNetwork begins the container's network in the namespace.
func (s *Spawned) beginNetwork(c *container.Config) namespace {
	return makeNamespace(func() *prestart.Start {
		start := <-s.prestart.namespace
		if start != nil {
			s.handle.Prestart(context.Background(), start, c)
		}
		return start
	})
}

// handOver gives the namespace to the monitor, which has the request already and
// works beside us.
func (s *Spawned) handOver(begun namespace) error {
	start := <-begun
	if start == nil {
		return s.session.conn.SendJSON(protocol.KindNetwork, nil)
	}
	defer start.Close()
	record, files := start.Send()
	if err := s.session.conn.SendJSON(protocol.KindNetwork, record); err != nil {
		return err
	}
	return s.session.conn.SendFiles(files...)
}
