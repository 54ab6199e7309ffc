package query

import (
	"maps"

	"flowlake/catalog"
	"flowlake/query/sql"
)

// createStatement is the CREATE EXTERNAL TABLE that makes t in its database.
func createStatement(t catalog.Table) string {
	d := sql.TableDDL{
		Name: t.Name, Comment: t.Parameters["comment"],
		Columns: columnDDL(t.Storage.Columns), PartitionKeys: columnDDL(t.PartitionKeys),
		BucketColumns: t.Storage.BucketColumns, Buckets: int(t.Storage.NumberOfBuckets),
		SerDe: t.Storage.SerDe.Library, SerDeProperties: t.Storage.SerDe.Parameters,
		InputFormat: t.Storage.InputFormat, OutputFormat: t.Storage.OutputFormat,
		Location: t.Storage.Location, Properties: maps.Clone(t.Parameters),
	}
	delete(d.Properties, "EXTERNAL")
	delete(d.Properties, "comment")
	return d.Render()
}

func columnDDL(columns []catalog.Column) []sql.ColumnDDL {
	out := make([]sql.ColumnDDL, len(columns))
	for i, c := range columns {
		out[i] = sql.ColumnDDL{Name: c.Name, Type: c.Type, Comment: c.Comment}
	}
	return out
}
