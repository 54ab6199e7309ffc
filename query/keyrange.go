package query

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/catalog/domain"
	"flowlake/columnar"
	"flowlake/query/sql/translate"
)

// keyRange is the partitions of a table that a constraint can want: the values of the first keys as far as they are
// fixed, and ranges of the next one's texts, so that the catalogue reads those and not all. What is between is asked
// one by one.
func keyRange(t catalog.Table, wanted translate.Constraint) catalog.PartitionFilter {
	f := catalog.PartitionFilter{Keep: wanted.Matches}
	for i, k := range t.PartitionKeys {
		typ, err := columnar.ParseType(k.Type)
		set := wanted.Domain(i)
		if err != nil || set.HasNull() {
			return f
		}
		switch typ.Kind {
		case columnar.String:
			if values, ok := set.Values(); ok && len(values) == 1 {
				f.Prefix = append(f.Prefix, values[0].(string))
				continue
			}
			f.Ranges = textRanges(set)
		case columnar.Date:
			f.Ranges = dateRanges(set)
		}
		return f
	}
	return f
}

// textRanges is the texts of a set of strings; nil when they are not to be told by their bytes.
func textRanges(set domain.Set) []catalog.ValueRange {
	out := []catalog.ValueRange{}
	for _, s := range set.Spans() {
		var r catalog.ValueRange
		r.Low, _ = s.Low.(string)
		r.High, _ = s.High.(string)
		if s.High != nil && r.High == "" || strings.ContainsFunc(r.Low+r.High, func(c rune) bool { return c < ' ' }) {
			return nil
		}
		out = append(out, r)
	}
	return out
}

// dateRanges is the texts that days can have: 2022-08-09 and 2022-8-9 are one. A month is told from others, and of longer
// times the years.
func dateRanges(set domain.Set) []catalog.ValueRange {
	out := []catalog.ValueRange{}
	for _, s := range set.Spans() {
		var r catalog.ValueRange
		low, hasLow := s.Low.(int64)
		high, hasHigh := s.High.(int64)
		from, to := time.Unix(low*86400, 0).UTC(), time.Unix(high*86400, 0).UTC()
		if hasLow {
			r.Low = fmt.Sprintf("%04d-", from.Year())
		}
		if hasHigh {
			r.High = fmt.Sprintf("%04d-~", to.Year())
		}
		if hasLow && hasHigh && from.Year() == to.Year() && from.Month() == to.Month() {
			for _, month := range []string{"%04d-%02d-", "%04d-%d-"} {
				text := fmt.Sprintf(month, from.Year(), from.Month())
				out = append(out, catalog.ValueRange{Low: text, High: text + "~"})
			}
			continue
		}
		out = append(out, r)
	}
	return apart(out)
}

// apart puts ranges in their order and joins those that overlap.
func apart(list []catalog.ValueRange) []catalog.ValueRange {
	slices.SortFunc(list, func(a, b catalog.ValueRange) int { return strings.Compare(a.Low, b.Low) })
	out := list[:0]
	for _, r := range list {
		if n := len(out); n > 0 && (out[n-1].High == "" || r.Low <= out[n-1].High) {
			if out[n-1].High != "" && (r.High == "" || r.High > out[n-1].High) {
				out[n-1].High = r.High
			}
			continue
		}
		out = append(out, r)
	}
	return out
}
