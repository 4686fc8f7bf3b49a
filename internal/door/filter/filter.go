// Package filter is --filter: what lists and prunes choose by. There is one engine,
// and for each kind of thing the keys that Docker has for it.
//
// Of the values of one key any may fit, but of labels all must; and all keys must
// fit.
package filter

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mvrun/mvrun/internal/door/moment"
)

// ErrFormat is what an argument without a "=" is.
var ErrFormat = errors.New("bad format of filter (expected name=value)")

// Keys are the filters of a kind of thing, by name. A key reads one value, or says
// what is wrong with it: "use true or false".
type Keys[T any] map[string]func(value string) (Test[T], error)

// Test is a value that was read. It is given the whole list, for values that name
// another thing on it (before=), and may find that one missing.
type Test[T any] func(all []T) (func(T) bool, error)

// Filter is what was asked for. The zero value fits everything.
type Filter[T any] struct {
	values map[string][]string
	tests  map[string][]Test[T]
}

// Parse reads arguments of the form KEY=VALUE. As with Docker, case and blanks
// around the key, and blanks around the value, don't count.
func Parse[T any](args []string, keys Keys[T]) (Filter[T], error) {
	f := Filter[T]{map[string][]string{}, map[string][]Test[T]{}}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return f, fmt.Errorf("invalid filter %q: %w", arg, ErrFormat)
		}
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		read := keys[key]
		if read == nil {
			return f, fmt.Errorf("invalid filter '%s': use one of %s", key, strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
		}
		test, err := read(value)
		if err != nil {
			return f, fmt.Errorf("invalid filter '%s=%s': %w", key, value, err)
		}
		f.values[key] = append(f.values[key], value)
		f.tests[key] = append(f.tests[key], test)
	}
	return f, nil
}

// Values are what was given for a key, in order.
func (f Filter[T]) Values(key string) []string { return f.values[key] }

// Has reports whether a key was given.
func (f Filter[T]) Has(key string) bool { return len(f.values[key]) > 0 }

// Bind makes the filter's predicate. all is what values such as before=NAME look
// for their thing in.
func (f Filter[T]) Bind(all []T) (func(T) bool, error) {
	byKey := map[string][]func(T) bool{}
	for key, tests := range f.tests {
		for i, test := range tests {
			fits, err := test(all)
			if err != nil {
				return nil, fmt.Errorf("invalid filter '%s=%s': %w", key, f.values[key][i], err)
			}
			byKey[key] = append(byKey[key], fits)
		}
	}
	return func(item T) bool {
		for key, tests := range byKey {
			fits := func(test func(T) bool) bool { return test(item) }
			misses := func(test func(T) bool) bool { return !test(item) }
			if every(key) && slices.ContainsFunc(tests, misses) || !slices.ContainsFunc(tests, fits) {
				return false
			}
		}
		return true
	}, nil
}

// every tells the keys of which all values must fit.
func every(key string) bool { return key == "label" || key == "label!" }

// Apply picks what fits, in order.
func (f Filter[T]) Apply(all []T) ([]T, error) {
	fits, err := f.Bind(all)
	if err != nil {
		return nil, err
	}
	var out []T
	for _, item := range all {
		if fits(item) {
			out = append(out, item)
		}
	}
	return out, nil
}

// Only leaves the named keys of keys: a prune knows fewer than a list.
func Only[T any](keys Keys[T], names ...string) Keys[T] {
	some := Keys[T]{}
	for _, name := range names {
		some[name] = keys[name]
	}
	return some
}

// alone is a test that needs no others of the list.
func alone[T any](fits func(T) bool) Test[T] {
	return func([]T) (func(T) bool, error) { return fits, nil }
}

// text is a key whose value is compared as it is.
func text[T any](fits func(item T, value string) bool) func(string) (Test[T], error) {
	return func(value string) (Test[T], error) {
		return alone(func(item T) bool { return fits(item, value) }), nil
	}
}

// name is a key whose value is a regular expression for any part of a name, as
// Docker's are.
func name[T any](names func(T) []string) func(string) (Test[T], error) {
	return func(value string) (Test[T], error) {
		re, err := regexp.Compile(value)
		if err != nil {
			return nil, err
		}
		return alone(func(item T) bool { return slices.ContainsFunc(names(item), re.MatchString) }), nil
	}
}

// oneOf is a key with a few values.
func oneOf[T any](values []string, fits func(item T, value string) bool) func(string) (Test[T], error) {
	return func(value string) (Test[T], error) {
		if !slices.Contains(values, value) {
			return nil, errors.New("use one of " + strings.Join(values, ", "))
		}
		return text(fits)(value)
	}
}

// truth is a key that is true or false; 1 and 0 say the same.
func truth[T any](is func(T) bool) func(string) (Test[T], error) {
	return func(value string) (Test[T], error) {
		want, err := strconv.ParseBool(value)
		if err != nil {
			return nil, errors.New("use true or false")
		}
		return alone(func(item T) bool { return is(item) == want }), nil
	}
}

// until is a key for what was made before a moment.
func until[T any](created func(T) time.Time) func(string) (Test[T], error) {
	return func(value string) (Test[T], error) {
		limit, err := moment.Parse(value, time.Now())
		if err != nil {
			return nil, err
		}
		return alone(func(item T) bool { return created(item).Before(limit) }), nil
	}
}

// label is a key for KEY or KEY=VALUE; as label! the things that lack it fit.
func label[T any](labels func(T) map[string]string, has bool) func(string) (Test[T], error) {
	return text(func(item T, value string) bool {
		key, want, given := strings.Cut(value, "=")
		have, ok := labels(item)[key]
		return (ok && (!given || have == want)) == has
	})
}

// relative is before= and since=: what is older or newer than another of the list.
func relative[T any](kind string, is func(item T, ref string) bool, older func(item, other T) bool) func(string) (Test[T], error) {
	return func(value string) (Test[T], error) {
		return func(all []T) (func(T) bool, error) {
			at := slices.IndexFunc(all, func(item T) bool { return is(item, value) })
			if at < 0 {
				return nil, fmt.Errorf("no such %s: %s", kind, value)
			}
			return func(item T) bool { return older(item, all[at]) }, nil
		}, nil
	}
}

func swap[T any](f func(a, b T) bool) func(a, b T) bool { return func(a, b T) bool { return f(b, a) } }
