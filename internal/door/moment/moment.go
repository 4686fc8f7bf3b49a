// Package moment reads the moments that users write, as Docker does: --since,
// --until and until= filters share its one grammar.
package moment

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// layouts are RFC 3339 and the forms that Docker shortens it to: a day, an hour,
// a minute or a second, each with a zone or in the machine's own.
var layouts = []string{
	"2006-01-02",
	"2006-01-02T15",
	"2006-01-02T15:04",
	"2006-01-02T15:04:05", // a fraction of the second is read too
}

// Parse reads a duration before now (10m, 1h30m), a moment of RFC 3339 or a
// shortened form of it, or seconds since 1970 with a fraction. A moment without a
// zone is one of the machine's time zone.
func Parse(text string, now time.Time) (time.Time, error) {
	if t, ok := parseUnix(text); ok { // first: "0" is a duration too
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
		if t, err := time.Parse(layout+"Z07:00", text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: use RFC 3339 such as 2026-01-31T15:04:05, Unix seconds, or a duration such as 10m", text)
}

// parseUnix reads seconds and, behind a point, up to nine digits of their
// fraction; more are finer than a clock is.
func parseUnix(text string) (time.Time, bool) {
	seconds, fraction, pointed := strings.Cut(text, ".")
	if !digits(strings.TrimPrefix(seconds, "-")) || pointed && !digits(fraction) {
		return time.Time{}, false
	}
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	ns, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	if strings.HasPrefix(seconds, "-") {
		ns = -ns
	}
	return time.Unix(s, ns), true
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
