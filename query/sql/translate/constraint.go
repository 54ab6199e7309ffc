package translate

import "flowlake/catalog/domain"

// Constraint says which partitions of a table can hold rows that a query wants. The zero Constraint
// takes all. It is safe for concurrent use.
type Constraint struct {
	terms  []expr // all must be able to hold; over the keys, in their order
	types  []typ
	limits limits
}

// add takes one more condition that must hold.
func (c *Constraint) add(e expr) {
	if e.eval != nil {
		c.terms = append(c.terms, e)
	}
	c.limits = bothOf(c.limits, e.limits(true))
}

// Empty reports whether the constraint takes every partition.
func (c Constraint) Empty() bool { return len(c.terms) == 0 && len(c.limits) == 0 }

// Matches reports whether a partition with these key values, as the catalogue spells them and in the
// order of the table's keys, can hold a row that the query wants. It is conservative: what it cannot
// compute counts as a match. A text that is no value of its key's type lies in no range of them, so that it matches
// only what leaves the key open on both sides.
func (c Constraint) Matches(values []string) bool {
	if c.Empty() || len(values) != len(c.types) {
		return true
	}
	keys := make([]any, len(values))
	for i, v := range values {
		keys[i] = keyValue(v, c.types[i])
		if !c.within(i, keys[i]) {
			return false
		}
	}
	return c.holds(keys)
}

// MatchesKey is Matches for what is known of one key alone.
func (c Constraint) MatchesKey(key int, value string) bool {
	if c.Empty() || key >= len(c.types) {
		return true
	}
	keys := make([]any, len(c.types))
	for i := range keys {
		keys[i] = unknownValue
	}
	keys[key] = keyValue(value, c.types[key])
	return c.within(key, keys[key]) && c.holds(keys)
}

// within reports whether a key's value is in its limits.
func (c Constraint) within(key int, v any) bool {
	limit, ok := c.limits[key]
	if !ok {
		return true
	}
	if v != unknownValue {
		v, ok = inDomain(v)
		return !ok || limit.Contains(v)
	}
	switch c.types[key].k {
	case tinyint, smallint, integer, bigint, date:
		return limit.EndsOpen()
	}
	return true // timestamps are written in more ways than pruning reads
}

// holds reports whether all terms can hold.
func (c Constraint) holds(keys []any) bool {
	for _, t := range c.terms {
		switch v := t.eval(keys).(type) {
		case nil:
			return false
		case bool:
			if !v {
				return false
			}
		}
	}
	return true
}

// Domain is the values of one key, by its index, that can belong to a row that the query wants: numbers as int64, text as
// string, dates as days since 1970 and timestamps as microseconds.
func (c Constraint) Domain(key int) domain.Set {
	if limit, ok := c.limits[key]; ok {
		return limit
	}
	return domain.All()
}
