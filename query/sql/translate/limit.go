package translate

import (
	"math"
	"strings"

	"flowlake/catalog/domain"
)

// limits is what a condition leaves of each key, by the key's index. A key that is not named keeps all its values. The sets
// never leave out a value for which the condition comes out as asked; they may hold others.
type limits map[int]domain.Set

// limiter works out the limits of a condition that comes out true, or false. A nil limiter, and nil limits, know nothing.
type limiter func(truth bool) limits

func (e expr) limits(truth bool) limits {
	if e.limit == nil {
		return nil
	}
	return e.limit(truth)
}

// bothOf is the limits of conditions that all come out as asked.
func bothOf(list ...limits) limits {
	out := limits{}
	for _, l := range list {
		for k, set := range l {
			if old, ok := out[k]; ok {
				set = old.Intersect(set)
			}
			out[k] = set
		}
	}
	return out
}

// eitherOf is the limits of conditions one of which comes out as asked.
func eitherOf(list ...limits) limits {
	out := limits{}
	if len(list) == 0 {
		return out
	}
	for k := range list[0] {
		sets := make([]domain.Set, 0, len(list))
		for _, l := range list {
			if set, ok := l[k]; ok {
				sets = append(sets, set)
			}
		}
		if len(sets) == len(list) {
			out[k] = domain.Union(sets...)
		}
	}
	return out
}

// limited adds what follows for the keys from the condition that e is.
func (e expr) limited(f limiter) expr {
	e.limit = f
	return e
}

// limitLogical is AND or OR.
func limitLogical(parts []expr, and bool) limiter {
	return func(truth bool) limits {
		list := make([]limits, len(parts))
		for i, p := range parts {
			list[i] = p.limits(truth)
		}
		if truth == and {
			return bothOf(list...)
		}
		return eitherOf(list...)
	}
}

// limitNot is NOT.
func limitNot(e expr) limiter {
	return func(truth bool) limits { return e.limits(!truth) }
}

// flipped turns a comparison's sides around.
var flipped = map[string]string{"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

var opposite = map[string]string{"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}

// limitComparison is l op r, one of which grows with a key while the other is constant.
func limitComparison(op string, l, r expr) limiter {
	if l.grows == nil {
		l, r, op = r, l, flipped[op]
	}
	if l.grows == nil || !r.constant || r.eval == nil {
		return nil
	}
	return func(truth bool) limits {
		op := op
		if !truth {
			op = opposite[op]
		}
		set, ok := l.where(op, r.eval(nil))
		if !ok {
			return nil
		}
		return limits{l.grows.index: set}
	}
}

// limitBetween is v BETWEEN low AND high.
func limitBetween(v, low, high expr) limiter {
	over, under := limitComparison(">=", v, low), limitComparison("<=", v, high)
	if over == nil && under == nil {
		return nil
	}
	return limitLogical([]expr{{limit: over}, {limit: under}}, true)
}

// limitIn is v IN (list).
func limitIn(v expr, list []expr) limiter {
	if v.grows == nil {
		return nil
	}
	return func(truth bool) limits {
		sets := make([]domain.Set, 0, len(list))
		for _, e := range list {
			if !e.constant || e.eval == nil {
				if truth {
					return nil // any value
				}
				continue
			}
			set, ok := v.where("=", e.eval(nil))
			if !ok {
				return nil
			}
			sets = append(sets, set)
		}
		set := domain.Union(sets...)
		if !truth {
			set = set.Others()
		}
		return limits{v.grows.index: set}
	}
}

// limitNull is v IS NULL.
func limitNull(v expr, not bool) limiter {
	if v.grows == nil {
		return nil
	}
	return func(truth bool) limits {
		if truth == not {
			return limits{v.grows.index: domain.NotNull()}
		}
		return limits{v.grows.index: domain.Null()}
	}
}

// limitLike is v LIKE pattern: what the pattern begins with, up to its first wildcard.
func limitLike(v expr, pattern string, escape rune) limiter {
	if v.grows == nil {
		return nil
	}
	var b strings.Builder
	exact, escaped := true, false
scan:
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == escape && escape != 0:
			escaped = true
		case r == '%' || r == '_':
			exact = false
			break scan
		default:
			b.WriteRune(r)
		}
	}
	prefix := b.String()
	return func(truth bool) limits {
		switch {
		case !truth:
			return nil
		case exact:
			return limits{v.grows.index: domain.Points(prefix)}
		case prefix == "":
			return limits{v.grows.index: domain.NotNull()}
		}
		last := len(prefix) - 1 // UTF-8 has no byte 255
		return limits{v.grows.index: domain.Of(domain.Span{Low: prefix, High: prefix[:last] + string([]byte{prefix[last] + 1}), HighOpen: true})}
	}
}

