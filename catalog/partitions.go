package catalog

import (
	"context"
	"hash/fnv"
	"iter"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
	"flowlake/state"
)

// PartitionFilter chooses partitions of one table. Its conditions are all required.
type PartitionFilter struct {
	Expression string                     // Glue's filter language over the partition keys; empty takes all
	Prefix     []string                   // the values of the first keys: only what begins with them is read
	Ranges     []ValueRange               // of the key behind Prefix, ascending and disjoint: only those are read. Nil reads all
	Keep       func(values []string) bool // asked before a partition is decoded; it must not keep values
	Segment    Segment
	After      []string // the values of a partition: only those behind it, in key order
	Max        int      // 0: all
}

// ValueRange is the texts of a key's values from Low to High, both included, by bytes. An empty High is no bound.
type ValueRange struct{ Low, High string }

// Segment is one of Total disjoint parts of a table's partitions, Number counted from 0. The zero
// value is the whole.
type Segment struct{ Number, Total int }

// PartitionError is what kept one partition of a batch from its change.
type PartitionError struct {
	Values []string
	Err    error
}

// CreatePartition registers a partition. It returns fault.Exists when its values are registered.
func (k *Catalog) CreatePartition(ctx context.Context, c access.Caller, database, table string, p Partition) error {
	return k.Edit(ctx, c, func(e *Edit) error { return e.CreatePartition(ctx, database, table, p) })
}

// CreatePartitions registers partitions, each that it can, in one change; the failures have the
// values of the others. What is missing from a partition's storage is taken from the table's.
func (k *Catalog) CreatePartitions(ctx context.Context, c access.Caller, database, table string, ps []Partition) ([]PartitionError, error) {
	return k.eachPartition(ctx, c, len(ps), func(e *Edit, i int) ([]string, error) {
		return ps[i].Values, e.createPartition(ctx, "BatchCreatePartition", database, table, ps[i])
	})
}

// Partition returns the partition with those values, or fault.NotFound.
func (k *Catalog) Partition(ctx context.Context, c access.Caller, database, table string, values []string) (p Partition, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error { p, err = s.Partition(ctx, database, table, values); return err })
	return p, err
}

// Partitions returns the partitions that f chooses, in the order of their values by bytes, and
// whether there are more behind the last.
func (k *Catalog) Partitions(ctx context.Context, c access.Caller, database, table string, f PartitionFilter) (page []Partition, more bool, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error {
		for p, err := range s.Partitions(ctx, database, table, f) {
			if err != nil {
				return err
			}
			if f.Max > 0 && len(page) == f.Max {
				more = true
				return nil
			}
			page = append(page, p)
		}
		return nil
	})
	return page, more, err
}

// PartitionsOf returns the partitions with those values, as many as there are, and the values that
// are not registered.
func (k *Catalog) PartitionsOf(ctx context.Context, c access.Caller, database, table string, values [][]string) (found []Partition, missing [][]string, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error {
		t, show, seen, some, err := s.partitionsOf(ctx, "BatchGetPartition", database, table)
		if err != nil {
			return err
		}
		shapes := s.shapes(t)
		for _, v := range values {
			if err := checkValues(seen, v); err != nil {
				return err
			}
			if !some {
				missing = append(missing, v)
				continue
			}
			p, err := s.partition(t, v, shapes)
			switch {
			case err == nil:
				found = append(found, show(p))
			case fault.Is(err, fault.NotFound):
				missing = append(missing, v)
			default:
				return err
			}
		}
		return nil
	})
	return found, missing, err
}

// UpdatePartition replaces the partition that has those values; p's own values may be others, which
// moves it. It returns fault.NotFound, or fault.Exists when it would move onto another.
func (k *Catalog) UpdatePartition(ctx context.Context, c access.Caller, database, table string, values []string, p Partition) error {
	return k.Edit(ctx, c, func(e *Edit) error { return e.UpdatePartition(ctx, database, table, values, p) })
}

