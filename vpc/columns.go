package vpc

import (
	"flowlake/columnar"
	"flowlake/flow"
)

// Columns are a format's columns in a table and in a Parquet file: names with "_", types as AWS's files have them.
//
// Source: VPC user guide, "Available fields".
func Columns(fields []flow.Field) []columnar.Column {
	columns := make([]columnar.Column, len(fields))
	for i, f := range fields {
		columns[i] = columnar.Column{Name: f.Column(), Type: columnar.Type{Kind: kinds[f.Type]}}
	}
	return columns
}

var kinds = map[flow.Type]columnar.Kind{flow.String: columnar.String, flow.Int32: columnar.Int, flow.Int64: columnar.BigInt}
