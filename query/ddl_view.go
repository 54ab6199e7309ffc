package query

import (
	"context"
	"strings"

	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/query/sql"
	"flowlake/query/sql/translate"
)

// createView checks the view's query as a SELECT would be, and keeps its text: a view that cannot be
// queried is never made.
func (d *ddl) createView(ctx context.Context, s *sql.CreateView) error {
	database, name, err := d.split(s.Name)
	if err != nil {
		return err
	}
	tables := d.q.relations(d.e)
	plan, err := translate.Query(ctx, s.Query, d.e.Text, tables, d.e.options())
	if err != nil {
		return tables.explain(ctx, d.e, err)
	}
	if _, own := tables.seen[[2]string{database, name}]; own {
		return fault.Newf(fault.Invalid, "INVALID_VIEW", "Statement would create a recursive view: %s.%s reads itself", database, name)
	}
	v := view{SQL: s.Query.Of(d.e.Text), Catalog: strings.ToLower(CatalogName), Database: d.e.database()}
	if len(s.Columns) > 0 {
		if len(s.Columns) != len(plan.Columns) {
			return fault.Newf(fault.Invalid, "view "+database+"."+name, "names %d columns, its query has %d", len(s.Columns), len(plan.Columns))
		}
		names := make([]string, len(s.Columns))
		for i, c := range s.Columns {
			plan.Columns[i].Name = c.Key()
			names[i] = sql.QuoteIdent(c.Key())
		}
		v.SQL = "SELECT * FROM (" + v.SQL + "\n) AS " + sql.QuoteIdent(name) + " (" + strings.Join(names, ", ") + ")"
	}
	t := catalog.Table{
		Database: database, Name: name, Kind: catalog.VirtualView, Description: value(s.Comment),
		Parameters:       map[string]string{"presto_view": "true", "comment": "Presto View"},
		ViewExpandedText: "/* Presto View */",
	}
	seen := map[string]bool{}
	for _, c := range plan.Columns {
		if seen[c.Name] {
			return fault.Newf(fault.Invalid, "view "+database+"."+name, "has the column %s twice: give one an alias", c.Name)
		}
		seen[c.Name] = true
		v.Columns = append(v.Columns, viewColumn{Name: c.Name, Type: c.Trino})
		t.Storage.Columns = append(t.Storage.Columns, catalog.Column{Name: c.Name, Type: hiveType(c.Trino)})
	}
	if t.ViewOriginalText, err = encodeView(v); err != nil {
		return err
	}
	return d.q.catalog.Edit(ctx, d.c, func(e *catalog.Edit) error {
		old, err := e.Table(ctx, database, name)
		switch {
		case fault.Is(err, fault.NotFound) && !fault.HasNoun(err, "database"):
			_, err = e.CreateTable(ctx, t)
			return err
		case err != nil:
			return err
		case old.Kind != catalog.VirtualView:
			return fault.Newf(fault.Exists, "table "+database+"."+name, "is a table: a view cannot take its name")
		case !s.OrReplace:
			return fault.Newf(fault.Exists, "view "+database+"."+name, "exists already: use CREATE OR REPLACE VIEW")
		}
		_, err = e.UpdateTable(ctx, t, "")
		return err
	})
}

// hiveType spells a Trino type as the catalogue does, for those who read a view's columns there. What
// Hive has no word for is a string to it; a query never depends on this.
func hiveType(trino string) string {
	stmt, err := sql.Parse("SELECT CAST(NULL AS " + trino + ")")
	if err != nil {
		return "string"
	}
	hive := "string"
	sql.Walk(stmt, func(n sql.Node) bool {
		if c, ok := n.(*sql.Cast); ok {
			hive = spellHive(c.Type)
		}
		return true
	})
	return hive
}

func spellHive(t *sql.Type) string {
	switch t.Name {
	case "array":
		if len(t.Elems) == 1 {
			return "array<" + spellHive(t.Elems[0]) + ">"
		}
	case "map":
		if len(t.Elems) == 2 {
			return "map<" + spellHive(t.Elems[0]) + "," + spellHive(t.Elems[1]) + ">"
		}
	case "row":
		var fields []string
		for _, f := range t.Fields {
			if f.Name == nil {
				return "string"
			}
			fields = append(fields, f.Name.Key()+":"+spellHive(f.Type))
		}
		return "struct<" + strings.Join(fields, ",") + ">"
	case "integer":
		return "int"
	case "real":
		return "float"
	case "varbinary":
		return "binary"
	case "timestamp":
		return "timestamp"
	case "varchar":
		if len(t.Params) == 0 {
			return "string"
		}
		return t.FormatHive()
	case "boolean", "tinyint", "smallint", "bigint", "double", "date", "decimal", "char":
		return t.FormatHive()
	}
	return "string"
}
