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
func (q *Queries) scan(ctx context.Context, e *Execution, t catalog.Table, use translate.Table, files *pinned) (Scan, error) {
	s := Scan{Name: use.Scan, Library: t.Storage.SerDe.Library}
	var err error
	if s.Format, err = formatOf(t); err != nil {
		return s, err
	}
	s.Parameters = maps.Clone(t.Parameters)
	if s.Parameters == nil {
		s.Parameters = map[string]string{}
	}
	maps.Copy(s.Parameters, t.Storage.SerDe.Parameters)
	for _, c := range t.Storage.Columns {
		s.Columns = append(s.Columns, ScanColumn{Name: c.Name, Type: c.Type, Read: slices.Contains(use.Read, c.Name)})
	}
	for _, k := range t.PartitionKeys {
		s.Keys = append(s.Keys, ScanColumn{Name: k.Name, Type: k.Type, Read: slices.Contains(use.KeysRead, k.Name)})
	}
	if len(t.PartitionKeys) == 0 {
		in, err := files.under(ctx, t.Storage.Location, nil)
		s.Inputs = []Input{in}
		return s, err
	}
	if projection.Enabled(t) {
		return s, q.projected(ctx, e, t, use, files, &s)
	}
	return s, q.partitions(ctx, e, t, use, files, &s)
}

// projected adds the files of the partitions that a table's properties make. What is registered in the catalogue is not
// looked at, as in Athena. NOW is when the query was submitted, as it is for its SQL.
func (q *Queries) projected(ctx context.Context, e *Execution, t catalog.Table, use translate.Table, files *pinned, s *Scan) error {
	p, err := projection.New(t)
	if err != nil {
		return err
	}
	parts, err := p.Partitions(e.Submitted, use.Constraint)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := checkKeyValues(t, part.Values); err != nil {
			return err
		}
	}
	s.Inputs, err = files.below(ctx, parts)
	return err
}

// partitions adds the files of the partitions that can hold wanted rows.
func (q *Queries) partitions(ctx context.Context, e *Execution, t catalog.Table, use translate.Table, files *pinned, s *Scan) error {
	parts, _, err := q.catalog.Partitions(ctx, e.as(), t.Database, t.Name, keyRange(t, use.Constraint))
	if err != nil {
		return err
	}
	for _, p := range parts {
		if !readAlike(p.Storage.SerDe, t.Storage.SerDe) {
			return fault.Newf(fault.Unsupported, "HIVE_UNSUPPORTED_FORMAT", "partition %s of table %s.%s has a SerDe or SerDe properties of its own, and flowlake reads a table in one way only: drop the partition and add it again",
				partitionPath(t, p.Values), t.Database, t.Name)
		}
		if err := checkKeyValues(t, p.Values); err != nil {
			return fmt.Errorf("%w; ALTER TABLE %s DROP PARTITION takes it away", err, t.Name)
		}
		in, err := files.under(ctx, p.Storage.Location, p.Values)
		if err != nil {
			return err
		}
		if len(in.Files) > 0 {
			s.Inputs = append(s.Inputs, in)
		}
	}
	return nil
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