// DeletePartition removes the partition with those values, or returns fault.NotFound. Objects stay.
func (k *Catalog) DeletePartition(ctx context.Context, c access.Caller, database, table string, values []string) error {
	return k.Edit(ctx, c, func(e *Edit) error { return e.DeletePartition(ctx, database, table, values) })
}

// DeletePartitions removes partitions, each that it can, in one change. Objects stay.
func (k *Catalog) DeletePartitions(ctx context.Context, c access.Caller, database, table string, values [][]string) ([]PartitionError, error) {
	return k.eachPartition(ctx, c, len(values), func(e *Edit, i int) ([]string, error) {
		return values[i], e.deletePartition(ctx, "BatchDeletePartition", database, table, values[i])
	})
}

// eachPartition does n things in one change, and collects the failures that are about one of them.
func (k *Catalog) eachPartition(ctx context.Context, c access.Caller, n int, do func(*Edit, int) ([]string, error)) (failures []PartitionError, err error) {
	err = k.Edit(ctx, c, func(e *Edit) error {
		for i := range n {
			values, err := do(e, i)
			switch {
			case err == nil:
			case fault.HasNoun(err, kindPartition) && fault.KindOf(err) != fault.Internal && fault.KindOf(err) != fault.Unavailable:
				failures = append(failures, PartitionError{Values: values, Err: err})
			default: // the table, the database, the caller, the disk: it concerns all
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return failures, nil
}

func partitionSubject(t Table, values []string) string {
	return "partition " + t.Database + "." + t.Name + " (" + strings.Join(values, ", ") + ")"
}

func partitionKey(t Table, values []string) string {
	return tableKey(t.Database, t.Name) + separator + valuesKey(values)
}

// checkValues checks that there is a value for each key.
func checkValues(t Table, values []string) error {
	if len(values) != len(t.PartitionKeys) {
		return fault.Newf(fault.Invalid, partitionSubject(t, values),
			"it has %d values, the table has %d partition keys", len(values), len(t.PartitionKeys))
	}
	for i, v := range values {
		if len(v) > 1024 {
			return fault.Newf(fault.Invalid, partitionSubject(t, nil), "the value of %s has %d bytes; at most 1,024 are allowed", t.PartitionKeys[i].Name, len(v))
		}
	}
	return nil
}

// Partition returns the partition with those values, or fault.NotFound.
func (s *Snapshot) Partition(ctx context.Context, database, table string, values []string) (Partition, error) {
	t, show, seen, some, err := s.partitionsOf(ctx, "GetPartition", database, table)
	if err == nil {
		err = checkValues(seen, values)
	}
	if err != nil {
		return Partition{}, err
	}
	if !some {
		return Partition{}, fault.Newf(fault.NotFound, partitionSubject(t, values), "not found")
	}
	p, err := s.partition(t, values, s.shapes(t))
	if err != nil {
		return Partition{}, err
	}
	return show(p), nil
}

func (s *Snapshot) partition(t Table, values []string, shapes *shapes) (Partition, error) {
	var p storedPartition
	_, err := s.tx.Get(s.id(kindPartition, partitionKey(t, values)), &p)
	if fault.Is(err, fault.NotFound) {
		return Partition{}, fault.Newf(fault.NotFound, partitionSubject(t, values), "not found")
	}
	if err != nil {
		return Partition{}, err
	}
	return shapes.whole(p)
}

// Partitions yields the partitions that f chooses, in the order of their values by bytes. f.Max is
// the caller's to keep.
func (s *Snapshot) Partitions(ctx context.Context, database, table string, f PartitionFilter) iter.Seq2[Partition, error] {
	return func(yield func(Partition, error) bool) {
		t, show, seen, some, err := s.partitionsOf(ctx, "GetPartitions", database, table)
		if err == nil {
			err = f.Segment.check()
		}
		var x *Expression
		if err == nil && f.Expression != "" {
			x, err = ParseExpression(f.Expression, seen.PartitionKeys)
		}
		if err != nil {
			yield(Partition{}, err)
			return
		}
		if !some {
			return
		}
		s.partitions(t, x, f)(func(p Partition, err error) bool { return yield(show(p), err) })
	}
}

// AllPartitions is Partitions of a table that Readable returned, whatever the caller may know of them: for an engine
// that shows no values of keys but those that it may. f has no Expression.
func (s *Snapshot) AllPartitions(ctx context.Context, t Table, f PartitionFilter) iter.Seq2[Partition, error] {
	if err := s.allowTable(ctx, "GetPartitions", t.Database, t.Name); err != nil {
		return func(yield func(Partition, error) bool) { yield(Partition{}, err) }
	}
	return s.partitions(t, nil, f)
}

func (s *Snapshot) partitions(t Table, x *Expression, f PartitionFilter) iter.Seq2[Partition, error] {
	return func(yield func(Partition, error) bool) {
		base := tableKey(t.Database, t.Name) + separator
		prefix := base + valuesKey(f.Prefix)
		if more := x.prefix(); len(more) > len(f.Prefix) {
			prefix = base + valuesKey(more)
			if !slices.Equal(f.Prefix, more[:len(f.Prefix)]) {
				return // the two contradict each other
			}
		}
		after := ""
		if f.After != nil {
			after = base + valuesKey(f.After)
		}
		shapes := s.shapes(t)
		ranges := f.Ranges
		if len(prefix) > len(base+valuesKey(f.Prefix)) {
			ranges = nil // the expression fixes the key that they are of
		}
		for row, err := range s.partitionRows(prefix, after, ranges) {
			if err != nil {
				yield(Partition{}, err)
				return
			}
			if !f.Segment.has(row.Key[len(base):]) {
				continue
			}
			var p storedPartition
			if err := row.Decode(&p); err != nil {
				yield(Partition{}, err)
				return
			}
			if f.Keep != nil && !f.Keep(p.Values) || x != nil && !x.Match(p.Values) {
				continue
			}
			whole, err := shapes.whole(p)
			if !yield(whole, err) || err != nil {
				return
			}
		}
	}
}

// partitionRows yields the partitions whose keys begin with prefix and lie behind after, and whose next value lies in one of the
// ranges; nil is no bound.
func (s *Snapshot) partitionRows(prefix, after string, ranges []ValueRange) iter.Seq2[state.Row, error] {
	if ranges == nil {
		return s.tx.List(s.id(kindPartition, prefix), after)
	}
	return func(yield func(state.Row, error) bool) {
		for _, r := range ranges {
			high := valueEscaper.Replace(r.High)
			for row, err := range s.tx.List(s.id(kindPartition, prefix), max(after, prefix+valueEscaper.Replace(r.Low))) {
				if err == nil && high != "" {
					value, _, _ := strings.Cut(row.Key[len(prefix):], separator)
					if value > high {
						if strings.HasPrefix(value, high) && value[len(high)] < separator[0] {
							continue // what goes on with such a character stands before the value itself
						}
						break
					}
				}
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

func (g Segment) check() error {
	if g == (Segment{}) {
		return nil
	}
	if g.Total < 1 || g.Total > 10 || g.Number < 0 || g.Number >= g.Total {
		return fault.Newf(fault.Invalid, "segment", "number %d of %d: the total is 1 to 10, and numbers begin with 0", g.Number, g.Total)
	}
	return nil
}

// has spreads keys evenly, whatever they look like, and a key never moves to another segment.
func (g Segment) has(key string) bool {
	if g.Total <= 1 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(key))
	return int(h.Sum64()>>8%uint64(g.Total)) == g.Number
}

// CreatePartition registers a partition. It returns fault.Exists when its values are registered.
func (e *Edit) CreatePartition(ctx context.Context, database, table string, p Partition) error {
	return e.createPartition(ctx, "CreatePartition", database, table, p)
}

func (e *Edit) createPartition(ctx context.Context, action, database, table string, p Partition) error {
	t, err := e.changing(ctx, action, database, table, formation.Alter, formation.Insert)
	if err != nil {
		return err
	}
	if err := tidyPartition(t, &p); err != nil {
		return err
	}
	if err := e.mayPlace(ctx, p.Storage.Location, t.Storage.Location); err != nil {
		return err
	}
	if p.Created.IsZero() {
		p.Created = e.now
	}
	return e.create(t, p)
}

// AddPartitions registers many partitions of one table and returns how many were not there before. Those
// that are there stay as they are.
func (e *Edit) AddPartitions(ctx context.Context, database, table string, ps []Partition) (created int, err error) {
	if len(ps) == 0 {
		return 0, nil
	}
	t, err := e.changing(ctx, "BatchCreatePartition", database, table, formation.Alter, formation.Insert)
	if err != nil {
		return 0, err
	}
	for _, p := range ps {
		if err := tidyPartition(t, &p); err != nil {
			return created, err
		}
		if err := e.mayPlace(ctx, p.Storage.Location, t.Storage.Location); err != nil {
			return created, err
		}
		if p.Created.IsZero() {
			p.Created = e.now
		}
		switch err := e.create(t, p); {
		case err == nil:
			created++
		case !fault.Is(err, fault.Exists):
			return created, err
		}
	}
	return created, nil
}

// DeleteAllPartitions removes every partition of a table and returns how many there were.
func (e *Edit) DeleteAllPartitions(ctx context.Context, database, table string) (removed int, err error) {
	t, err := e.changing(ctx, "BatchDeletePartition", database, table, formation.Alter, formation.Delete)
	if err != nil {
		return 0, err
	}
	for row, err := range e.tx.List(e.id(kindPartition, tableKey(t.Database, t.Name)+separator), "") {
		if err == nil {
			err = e.tx.Delete(row.ID)
		}
		if err == nil {
			err = e.forgetStatistics(row.ID)
		}
		if err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

func (e *Edit) create(t Table, p Partition) error {
	stored, err := e.shape(t, p)
	if err != nil {
		return err
	}
	err = e.tx.Create(e.id(kindPartition, partitionKey(t, p.Values)), stored)
	if fault.Is(err, fault.Exists) {
		return fault.Newf(fault.Exists, partitionSubject(t, p.Values), "already exists")
	}
	return err
}

// UpdatePartition replaces the partition that has those values; see Catalog.UpdatePartition.
func (e *Edit) UpdatePartition(ctx context.Context, database, table string, values []string, p Partition) error {
	t, err := e.changing(ctx, "UpdatePartition", database, table, formation.Alter, formation.Insert)
	if err != nil {
		return err
	}
	if err := checkValues(t, values); err != nil {
		return err
	}
	if err := tidyPartition(t, &p); err != nil {
		return err
	}
	old, err := e.partition(t, values, e.shapes(t))
	if err != nil {
		return err
	}
	if p.Storage.Location != old.Storage.Location {
		if err := e.mayPlace(ctx, p.Storage.Location, t.Storage.Location); err != nil {
			return err
		}
	}
	p.Created = old.Created
	if slices.Equal(values, p.Values) {
		stored, err := e.shape(t, p)
		if err != nil {
			return err
		}
		return e.tx.Put(e.id(kindPartition, partitionKey(t, values)), stored)
	}
	if err := e.create(t, p); err != nil {
		return err
	}
	gone := e.id(kindPartition, partitionKey(t, values))
	if err := e.forgetStatistics(gone); err != nil {
		return err
	}
	return e.tx.Delete(gone)
}

// DeletePartition removes the partition with those values, or returns fault.NotFound. Objects stay.
func (e *Edit) DeletePartition(ctx context.Context, database, table string, values []string) error {
	return e.deletePartition(ctx, "DeletePartition", database, table, values)
}

func (e *Edit) deletePartition(ctx context.Context, action, database, table string, values []string) error {
	t, err := e.changing(ctx, action, database, table, formation.Alter, formation.Delete)
	if err != nil {
		return err
	}
	if err := checkValues(t, values); err != nil {
		return err
	}
	gone := e.id(kindPartition, partitionKey(t, values))
	err = e.tx.Delete(gone)
	if fault.Is(err, fault.NotFound) {
		return fault.Newf(fault.NotFound, partitionSubject(t, values), "not found")
	}
	if err != nil {
		return err
	}
	return e.forgetStatistics(gone)
}
