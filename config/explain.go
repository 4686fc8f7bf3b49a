package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// shape says how a key's value is written.
var shape = map[string]string{
	"parent":     `a name, such as "trunk"`,
	"parents":    `a table of names, such as trunk = "enp0s9"`,
	"vlan":       `a table for each VLAN, such as [vlan.10]`,
	"subnet":     `a prefix, such as "172.16.10.0/24"`,
	"ip-range":   `a prefix, such as "172.16.10.64/26"`,
	"gateway":    `an address, such as "172.16.10.1", or "none"`,
	"subnet6":    `a prefix, such as "fd00:10::/64"`,
	"ip-range6":  `a prefix, such as "fd00:10::1:0/112"`,
	"gateway6":   `an address, such as "fd00:10::1", or "none"`,
	"dns":        `a list of addresses, such as ["172.16.10.53"]`,
	"dns-search": `a list of domains, such as ["lan"]`,
	"mtu":        `a number of bytes, such as 1500`,
	"max-size":   `a size, such as "20m"`,
	"max-file":   `a number of files, such as 5`,
	"insecure":   `a list of hosts, such as ["reg.lan:5000"]`,
	"mirrors":    `a list of hosts for each registry, such as "docker.io" = ["mirror.lan"]`,
}

var wrongType = regexp.MustCompile(`^toml: (cannot decode|cannot store|.*incompatible|.*type mismatch)`)

// explain words what the decoder says for who wrote the file, without the Go
// types that it thinks in.
func explain(err *toml.DecodeError) error {
	line, column := err.Position()
	key, last := dotted(err.Key()), ""
	if n := len(err.Key()); n > 0 {
		last = err.Key()[n-1]
	}
	said := strings.TrimPrefix(err.Error(), "toml: ")
	switch want, known := shape[last]; {
	case known && !strings.Contains(said, "already"):
		return fmt.Errorf("%d:%d: %s: write it as %s", line, column, key, want)
	case key != "" && wrongType.MatchString(err.Error()):
		return fmt.Errorf("%d:%d: %s: a value of this kind has no meaning here", line, column, key)
	case key != "":
		return fmt.Errorf("%d:%d: %s: %s", line, column, key, said)
	}
	return fmt.Errorf("%d:%d: %s", line, column, said)
}

func explainUnknown(err *toml.DecodeError) error {
	line, column := err.Position()
	key, keys := firstUnknown(err.Key())
	if len(key) == 3 && key[0] == "vlan" && isVID(key[1]) && isVID(key[2]) {
		return fmt.Errorf("%d:%d: unknown key %s: a VLAN inside another is written in quotes: [vlan.%q]", line, column, dotted(key), key[1]+"."+key[2])
	}
	return fmt.Errorf("%d:%d: unknown key %s: known here are %s", line, column, dotted(key), strings.Join(keys, ", "))
}

// firstUnknown is the part of the key down to the first name that has no
// meaning, and the names that have one there.
func firstUnknown(key []string) (part, keys []string) {
	t := reflect.TypeFor[Config]()
	for i, name := range key {
		var next reflect.Type
		keys = nil
		switch t.Kind() {
		case reflect.Map:
			next = t.Elem()
		case reflect.Struct:
			for i := range t.NumField() {
				tag := t.Field(i).Tag.Get("toml")
				if tag == name {
					next = t.Field(i).Type
				}
				if tag != "-" {
					keys = append(keys, tag)
				}
			}
		}
		if next == nil {
			return key[:i+1], keys
		}
		t = next
	}
	return key, keys
}
