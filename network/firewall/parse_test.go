package firewall

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var comparePrefixes = cmpopts.EquateComparable(netip.Prefix{})

func nets(s ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range s {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		want Rule
		text string // if not as in
	}{
		{"tcp/80", Rule{What: []Match{{TCP, 80, 80}}}, ""},
		{"tcp/80,udp/53,icmp from 172.16.10.0/24", Rule{
			[]Match{{TCP, 80, 80}, {UDP, 53, 53}, {Proto: ICMP}}, nets("172.16.10.0/24"),
		}, ""},
		{"tcp/80,443,8000-8010", Rule{What: []Match{{TCP, 80, 80}, {TCP, 443, 443}, {TCP, 8000, 8010}}}, "tcp/80,tcp/443,tcp/8000-8010"},
		{"udp,tcp/1-65535,sctp/7", Rule{What: []Match{{Proto: UDP}, {TCP, 1, 65535}, {SCTP, 7, 7}}}, ""},
		{"udp,53", Rule{What: []Match{{Proto: UDP}, {UDP, 53, 53}}}, "udp,udp/53"},
		{
			"any from 10.0.0.1,fd00::/64,fe80::1",
			Rule{[]Match{{Proto: Any}}, nets("10.0.0.1/32", "fd00::/64", "fe80::1/128")},
			"any from 10.0.0.1/32,fd00::/64,fe80::1/128",
		},
		{"  icmp   from  0.0.0.0/0 ", Rule{[]Match{{Proto: ICMP}}, nets("0.0.0.0/0")}, "icmp from 0.0.0.0/0"},
		{"tcp/8080-8080", Rule{What: []Match{{TCP, 8080, 8080}}}, "tcp/8080"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := Parse(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, comparePrefixes); diff != "" {
				t.Error(diff)
			}
			if tt.text == "" {
				tt.text = tt.in
			}
			if got.String() != tt.text {
				t.Errorf("String = %q, want %q", got, tt.text)
			}
		})
	}
}

func TestParseRefused(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "write it as WHAT",
		"from 10.0.0.0/8":                "write it as WHAT",
		"tcp/80 from":                    "write it as WHAT",
		"tcp/80, udp/53":                 "no blank after a comma",
		"tcp/80 to 10.0.0.1":             "write it as WHAT",
		"tcp/80 from 10.0.0.1, ::1":      "no blank after a comma",
		"tcp/80,":                        `"" is not a protocol`,
		"80":                             "port 80 has no protocol: write tcp/80 or udp/80",
		"icmp,80":                        "port 80 has no protocol",
		"http":                           `"http" is not a protocol: there are tcp, udp, sctp, icmp and any`,
		"TCP/80":                         `"TCP" is not a protocol`,
		"icmp/8":                         "icmp has no ports",
		"any/80":                         "any has no ports",
		"tcp/":                           `port ""`,
		"tcp/0":                          `port "0": give a number from 1 to 65535`,
		"tcp/65536":                      `port "65536"`,
		"tcp/+80":                        `port "+80"`,
		"tcp/http":                       `port "http"`,
		"tcp/90-80":                      "port range 90-80 is empty",
		"tcp/80-":                        `port ""`,
		"tcp/80-90-100":                  `port "90-100"`,
		"tcp/80/udp":                     `port "80/udp"`,
		"tcp/80 from lan":                `"lan" is not an address or network`,
		"tcp/80 from 10.0.0.0/33":        `"10.0.0.0/33" is not an address or network`,
		"tcp/80 from 10.0.0.5/24":        "network 10.0.0.5/24 has host bits: the network is 10.0.0.0/24, the host 10.0.0.5",
		"tcp/80 from fe80::1%eth0":       "without zone",
		"tcp/80 from ::ffff:1.2.3.4":     "without zone or IPv4 mapping",
		"tcp/80 from ::ffff:1.2.3.0/120": "without IPv4 mapping",
		"tcp/80 from 10.0.0.0/8,":        `"" is not an address or network`,
	} {
		got, err := Parse(in)
		if err == nil {
			t.Errorf("Parse(%q) = %v", in, got)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Parse(%q): %v\nwant …%s…", in, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"tcp/80,443,udp/53,icmp from 172.16.10.0/24", "any from fd00::/64,10.0.0.1", "sctp/1-2", "80", "tcp/80 from"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(r.String())
		if err != nil {
			t.Fatalf("%q parses, its String %q does not: %v", s, r, err)
		}
		if diff := cmp.Diff(r, again, comparePrefixes); diff != "" {
			t.Errorf("%q and %q differ: %s", s, r, diff)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Rule
		if err := json.Unmarshal(data, &back); err != nil || !cmp.Equal(r, back, comparePrefixes) {
			t.Errorf("%q through JSON is %v, %v", s, back, err)
		}
	})
}
