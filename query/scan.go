package query

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/lake"
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
	if strings.EqualFold(t.Parameters["projection.enabled"], "true") {
		return s, fault.Newf(fault.Unsupported, "table "+t.Database+"."+t.Name, "uses partition projection, which flowlake does not do yet: add its partitions with ALTER TABLE ADD PARTITION or MSCK REPAIR TABLE, and set projection.enabled to false")
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
	return s, q.partitions(ctx, e, t, use, files, &s)
}

// partitions adds the files of the partitions that can hold wanted rows.
func (q *Queries) partitions(ctx context.Context, e *Execution, t catalog.Table, use translate.Table, files *pinned, s *Scan) error {
	parts, _, err := q.catalog.Partitions(ctx, e.as(), t.Database, t.Name, catalog.PartitionFilter{Keep: use.Constraint.Matches})
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

// pinned is the local files of a query, kept until release.
type pinned struct {
	lake     *lake.Store
	caller   access.Caller
	skip     func(bucket, key string) bool // objects that the table under way does not want; nil wants all
	files    int
	releases []func()
}

func (p *pinned) release() {
	for _, r := range p.releases {
		r()
	}
}

// under pins the objects below a location. Hidden files, folder marks and what an export task writes
// to try its permission are no data.
func (p *pinned) under(ctx context.Context, location string, values []string) (Input, error) {
	in := Input{Values: values}
	bucket, prefix, err := lake.ParseURL(location)
	if err != nil {
		return in, err
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	// Listed and pinned at one moment: a compaction that swaps objects meanwhile is seen whole or not at all.
	objects, release, err := p.lake.Pinned(ctx, p.caller, bucket, prefix, func(obj lake.Object) (bool, error) {
		if obj.Size == 0 || !catalog.IsData(obj.Key[len(prefix):]) || p.skip != nil && p.skip(bucket, obj.Key) {
			return false, nil
		}
		if p.files++; p.files > MaxScanFiles {
			return false, fault.Newf(fault.Limit, "query", "it would read more than %d objects: name fewer partitions, or compact them", MaxScanFiles)
		}
		return true, nil
	})
	if err != nil {
		return in, err
	}
	p.releases = append(p.releases, release)
	for _, obj := range objects {
		in.Files = append(in.Files, InputFile{Path: obj.Path, URL: lake.URL(bucket, obj.Key), Size: obj.Size})
	}
	return in, nil
}

// scannedBytes is what Athena would bill: whole objects of text, and of Parquet the chunks of the
// columns that are read.
func scannedBytes(s Scan) (total int64, err error) {
	var columns []string
	for _, c := range s.Columns {
		if c.Read {
			columns = append(columns, c.Name)
		}
	}
	for _, in := range s.Inputs {
		for _, f := range in.Files {
			n := f.Size
			if s.Format == Parquet {
				if n, err = parquetBytes(f, columns); err != nil {
					return 0, err
				}
			}
			total += n
		}
	}
	return total, nil
}

func parquetBytes(f InputFile, columns []string) (int64, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return 0, fault.Newf(fault.Unavailable, "object "+f.URL, "%w", err)
	}
	defer file.Close()
	footer, err := columnar.ReadParquet(f.URL, file, f.Size)
	if err != nil {
		return 0, fault.Newf(fault.KindOf(err), "HIVE_CURSOR_ERROR", "%w", err)
	}
	return footer.ScannedBytes(columns), nil
}
