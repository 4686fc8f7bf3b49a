package firewall

import (
	"errors"
	"fmt"
	"os"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Table is the name of our table of family inet. Other tables are left alone.
const Table = "mvrun"

// Apply makes rules the firewall of the network namespace netns (a descriptor;
// 0 is the caller's own), in one transaction: no packet sees half of it, and
// none a gap between the old rules and the new. Without rules our table is
// removed and everything is let in. Idempotent. Connections that are
// established stay.
//
// The rules must be applied before the interface has an address, or there is a
// moment in which everything comes in.
func Apply(netns int, rules []Rule) error {
	c, err := connect(netns)
	if err != nil {
		return fmt.Errorf("apply firewall: %w", err)
	}
	table := &nftables.Table{Name: Table, Family: nftables.TableFamilyINet}
	if len(rules) == 0 {
		err = remove(c, table)
	} else {
		err = install(c, table, rules)
	}
	if err != nil {
		return fmt.Errorf("apply firewall: %w", err)
	}
	return nil
}

func connect(netns int) (*nftables.Conn, error) {
	// Every command of a batch is acknowledged before we read the first.
	const buffer = 4 << 20
	return nftables.New(nftables.WithNetNSFd(netns), nftables.WithSockOptions(func(c *netlink.Conn) error {
		return errors.Join(c.SetReadBuffer(buffer), c.SetWriteBuffer(buffer))
	}))
}

// install tries to make the table before it thinks of replacing one: a
// transaction that deletes waits 10 ms for an RCU grace period, which the start
// of a container need not.
func install(c *nftables.Conn, table *nftables.Table, rules []Rule) error {
	addRules(c, c.CreateTable(table), rules)
	err := c.Flush()
	if errors.Is(err, unix.EEXIST) {
		c.AddTable(table) // in case it is gone meanwhile
		c.DelTable(table)
		addRules(c, c.AddTable(table), rules)
		err = c.Flush()
	}
	return explain(err)
}

func remove(c *nftables.Conn, table *nftables.Table) error {
	c.DelTable(table)
	if err := c.Flush(); !errors.Is(err, unix.ENOENT) {
		return explain(err)
	}
	return nil
}

// explain says what the kernel's terse answers mean.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("the kernel has no nf_tables for family inet: %w", err)
	case errors.Is(err, os.ErrNotExist): // an expression is missing, nft_ct
		return fmt.Errorf("the kernel has no connection tracking for nf_tables (nft_ct): %w", err)
	}
	return err
}

// addRules puts the fixed rules in front, then one chain for each of rules,
// which the packets from its networks jump into, then a rule that drops the
// rest.
//
// A chain policy can't do that without a gap: the kernel swaps the rules of all
// chains at one instant (gencursor), but gives a new chain its policy of drop,
// and takes the old chain's hook away, one after the other afterwards
// (nf_tables_commit). In between the new chain would accept, and the old one,
// already empty, drop what is allowed.
func addRules(c *nftables.Conn, table *nftables.Table, rules []Rule) {
	policy := nftables.ChainPolicyAccept
	input := c.AddChain(&nftables.Chain{
		Name: "input", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	})
	add := func(chain *nftables.Chain, e exprs) {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: e})
	}
	for _, e := range always() {
		add(input, e.accept())
	}
	for i, r := range rules {
		chain := c.AddChain(&nftables.Chain{Name: fmt.Sprintf("allow-%d", i+1), Table: table})
		for _, m := range r.What {
			for _, e := range match(m) {
				add(chain, e.accept())
			}
		}
		for _, e := range sources(r.From) {
			add(input, e.jump(chain.Name))
		}
	}
	add(input, drop())
}
