package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

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
	// Every command of a batch is acknowledged before we read the first.
	const buffer = 4 << 20
	c, err := nftables.New(nftables.WithNetNSFd(netns), nftables.WithSockOptions(func(c *netlink.Conn) error {
		return errors.Join(c.SetReadBuffer(buffer), c.SetWriteBuffer(buffer))
	}))
	if err != nil {
		return fmt.Errorf("apply firewall: %w", err)
	}
	table := &nftables.Table{Name: Table, Family: nftables.TableFamilyINet}
	if len(rules) == 0 {
		c.DelTable(table)
	} else {
		replace(c, table, rules)
	}
	err = c.Flush()
	if len(rules) == 0 && errors.Is(err, unix.ENOENT) {
		return nil // there is none
	}
	if err != nil {
		return fmt.Errorf("apply firewall: %w", explain(err))
	}
	return nil
}

// replace changes the rules of one chain, which stays. The kernel reads once
// per packet and chain which generation of rules holds (gencursor), so every
// packet sees all of the old rules or all of the new.
//
// It would not if chain or table were made anew: both chains are hooked for a
// while then, a packet can meet the new one before its rules hold and the old
// one after its rules are gone, and the policy of drop is the last thing that
// the new one gets (nf_tables_commit). Hence also the rule that drops at the
// end. And deleting a chain costs 10 ms, a grace period of RCU.
func replace(c *nftables.Conn, table *nftables.Table, rules []Rule) {
	policy := nftables.ChainPolicyDrop
	c.AddTable(table)
	input := c.AddChain(&nftables.Chain{
		Name: "input", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	})
	c.FlushChain(input)
	for _, e := range chain(rules) {
		c.AddRule(&nftables.Rule{Table: table, Chain: input, Exprs: e})
	}
}

// chain is the whole chain.
func chain(rules []Rule) []exprs {
	var out []exprs
	for _, e := range always() {
		out = append(out, e.accept())
	}
	for _, r := range rules {
		from := r.From
		if len(from) == 0 {
			from = []netip.Prefix{{}} // anybody
		}
		for _, p := range from {
			for _, m := range r.What {
				for _, what := range match(m, p) {
					out = append(out, slices.Concat(source(p), what).accept())
				}
			}
		}
	}
	return append(out, drop())
}

// explain says what the kernel's terse answers mean.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("the kernel has no nf_tables for family inet: %w", err)
	case errors.Is(err, unix.ENOENT): // an expression is missing, nft_ct
		return fmt.Errorf("the kernel has no connection tracking for nf_tables (nft_ct): %w", err)
	}
	return err
}
