package network

import (
	"context"
	"errors"
	"os"

	"github.com/vishvananda/netlink"
)

var errTodo = errors.New("not implemented yet")

func (s *Store) Create(cfg Config) (Config, error)           { return Config{}, errTodo }
func (s *Store) Get(nameOrID string) (Config, error)         { return Config{}, errTodo }
func (s *Store) List() ([]Config, error)                     { return nil, errTodo }
func (s *Store) Remove(nameOrID string) error                { return errTodo }
func (s *Store) Plan(owner Owner, reqs []Request) (eps []Endpoint, undo func(), err error) {
	return nil, nil, errTodo
}
func (s *Store) Release(containerID string) error { return errTodo }
func (s *Store) Attach(ctx context.Context, ns *Namespace, owner Owner, ep Endpoint) (Attachment, func() error, error) {
	return Attachment{}, nil, errTodo
}
func (s *Store) Detach(containerID string) error { return errTodo }
func (s *Store) Announce(ctx context.Context, ns *Namespace, eps []Endpoint) error { return errTodo }
func (s *Store) Reap() error { return errTodo }

type Namespace struct{}

func NewNamespace() (*Namespace, error)                  { return nil, errTodo }
func (n *Namespace) File() *os.File                      { return nil }
func (n *Namespace) Do(fn func() error) error            { return errTodo }
func (n *Namespace) Handle() (*netlink.Handle, error)    { return nil, errTodo }
func (n *Namespace) Close() error                        { return nil }
