package query

import (
	"maps"
	"slices"
	"strings"

	"flowlake/catalog"
	"flowlake/query/sql"
)

// createStatement is the CREATE EXTERNAL TABLE that makes t. Reading it back gives the same table,
// whatever its names and properties hold.
func createStatement(t catalog.Table) string {
	var b strings.Builder
	b.WriteString("CREATE EXTERNAL TABLE " + sql.QuoteHiveIdent(t.Database) + "." + sql.QuoteHiveIdent(t.Name) + "(\n" + columnLines(t.Storage.Columns) + ")\n")
	if comment := t.Parameters["comment"]; comment != "" {
		b.WriteString("COMMENT " + sql.QuoteHiveString(comment) + "\n")
	}
	if len(t.PartitionKeys) > 0 {
		b.WriteString("PARTITIONED BY ( \n" + columnLines(t.PartitionKeys) + ")\n")
	}
	b.WriteString("ROW FORMAT SERDE \n  " + sql.QuoteHiveString(t.Storage.SerDe.Library) + " \n")
	if len(t.Storage.SerDe.Parameters) > 0 {
		b.WriteString("WITH SERDEPROPERTIES ( \n" + propertyLines(t.Storage.SerDe.Parameters) + ") \n")
	}
	if t.Storage.InputFormat != "" {
		b.WriteString("STORED AS INPUTFORMAT \n  " + sql.QuoteHiveString(t.Storage.InputFormat) + " \nOUTPUTFORMAT \n  " + sql.QuoteHiveString(t.Storage.OutputFormat) + "\n")
	}
	b.WriteString("LOCATION\n  " + sql.QuoteHiveString(t.Storage.Location) + "\n")
	rest := maps.Clone(t.Parameters)
	delete(rest, "EXTERNAL")
	delete(rest, "comment")
	if len(rest) == 0 {
		return strings.TrimSuffix(b.String(), "\n")
	}
	return b.String() + "TBLPROPERTIES (\n" + propertyLines(rest) + ")"
}

func columnLines(columns []catalog.Column) string {
	lines := make([]string, len(columns))
	for i, c := range columns {
		lines[i] = "  " + sql.QuoteHiveIdent(c.Name) + " " + c.Type
		if c.Comment != "" {
			lines[i] += " COMMENT " + sql.QuoteHiveString(c.Comment)
		}
	}
	return strings.Join(lines, ", \n")
}

func propertyLines(m map[string]string) string {
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, "  "+sql.QuoteHiveString(k)+"="+sql.QuoteHiveString(m[k]))
	}
	return strings.Join(lines, ", \n")
}
