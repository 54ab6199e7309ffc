package query

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/query/sql/translate"
)

// informationSchema is the database that tells of the others: schemata, tables, views and columns, which are views over tables
// of the same names behind a "$". Those have a file for each database, made for the query, and are partitioned by it, so
// that who asks about one database reads no other.
//
// Source: Athena user guide, "Query the AWS Glue Data Catalog". Differs from AWS: it does not list itself, and has no other
// tables.
const informationSchema = "information_schema"

// information is one of its tables.
type information struct {
	columns []string                             // of the view, behind the catalogue's and the database's names
	rows    func(tables []catalog.Table) [][]any // string, int64, or nil for NULL
}

var informations = map[string]information{
	"schemata": {nil, func([]catalog.Table) [][]any { return [][]any{{}} }},
	"tables": {[]string{"table_name", "table_type"}, eachTable(func(t catalog.Table) [][]any {
		if t.Kind == catalog.VirtualView {
			return [][]any{{t.Name, "VIEW"}}
		}
		return [][]any{{t.Name, "BASE TABLE"}}
	})},
	"views": {[]string{"table_name", "view_definition"}, eachTable(func(t catalog.Table) [][]any {
		if t.Kind != catalog.VirtualView {
			return nil
		}
		if v, err := decodeView(t); err == nil {
			return [][]any{{t.Name, v.SQL}}
		}
		return [][]any{{t.Name, nil}} // of another kind: nobody here reads its text
	})},
	"columns": {[]string{"table_name", "column_name", "ordinal_position", "column_default", "is_nullable", "data_type", "comment", "extra_info"}, eachTable(func(t catalog.Table) (rows [][]any) {
		for i, c := range slices.Concat(t.Storage.Columns, t.PartitionKeys) {
			var comment, extra any
			if c.Comment != "" {
				comment = c.Comment
			}
			if i >= len(t.Storage.Columns) {
				extra = "partition key"
			}
			rows = append(rows, []any{t.Name, strings.ToLower(c.Name), int64(i + 1), nil, "YES", translate.TypeName(c.Type), comment, extra})
		}
		return rows
	})},
}

func eachTable(rows func(catalog.Table) [][]any) func([]catalog.Table) [][]any {
	return func(tables []catalog.Table) (out [][]any) {
		for _, t := range tables {
			out = append(out, rows(t)...)
		}
		return out
	}
}

// below is the columns of the table that the view reads, all but the database's name.
func (i information) below() []columnar.Column {
	list := []columnar.Column{{Name: "catalog_name", Type: columnar.Type{Kind: columnar.String}}}
	for _, name := range i.columns {
		c := columnar.Column{Name: name, Type: columnar.Type{Kind: columnar.String}}
		if name == "ordinal_position" {
			c.Type.Kind = columnar.BigInt
		}
		list = append(list, c)
	}
	return list
}

// informationRelation is one of its views, or the table below it.
func informationRelation(name string) (translate.Relation, error) {
	bare, table := strings.CutPrefix(name, "$")
	i, ok := informations[bare]
	switch {
	case !ok:
		return translate.Relation{}, fault.Newf(fault.NotFound, "table "+informationSchema+"."+name, "not found")
	case table:
		r := translate.Relation{Keys: []translate.Column{{Name: "schema_name", Type: "string"}}}
		for _, c := range i.below() {
			r.Columns = append(r.Columns, translate.Column{Name: c.Name, Type: c.Type.String()})
		}
		return r, nil
	}
	first := "catalog_name, schema_name"
	if len(i.columns) > 0 {
		first = "catalog_name AS table_catalog, schema_name AS table_schema"
	}
	return translate.Relation{View: "SELECT " + strings.Join(append([]string{first}, i.columns...), ", ") + " FROM " + informationSchema + `."$` + bare + `"`}, nil
}

// information makes the files of one use of such a table, in dir. Databases and tables that the caller may not see are left out.
func (q *Queries) information(ctx context.Context, e *Execution, use translate.Table, dir string) (Scan, error) {
	i := informations[strings.TrimPrefix(use.Name, "$")]
	s := Scan{Name: use.Scan, Format: Parquet, Parameters: map[string]string{}, Keys: []ScanColumn{{Name: "schema_name", Type: "string", Read: len(use.KeysRead) > 0}}}
	for _, c := range i.below() {
		s.Columns = append(s.Columns, ScanColumn{Name: c.Name, Type: c.Type.String(), Read: slices.Contains(use.Read, c.Name)})
	}
	return s, q.catalog.View(ctx, e.as(), func(v *catalog.Snapshot) error {
		for db, err := range v.Databases(ctx, "") {
			if err != nil {
				return err
			}
			if !use.Constraint.Matches([]string{db.Name}) {
				continue
			}
			var tables []catalog.Table
			for t, err := range v.Tables(ctx, catalog.TableFilter{Database: db.Name}) {
				if fault.Is(err, fault.Denied) {
					break
				}
				if err != nil {
					return err
				}
				tables = append(tables, t)
			}
			file := InputFile{Path: filepath.Join(dir, fmt.Sprintf("%s-%d", use.Scan, len(s.Inputs))), URL: informationSchema + "/" + db.Name}
			if file.Size, err = writeRows(file.Path, i.below(), i.rows(tables)); err != nil {
				return err
			}
			s.Inputs = append(s.Inputs, Input{Values: []string{db.Name}, Files: []InputFile{file}})
		}
		return nil
	})
}

// writeRows writes a Parquet file: the catalogue's name in front of each row of strings, int64s and NULLs.
func writeRows(path string, columns []columnar.Column, rows [][]any) (int64, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fault.Newf(fault.Unavailable, "query scratch folder", "%w", err)
	}
	defer file.Close()
	w, err := parquet.NewWriter(file, columns, parquet.Options{})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		w.Column(0).Text([]byte(strings.ToLower(CatalogName)))
		for i, v := range row {
			switch v := v.(type) {
			case string:
				w.Column(i + 1).Text([]byte(v))
			case int64:
				w.Column(i + 1).Int(v)
			}
		}
		w.EndRow()
	}
	stats, err := w.Close()
	if err != nil {
		return 0, err
	}
	return stats.Bytes, file.Close()
}
