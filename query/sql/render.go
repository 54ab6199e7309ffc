package sql

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// TableDDL is a table as SHOW CREATE TABLE shows it.
type TableDDL struct {
	Name            string // quoted whole, as Hive does: a dot in it does not separate
	Comment         string
	Columns         []ColumnDDL
	PartitionKeys   []ColumnDDL
	BucketColumns   []string
	Buckets         int
	SerDe           string // the class
	SerDeProperties map[string]string
	InputFormat     string
	OutputFormat    string
	Location        string
	Properties      map[string]string
}

// ColumnDDL is a column or partition key of a TableDDL. Type is a Hive type, taken as it is.
type ColumnDDL struct {
	Name, Type, Comment string
}

// lazySimple is the class that ROW FORMAT DELIMITED stands for.
const lazySimple = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"

// delimiters are the clauses of ROW FORMAT DELIMITED, in their order, and the SerDe's properties that
// they set, one of them in the spelling that Hive's tables have.
var delimiters = [...]struct{ property, clause string }{
	{"field.delim", "FIELDS TERMINATED BY"},
	{"escape.delim", "ESCAPED BY"},
	{"colelction.delim", "COLLECTION ITEMS TERMINATED BY"},
	{"mapkey.delim", "MAP KEYS TERMINATED BY"},
	{"line.delim", "LINES TERMINATED BY"},
	{"serialization.null.format", "NULL DEFINED AS"},
}

// Render writes the CREATE EXTERNAL TABLE statement that makes t, one clause a line and properties in
// the order of their keys, in the shape that Hive gives it. Parse reads it back.
//
// Source: the output of Hive's SHOW CREATE TABLE, which Athena passes on
func (t TableDDL) Render() string {
	var b strings.Builder
	b.WriteString("CREATE EXTERNAL TABLE " + QuoteHiveIdent(t.Name))
	if len(t.Columns) > 0 {
		b.WriteString("(\n")
		renderColumns(&b, t.Columns)
	}
	if t.Comment != "" {
		b.WriteString("\nCOMMENT " + QuoteHiveString(t.Comment))
	}
	if len(t.PartitionKeys) > 0 {
		b.WriteString("\nPARTITIONED BY ( \n")
		renderColumns(&b, t.PartitionKeys)
	}
	if len(t.BucketColumns) > 0 {
		b.WriteString("\nCLUSTERED BY ( \n")
		for i, c := range t.BucketColumns {
			if i > 0 {
				b.WriteString(", \n")
			}
			b.WriteString("  " + QuoteHiveIdent(c))
		}
		b.WriteString(") \nINTO " + strconv.Itoa(max(t.Buckets, 1)) + " BUCKETS")
	}
	if t.SerDe != "" {
		t.renderSerDe(&b)
	}
	if t.InputFormat != "" && t.OutputFormat != "" {
		b.WriteString("\nSTORED AS INPUTFORMAT \n  " + QuoteHiveString(t.InputFormat) +
			" \nOUTPUTFORMAT \n  " + QuoteHiveString(t.OutputFormat))
	}
	if t.Location != "" {
		b.WriteString("\nLOCATION\n  " + QuoteHiveString(t.Location))
	}
	if len(t.Properties) > 0 {
		b.WriteString("\nTBLPROPERTIES (\n")
		renderProperties(&b, t.Properties)
	}
	return b.String()
}

func renderColumns(b *strings.Builder, columns []ColumnDDL) {
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", \n")
		}
		b.WriteString("  " + QuoteHiveIdent(c.Name) + " " + c.Type)
		if c.Comment != "" {
			b.WriteString(" COMMENT " + QuoteHiveString(c.Comment))
		}
	}
	b.WriteByte(')')
}

// renderSerDe writes ROW FORMAT DELIMITED where that says everything, ROW FORMAT SERDE otherwise.
func (t TableDDL) renderSerDe(b *strings.Builder) {
	rest := maps.Clone(t.SerDeProperties)
	// Glue keeps this one beside field.delim; DELIMITED sets both.
	if format, delim := rest["serialization.format"], rest["field.delim"]; format == delim || format == "1" {
		delete(rest, "serialization.format")
	}
	var clauses []string
	for _, d := range delimiters {
		// ESCAPED BY is a part of the clause FIELDS.
		if v, ok := rest[d.property]; ok && (d.property != "escape.delim" || len(clauses) > 0) {
			clauses = append(clauses, "  "+d.clause+" "+QuoteHiveString(v))
			delete(rest, d.property)
		}
	}
	if t.SerDe == lazySimple && len(clauses) > 0 && len(rest) == 0 {
		b.WriteString("\nROW FORMAT DELIMITED \n" + strings.Join(clauses, " \n") + " ")
		return
	}
	b.WriteString("\nROW FORMAT SERDE \n  " + QuoteHiveString(t.SerDe) + " ")
	if len(t.SerDeProperties) > 0 {
		b.WriteString("\nWITH SERDEPROPERTIES ( \n")
		renderProperties(b, t.SerDeProperties)
		b.WriteByte(' ')
	}
}

func renderProperties(b *strings.Builder, properties map[string]string) {
	for i, k := range slices.Sorted(maps.Keys(properties)) {
		if i > 0 {
			b.WriteString(", \n")
		}
		b.WriteString("  " + QuoteHiveString(k) + "=" + QuoteHiveString(properties[k]))
	}
	b.WriteByte(')')
}
