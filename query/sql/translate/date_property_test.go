package translate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// monthsBetween is Joda's, by which Trino counts: an end of a month that is before the day of the earlier date
// completes the month.
func monthsBetween(from, to time.Time) int64 {
	if to.Before(from) {
		return -monthsBetween(to, from)
	}
	months := int64(to.Year()-from.Year())*12 + int64(to.Month()-from.Month())
	last := time.Date(to.Year(), to.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	day := from.Day()
	if to.Day() == last {
		day = min(day, last)
	}
	into := func(at time.Time, day int) time.Duration {
		return at.Sub(at.Truncate(24*time.Hour)) + time.Duration(day)*24*time.Hour
	}
	if into(to, to.Day()) < into(from, day) {
		months--
	}
	return months
}

// TestMonthsAreCountedAsInTrino compares date_diff with the model, for pairs about the ends of months.
func TestMonthsAreCountedAsInTrino(t *testing.T) {
	duck(t)
	rapid.Check(t, func(rt *rapid.T) {
		var pairs, want []string
		for range 40 {
			at := func(label string) time.Time {
				first := time.Date(2019, time.Month(1+rapid.IntRange(0, 40).Draw(rt, label)), 1, 0, 0, 0, 0, time.UTC)
				return first.AddDate(0, 0, rapid.IntRange(-4, 3).Draw(rt, "day")).Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "hour")) * time.Hour)
			}
			a, b := at("from"), at("to")
			const layout = "TIMESTAMP '2006-01-02 15:04:05'"
			pairs = append(pairs, fmt.Sprintf("(%d, %s, %s)", len(pairs), a.Format(layout), b.Format(layout)))
			want = append(want, fmt.Sprintf("%s to %s: %d", a.Format(layout), b.Format(layout), monthsBetween(a, b)))
		}
		rows, err := run(t, "SELECT date_diff('month', a, b) FROM (VALUES "+strings.Join(pairs, ", ")+") AS t(n, a, b) ORDER BY n")
		if err != nil {
			rt.Fatal(err)
		}
		for i, got := range rows {
			if pair, months, _ := strings.Cut(want[i], ": "); got != months {
				rt.Fatalf("%s is %s months, want %s", pair, got, months)
			}
		}
	})
}
