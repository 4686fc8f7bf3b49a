package moment

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	home := time.FixedZone("home", 2*60*60)
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, home)
	for text, want := range map[string]time.Time{
		"24h":   now.Add(-24 * time.Hour),
		"1h30m": now.Add(-90 * time.Minute),
		"10ms":  now.Add(-10 * time.Millisecond),
		"-10m":  now.Add(10 * time.Minute), // ahead
		"0s":    now,

		"0":                     time.Unix(0, 0),
		"1700000000":            time.Unix(1700000000, 0),
		"1700000000.5":          time.Unix(1700000000, 500_000_000),
		"1700000000.000000001":  time.Unix(1700000000, 1),
		"1700000000.0000000019": time.Unix(1700000000, 1),
		"-1":                    time.Unix(-1, 0),
		"-1.5":                  time.Unix(-1, -500_000_000),

		"2026-11-28":                     time.Date(2026, 11, 28, 0, 0, 0, 0, home),
		"2026-11-28T08":                  time.Date(2026, 11, 28, 8, 0, 0, 0, home),
		"2026-11-28T08:09":               time.Date(2026, 11, 28, 8, 9, 0, 0, home),
		"2026-11-28T08:09:10":            time.Date(2026, 11, 28, 8, 9, 10, 0, home),
		"2026-11-28T08:09:10.5":          time.Date(2026, 11, 28, 8, 9, 10, 500_000_000, home),
		"2026-11-28Z":                    time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC),
		"2026-11-28T08Z":                 time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC),
		"2026-11-28T08:00Z":              time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC),
		"2026-11-28T08:00+01:00":         time.Date(2026, 11, 28, 7, 0, 0, 0, time.UTC),
		"2026-11-28T08:09:10Z":           time.Date(2026, 11, 28, 8, 9, 10, 0, time.UTC),
		"2026-11-28T08:09:10-05:00":      time.Date(2026, 11, 28, 13, 9, 10, 0, time.UTC),
		"2026-11-28T08:09:10.123456789Z": time.Date(2026, 11, 28, 8, 9, 10, 123456789, time.UTC),
	} {
		if got, err := Parse(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "soon", "1.", ".5", "1.5.5", "1e9", "0x10", "2026-13-01", "2026-11-28T25", "2026-11-28 08:00",
		"2026-11-28T08:09:10+01", "--1", "-",
	} {
		if got, err := Parse(text, now); err == nil || !strings.Contains(err.Error(), "is no time") {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
}
