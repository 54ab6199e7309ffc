package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flowlake/catalog"
	"flowlake/catalog/projection"
	"flowlake/fault"
	"flowlake/query/sql/translate"
)

// MaxScanFiles bounds the files of one query: the engine needs a path for each.
const MaxScanFiles = 100_000

// scan resolves one use of a table: its surviving partitions, and their objects as local files.
//
// parts are the partitions that the catalogue has for it.
func (q *Queries) scan(ctx context.Context, e *Execution, t *readable, use translate.Table, parts []catalog.Partition, files *pinned) (Scan, error) {
	s := Scan{Name: use.Scan, Library: t.Storage.SerDe.Library}
	if b := use.Barrier; b != nil {
		s.Barrier = &Barrier{Name: b.Name, SQL: b.SQL}
	}
	var err error
	if s.Format, err = formatOf(t.Table); err != nil {
		return s, err
	}
	s.Parameters = maps.Clone(t.Parameters)
	if s.Parameters == nil {
		s.Parameters = map[string]string{}
	}
	maps.Copy(s.Parameters, t.Storage.SerDe.Parameters)
	for _, c := range t.Storage.Columns {
		read := slices.Contains(use.Read, c.Name)
		if !read && !t.reads(c.Name) {
			c.Type = "string" // no error may be about a column that is not there
		}
		s.Columns = append(s.Columns, ScanColumn{Name: c.Name, Type: c.Type, Read: read})
	}
	for _, k := range t.PartitionKeys {
		s.Keys = append(s.Keys, ScanColumn{Name: k.Name, Type: k.Type, Read: slices.Contains(use.KeysRead, k.Name)})
	}
	var locations []string
	var values [][]string
	switch {
	case len(t.PartitionKeys) == 0:
		locations, values = []string{t.Storage.Location}, [][]string{nil}
	case projection.Enabled(t.Table):
		if locations, values, err = projected(e, t.Table, use); err != nil {
			return s, err
		}
	default:
		for _, p := range parts {
			if !readAlike(p.Storage.SerDe, t.Storage.SerDe) {
				return s, fault.Newf(fault.Unsupported, "HIVE_UNSUPPORTED_FORMAT", "partition %s of table %s.%s has a SerDe or SerDe properties of its own, and flowlake reads a table in one way only: drop the partition and add it again",
					partitionPath(t.Table, p.Values), t.Database, t.Name)
			}
			if err := checkKeyValues(t.Table, p.Values); err != nil {
				return s, fmt.Errorf("%w; ALTER TABLE %s DROP PARTITION takes it away", err, t.Name)
			}
			locations, values = append(locations, p.Storage.Location), append(values, p.Values)
		}
	}
	as, err := q.reader(ctx, e, t)
	if err != nil {
		return s, err
	}
	found, err := files.belowAs(ctx, as, t, locations)
	for i, list := range found {
		if len(list) > 0 {
			s.Inputs = append(s.Inputs, Input{Values: values[i], Files: list})
		}
	}
	return s, err
}

// projected is the partitions that a table's properties make. What is registered in the catalogue is not looked at, as in
// Athena. NOW is when the query was submitted, as it is for its SQL.
func projected(e *Execution, t catalog.Table, use translate.Table) (locations []string, values [][]string, err error) {
	p, err := projection.New(t)
	if err != nil {
		return nil, nil, err
	}
	parts, err := p.Partitions(e.Submitted, use.Constraint)
	if err != nil {
		return nil, nil, err
	}
	for _, part := range parts {
		if err := checkKeyValues(t, part.Values); err != nil {
			return nil, nil, err
		}
		locations, values = append(locations, part.Location), append(values, part.Values)
	}
	return locations, values, nil
}

// registered is the partitions that can hold wanted rows of each use of a table, where the catalogue has them: all of them as
// they are at one moment.
func (q *Queries) registered(ctx context.Context, e *Execution, uses []translate.Table, tables map[[2]string]*readable) ([][]catalog.Partition, error) {
	out := make([][]catalog.Partition, len(uses))
	return out, q.catalog.View(ctx, e.as(), func(s *catalog.Snapshot) error {
		for i, use := range uses {
			t := tables[[2]string{use.Database, use.Name}]
			if t == nil || len(t.PartitionKeys) == 0 || projection.Enabled(t.Table) {
				continue // t is nil for the information schema
			}
			for p, err := range s.AllPartitions(ctx, t.Table, keyRange(t.Table, use.Constraint)) {
				if err != nil {
					return err
				}
				out[i] = append(out[i], p)
			}
		}
		return nil
	})
}

// readAlike reports whether a partition's SerDe reads as its table's does. Properties that no SerDe here
// reads may differ.
func readAlike(own, table catalog.SerDe) bool {
	if own.Library == "" || len(own.Parameters) == 0 && own.Library == table.Library {
		return true // what it does not say is its table's
	}
	if own.Library != table.Library {
		return false
	}
	if serdeFormats[own.Library] == Parquet {
		return true
	}
	a, b := maps.Clone(own.Parameters), maps.Clone(table.Parameters)
	for _, m := range []map[string]string{a, b} {
		delete(m, "serialization.format") // beside field.delim
		delete(m, "paths")                // a crawler's note about JSON
	}
	return maps.Equal(a, b)
}

// scannedBytes is what Athena would bill: whole objects of text, and of Parquet the chunks of the columns that are read, in
// all row groups.
//
// Differs from AWS: row groups that statistics exclude are counted.
func (q *Queries) scannedBytes(s Scan) (total int64, err error) {
	for _, in := range s.Inputs {
		for _, f := range in.Files {
			if s.Format != Parquet {
				total += f.Size
				continue
			}
			columns, err := q.footers.columns(f)
			if err != nil {
				return 0, err
			}
			for _, c := range s.Columns {
				if c.Read {
					total += columns[strings.ToLower(c.Name)]
				}
			}
		}
	}
	return total, nil
}
