package pace

import (
	"testing"
	"time"
)

func TestFactor(t *testing.T) {
	for median, want := range map[time.Duration]float64{0: 1, good / 2: 1, good: 1, 3 * good: 3, time.Hour: slowest} {
		if got := factor(median); got != want {
			t.Errorf("a start of %v: factor %v, %v is wanted", median, got, want)
		}
	}
}

func TestMeasure(t *testing.T) {
	defer hundredths.Store(0)
	if Within(time.Second) != time.Second {
		t.Error("nothing is measured yet, and patience has grown")
	}
	if err := Measure("sleep", "0.025"); err != nil {
		t.Fatal(err)
	}
	if f := Factor(); f < 2.5 {
		t.Errorf("a program of 25 ms: factor %v", f)
	}
	if Within(time.Second) < 2500*time.Millisecond {
		t.Errorf("a second has become %v", Within(time.Second))
	}
	if Measure("false") == nil {
		t.Error("a program that fails is no measure")
	}
}
