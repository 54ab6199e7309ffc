package backfill

import (
	"strings"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/flow"
)

// What a table of Parquet files says of its storage.
const (
	parquetInput  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
	parquetOutput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
	parquetSerDe  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
)

// NewTable returns the table that holds flow logs of these formats: a column for each of their fields, in
// documented order, named and typed as the service's own Parquet files are, partitioned by what by says: "day" (a
// date), "hour" (and the hour as an int), or "none".
func NewTable(database, name, location, by string, formats [][]flow.Field) (catalog.Table, error) {
	t := catalog.Table{Database: database, Name: name, Kind: catalog.ExternalTable,
		Parameters: map[string]string{"EXTERNAL": "TRUE", "classification": "parquet"},
		Storage: catalog.Storage{Location: location, InputFormat: parquetInput, OutputFormat: parquetOutput,
			SerDe: catalog.SerDe{Library: parquetSerDe, Parameters: map[string]string{"serialization.format": "1"}}}}
	switch by {
	case "none":
	case "hour":
		t.PartitionKeys = []catalog.Column{{Name: "day", Type: "date"}, {Name: "hour", Type: "int"}}
	case "day":
		t.PartitionKeys = []catalog.Column{{Name: "day", Type: "date"}}
	default:
		return t, fault.Newf(fault.Invalid, "partitioning "+by, "is none of day, hour and none")
	}
	has := map[string]bool{}
	for _, fields := range formats {
		for _, f := range fields {
			has[f.Name] = true
		}
	}
	for _, f := range flow.Fields() {
		if has[f.Name] {
			t.Storage.Columns = append(t.Storage.Columns, catalog.Column{Name: f.Column(), Type: f.Type.Hive()})
		}
	}
	if len(t.Storage.Columns) == 0 {
		return t, fault.Newf(fault.Invalid, "table "+database+"."+name, "has no column: no file has a flow-log record")
	}
	return t, nil
}

// Columns returns a table's columns as Parquet files have them. It refuses a table that is not of Parquet files, and
// one that has no column of a flow log's.
func Columns(t catalog.Table) ([]columnar.Column, error) {
	subject := "table " + t.Database + "." + t.Name
	if t.Kind == catalog.VirtualView {
		return nil, fault.Newf(fault.Unsupported, subject, "is a view, which holds no rows of its own")
	}
	if !isParquet(t.Storage) {
		return nil, fault.Newf(fault.Unsupported, subject, "is not a table of Parquet files (its InputFormat is %q): convert into a table of another name", t.Storage.InputFormat)
	}
	var out []columnar.Column
	known := 0
	for _, c := range t.Storage.Columns {
		kind, err := columnar.ParseType(c.Type)
		if err != nil {
			return nil, fault.Newf(fault.KindOf(err), subject, "column %s: %w", c.Name, err)
		}
		out = append(out, columnar.Column{Name: c.Name, Type: kind})
		if _, ok := flow.Lookup(c.Name); ok {
			known++
		}
	}
	if known == 0 {
		return nil, fault.Newf(fault.Unsupported, subject, "has no column that is named as a field of flow logs is, such as srcaddr or account_id")
	}
	return out, nil
}

func isParquet(s catalog.Storage) bool {
	return strings.Contains(strings.ToLower(s.SerDe.Library), "parquet") || s.SerDe.Library == "" && strings.Contains(strings.ToLower(s.InputFormat), "parquet")
}

// Unkept returns the fields of formats that the table has no column for.
func Unkept(t catalog.Table, formats [][]flow.Field) (out []string) {
	has := map[string]bool{}
	for _, c := range t.Storage.Columns {
		if f, ok := flow.Lookup(c.Name); ok {
			has[f.Name] = true
		}
	}
	for _, fields := range formats {
		for _, f := range fields {
			if !has[f.Name] {
				has[f.Name] = true
				out = append(out, f.Name)
			}
		}
	}
	return out
}
