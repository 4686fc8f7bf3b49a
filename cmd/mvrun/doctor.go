package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/config"
	"github.com/mvrun/mvrun/doctor"
	"github.com/mvrun/mvrun/network"
)

var doctorCommand = &cli.Command{
	Name:  "doctor",
	Usage: "find out by trying whether containers can run here and reach their VLAN",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "vlan", Usage: "VLAN to try, 1 to 4094"},
		&cli.StringFlag{Name: "parent", Usage: "NIC to examine (default: the one of the default route)"},
		&cli.StringFlag{Name: "gateway", Usage: "address of a router on the VLAN, to ask for (default: the configured one)"},
		&cli.StringFlag{Name: "vlan-driver", Usage: "auto, kernel or ebpf"},
		&cli.DurationFlag{Name: "wait", Value: 2 * time.Second, Usage: "how long an answer from the wire may take"},
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "Go template, or json"},
	},
	Action: examine,
}

func examine(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	var found []doctor.Finding
	conf, err := configOf(c)
	switch {
	case err != nil:
		found = append(found, doctor.Finding{
			Check: "config", Status: doctor.Broken, What: err.Error(),
			Why: "run, create, pull and network create refuse to work with it", Do: "put the file right",
		})
		conf = &config.Config{}
	case conf.Path != "":
		found = append(found, doctor.Finding{Check: "config", Status: doctor.OK, What: conf.Path + " is read"})
	}
	patient, err := readPatient(c, conf)
	if err != nil {
		return err
	}
	if patient.Store, err = openStore(c); err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	more, err := doctor.Examine(ctx, patient)
	found = append(found, more...)
	if perr := printFindings(c, found); perr != nil || err != nil {
		return errors.Join(perr, err)
	}
	if !doctor.Healthy(found) {
		return &exitError{Code: 1}
	}
	return nil
}

func readPatient(c *cli.Context, conf *config.Config) (p doctor.Patient, err error) {
	p = doctor.Patient{
		VLAN: c.String("vlan"), VLANDriver: c.String("vlan-driver"), Wait: c.Duration("wait"),
		Program: []string{"/proc/self/exe", "--version"},
	}
	if p.Wait < 10*time.Millisecond || p.Wait > time.Minute {
		return p, fmt.Errorf("--wait %s: give 10ms to 1m", p.Wait)
	}
	var tags network.Tags
	if p.VLAN != "" {
		tags, _ = network.ParseTags(p.VLAN) // what is wrong with it the examination says
	}
	p.Parent = parentOf(conf, c.String("parent"), tags)
	if p.VLANDriver == "" {
		p.VLANDriver = string(conf.VLANDriver)
	}
	if text := c.String("gateway"); text != "" {
		if p.Gateway, err = netip.ParseAddr(text); err != nil || p.Gateway.Zone() != "" {
			return p, fmt.Errorf("--gateway %s: it is not an IP address", text)
		}
		return p, nil
	}
	if v, known := vlanOf(conf, p.Parent, tags); known {
		for _, sub := range subnetsOf(v) {
			if sub.Gateway.IsValid() && !p.Gateway.IsValid() {
				p.Gateway = sub.Gateway
			}
		}
	}
	return p, nil
}

// printFindings writes one line each: what, why it matters, what to do.
func printFindings(c *cli.Context, found []doctor.Finding) error {
	if c.String("format") != "" {
		return printValue(c.App.Writer, c.String("format"), found)
	}
	for _, f := range found {
		parts := []string{f.What}
		if f.Status != doctor.OK {
			parts = append(parts, f.Why, f.Do)
		}
		if _, err := fmt.Fprintf(c.App.Writer, "%-8s %-11s %s\n", f.Status, f.Check, strings.Join(parts, " — ")); err != nil {
			return err
		}
	}
	return nil
}
