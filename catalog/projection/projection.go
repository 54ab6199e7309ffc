// Package projection computes a table's partitions from its properties instead of reading them from the catalogue: Athena's
// partition projection. It knows ranges, not objects: whether anything lies in a partition is the lake's to say. It
// goes through no value that a query's conditions exclude, as far as that can be told from a range.
//
// Source: Athena user guide, "Use partition projection with Amazon Athena".
package projection

import (
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/catalog/domain"
	"flowlake/fault"
)

// MaxPartitions bounds what one query goes through. Athena stops at as many.
const MaxPartitions = 1_000_000

// Projection is how one table's partitions follow from its properties. It is safe for concurrent use.
type Projection struct {
	table    catalog.Table
	columns  []column
	template []piece
	tail     string
	escape   bool // Hive's layout, whose values are escaped
}

// piece is text of a template and the column whose value follows it.
type piece struct {
	text   string
	column int
}

// Partition is a projected partition: its values as the catalogue would spell them, and where its objects lie.
type Partition struct {
	Values   []string
	Location string // s3://bucket/prefix/
}

// Wanted is what a query's conditions say of the keys.
type Wanted interface {
	Domain(key int) domain.Set             // the values of one key that can be wanted
	MatchesKey(key int, value string) bool // the same, value by value
	Matches(values []string) bool          // of a whole partition
}

// candidate is a value of one key with what stands for it in a location.
type candidate struct{ value, place string }

// Partitions lists the partitions that a query wants, in the order of their keys' values, as they are at now.
//
// An injected key without values is CONSTRAINT_VIOLATION in Athena's words, fault.Invalid; more than MaxPartitions is
// HIVE_EXCEEDED_PARTITION_LIMIT, fault.Limit, naming the keys to constrain.
func (p *Projection) Partitions(now time.Time, w Wanted) ([]Partition, error) {
	lists := make([][]candidate, len(p.columns))
	count := uint64(1)
	for i, c := range p.columns {
		list, err := p.candidates(i, c, now, w)
		if err != nil {
			return nil, err
		}
		lists[i] = list
	}
	for _, list := range lists {
		if len(list) == 0 {
			return nil, nil
		}
	}
	for _, list := range lists {
		if count *= uint64(len(list)); count > MaxPartitions {
			return nil, p.tooMany(w)
		}
	}
	var out []Partition
	values, places := make([]string, len(lists)), make([]string, len(lists))
	var visit func(i int)
	visit = func(i int) {
		if i == len(lists) {
			if w.Matches(values) {
				out = append(out, Partition{Values: append([]string(nil), values...), Location: p.location(places)})
			}
			return
		}
		for _, c := range lists[i] {
			values[i], places[i] = c.value, c.place
			visit(i + 1)
		}
	}
	visit(0)
	return out, nil
}

// candidates are one key's values that can be wanted.
func (p *Projection) candidates(i int, c column, now time.Time, w Wanted) ([]candidate, error) {
	wanted := w.Domain(i)
	if _, ok := c.rule.(injected); ok {
		values, ok := wanted.Values()
		if !ok {
			return nil, fault.Newf(fault.Invalid, "CONSTRAINT_VIOLATION", "For the injected projected partition column %s, the WHERE clause must contain only static equality conditions, and at least one such condition must be present. (table %s.%s)",
				c.name, p.table.Database, p.table.Name)
		}
		var list []candidate
		for _, v := range values {
			if text, ok := c.text(v); ok && w.MatchesKey(i, text) {
				list = append(list, candidate{text, text})
			}
		}
		return list, nil
	}
	seq, err := c.rule.at(now)
	if err != nil {
		return nil, settings(p.table).refuse("projection."+c.name+".range", "%v", err)
	}
	ranges := c.within(seq, wanted)
	total := uint64(0)
	for _, r := range ranges {
		if r.to-r.from >= MaxPartitions {
			return nil, p.tooMany(w)
		}
		if total += r.to - r.from + 1; total > MaxPartitions {
			return nil, p.tooMany(w)
		}
	}
	var list []candidate
	for _, r := range ranges {
		for n := r.from; ; n++ {
			var own candidate
			own.value, own.place = seq.value(n)
			again := len(list) > 0 && list[len(list)-1] == own
			if typed, ok := c.typed(own.value); !again && (!ok || wanted.Contains(typed)) && w.MatchesKey(i, own.value) {
				list = append(list, own)
			}
			if n == r.to {
				break
			}
		}
	}
	return list, nil
}

// tooMany names the keys that a condition would help with: those without one, or all of them.
func (p *Projection) tooMany(w Wanted) error {
	var open, all []string
	for i, c := range p.columns {
		all = append(all, c.name)
		if w.Domain(i).IsAll() {
			open = append(open, c.name)
		}
	}
	if len(open) == 0 {
		open = all
	}
	return fault.Newf(fault.Limit, "HIVE_EXCEEDED_PARTITION_LIMIT", "Query over table %s.%s can potentially read more than %d projected partitions: give a narrower condition on %s",
		p.table.Database, p.table.Name, MaxPartitions, strings.Join(open, ", "))
}

// location is where a partition's objects lie.
func (p *Projection) location(places []string) string {
	var b strings.Builder
	for _, t := range p.template {
		b.WriteString(t.text)
		if p.escape {
			b.WriteString(catalog.EscapePath(places[t.column]))
		} else {
			b.WriteString(places[t.column])
		}
	}
	b.WriteString(p.tail)
	return b.String()
}

// Has reports whether the table has a partition with these values at now, in whatever place. Values of an injected key are
// all there.
func (p *Projection) Has(now time.Time, values []string) bool {
	if len(values) != len(p.columns) {
		return false
	}
	for i, c := range p.columns {
		if _, ok := c.rule.(injected); ok {
			continue
		}
		seq, err := c.rule.at(now)
		if err != nil {
			return false
		}
		v, ok := c.typed(values[i])
		wanted := domain.All()
		if ok && v != nil {
			wanted = domain.Points(v)
		}
		found := false
		for _, r := range c.within(seq, wanted) {
			if r.to-r.from > MaxPartitions {
				return false
			}
			for n := r.from; n <= r.to && !found; n++ {
				text, _ := seq.value(n)
				own, ownOK := c.typed(text)
				found = text == values[i] || ok && ownOK && v != nil && own != nil && domain.Compare(own, v) == 0
			}
		}
		if !found {
			return false
		}
	}
	return true
}