// where returns the values of the key that e grows with for which "e op c" is true; ok is false when that is not known.
func (e expr) where(op string, c any) (_ domain.Set, ok bool) {
	if c == nil {
		return domain.Set{}, true // a comparison with NULL is neither true nor false
	}
	from, after, ok := e.reaches(c)
	if !ok {
		return domain.Set{}, false
	}
	switch op {
	case ">=":
		return from, true
	case ">":
		return after, true
	case "<":
		return from.Others(), true
	case "<=":
		return after.Others(), true
	case "=":
		return from.Intersect(after.Others()), true
	case "<>":
		return domain.Union(from.Others(), after), true
	}
	return domain.Set{}, false
}

// reaches returns the values of the key that e grows with for which e >= c, and those for which e > c. The bounds of
// numbers and times are found by halving, since e is never smaller for a larger key.
func (e expr) reaches(c any) (from, after domain.Set, ok bool) {
	k := e.grows
	if k.kind() == varchar { // only the key itself grows with one
		text, ok := c.(string)
		return domain.Of(domain.Span{Low: text}), domain.Of(domain.Span{Low: text, LowOpen: true}), ok
	}
	keys := make([]any, k.index+1)
	for i := range keys {
		keys[i] = unknownValue
	}
	ok = true
	least := func(enough func(order int) bool) domain.Set {
		low, high := k.extent()
		first, found := low, false
		for lo, hi := low, high; ok && lo <= hi; {
			mid := lo + int64(uint64(hi-lo)/2)
			keys[k.index] = k.value(mid)
			var o int
			if o, ok = compareValues(e.eval(keys), c); enough(o) {
				first, found = mid, true
				if mid == low {
					break
				}
				hi = mid - 1
			} else {
				if mid == high {
					break
				}
				lo = mid + 1
			}
		}
		switch {
		case !found:
			return domain.Set{}
		case first == low:
			return domain.NotNull()
		}
		return domain.Of(domain.Span{Low: first})
	}
	return least(func(o int) bool { return o >= 0 }), least(func(o int) bool { return o > 0 }), ok
}

func (k *keyRef) kind() kind { return k.scan.types[k.index].k }

// ranges reports whether a key's values are ones that limits are known for.
func (t typ) ranges() bool {
	switch t.k {
	case tinyint, smallint, integer, bigint, date, timestamp:
		return true
	case varchar:
		return t.p == unbounded
	}
	return false
}

// extent is the least and the greatest value that a key of numbers or times can have: years have four digits.
func (k *keyRef) extent() (low, high int64) {
	const first, last = -719528, 2932896 // 0000-01-01 and 9999-12-31
	switch k.kind() {
	case date:
		return first, last
	case timestamp:
		return first * microsPerDay, (last+1)*microsPerDay - 1
	}
	return math.MinInt64, math.MaxInt64
}

// value is a key's value, from how a domain has it.
func (k *keyRef) value(n int64) any {
	switch k.kind() {
	case date:
		return day(n)
	case timestamp:
		return instant(n)
	}
	return n
}

// inDomain is a key's value as a domain has it; ok is false for one that domains do not have.
func inDomain(v any) (_ any, ok bool) {
	switch v := v.(type) {
	case nil, string, int64:
		return v, true
	case day:
		return int64(v), true
	case instant:
		return int64(v), true
	}
	return nil, false
}
