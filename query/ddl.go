package query

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/query/sql"
)

// ddl is one statement's work on the catalogue, as its caller.
type ddl struct {
	q *Queries
	e *Execution
	c access.Caller
}

// split returns the database and the name that a dotted name stands for.
func (d *ddl) split(n sql.Name) (database, name string, err error) {
	if len(n.Parts) > 3 || len(n.Parts) == 3 && !strings.EqualFold(n.Parts[0].Name, CatalogName) {
		return "", "", fault.Newf(fault.Invalid, "query", "%s: there is no data catalog but %s", n, CatalogName)
	}
	if database = n.Qualifier(); database == "" {
		database = d.e.database()
	}
	return database, n.Last().Key(), nil
}

// database returns the database that a statement names, or the execution's.
func (d *ddl) database(n *sql.Name) (string, error) {
	if n == nil {
		return d.e.database(), nil
	}
	if len(n.Parts) > 2 || len(n.Parts) == 2 && !strings.EqualFold(n.Parts[0].Name, CatalogName) {
		return "", fault.Newf(fault.Invalid, "query", "%s is not a database's name", n)
	}
	return n.Last().Key(), nil
}

func properties(list []sql.Property) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, p := range list {
		m[p.Key.Value] = p.Value.Value
	}
	return m
}

func value(s *sql.String) string {
	if s == nil {
		return ""
	}
	return s.Value
}

func (d *ddl) createDatabase(ctx context.Context, s *sql.CreateDatabase) error {
	name, err := d.database(&s.Name)
	if err != nil {
		return err
	}
	db := catalog.Database{Name: name, Description: value(s.Comment), Location: value(s.Location), Parameters: properties(s.Properties)}
	if db.Location != "" {
		if _, _, err := lake.ParseURL(db.Location); err != nil {
			return err
		}
	}
	if s.IfNotExists {
		_, err = d.q.catalog.EnsureDatabase(ctx, d.c, db)
		return err
	}
	return d.q.catalog.CreateDatabase(ctx, d.c, db)
}

func (d *ddl) dropDatabase(ctx context.Context, s *sql.DropDatabase) error {
	name, err := d.database(&s.Name)
	if err != nil {
		return err
	}
	err = d.q.catalog.Edit(ctx, d.c, func(e *catalog.Edit) error {
		if !s.Cascade {
			if _, err := e.Database(ctx, name); err != nil {
				return err
			}
			for t, err := range e.Tables(ctx, catalog.TableFilter{Database: name}) {
				if err != nil {
					return err
				}
				return fault.Newf(fault.Invalid, "database "+name, "is not empty: it has the table %s, and maybe more; use DROP DATABASE %s CASCADE", t.Name, name)
			}
			if empty, err := e.Empty(name); err != nil || !empty { // of tables that the caller may not know of
				return errors.Join(err, fault.Newf(fault.Invalid, "database "+name, "is not empty: use DROP DATABASE %s CASCADE", name))
			}
		}
		return e.DeleteDatabase(ctx, name)
	})
	if s.IfExists && fault.Is(err, fault.NotFound) && fault.HasNoun(err, "database") {
		return nil
	}
	return err
}

func (d *ddl) createTable(ctx context.Context, s *sql.CreateTable) error {
	database, name, err := d.split(s.Name)
	if err != nil {
		return err
	}
	t, err := tableOf(s, database, name)
	if err != nil {
		return err
	}
	t.Parameters["transient_lastDdlTime"] = strconv.FormatInt(time.Now().Unix(), 10)
	if s.IfNotExists {
		_, _, err = d.q.catalog.EnsureTable(ctx, d.c, t)
		return err
	}
	_, err = d.q.catalog.CreateTable(ctx, d.c, t)
	return err
}

// tableOf is the table that a CREATE EXTERNAL TABLE describes.
func tableOf(s *sql.CreateTable, database, name string) (catalog.Table, error) {
	t := catalog.Table{
		Database: database, Name: name, Kind: catalog.ExternalTable, Owner: "hadoop",
		Storage:       catalog.Storage{Columns: columnsOf(s.Columns)},
		PartitionKeys: columnsOf(s.PartitionedBy),
		Parameters:    map[string]string{},
	}
	switch {
	case s.Buckets != nil:
		return t, fault.Newf(fault.Unsupported, "query", "flowlake does not do CLUSTERED BY")
	case s.Location == nil:
		return t, fault.Newf(fault.Invalid, "query", "no location was specified for table %s.%s: add LOCATION 's3://bucket/prefix/'", database, name)
	case len(s.Columns) == 0:
		return t, fault.Newf(fault.Invalid, "query", "table %s.%s has no columns", database, name)
	}
	if _, _, err := lake.ParseURL(s.Location.Value); err != nil {
		return t, err
	}
	t.Storage.Location = s.Location.Value
	maps.Copy(t.Parameters, properties(s.Properties))
	t.Parameters["EXTERNAL"] = "TRUE"
	if s.Comment != nil {
		t.Parameters["comment"] = s.Comment.Value
	}
	if err := storedAs(s, &t.Storage); err != nil {
		return t, err
	}
	_, err := formatOf(t)
	return t, err
}

func columnsOf(defs []sql.ColumnDef) []catalog.Column {
	var out []catalog.Column
	for _, c := range defs {
		out = append(out, catalog.Column{Name: c.Name.Key(), Type: c.Type.FormatHive(), Comment: value(c.Comment)})
	}
	return out
}

// The classes of the storage formats, as Hive names them in a table's definition.
const (
	textInput     = "org.apache.hadoop.mapred.TextInputFormat"
	textOutput    = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
	parquetInput  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
	parquetOutput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
	parquetSerDe  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
	lazySerDe     = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
	jsonSerDe     = "org.apache.hive.hcatalog.data.JsonSerDe"
)

// storedAs fills in what ROW FORMAT and STORED AS say.
func storedAs(s *sql.CreateTable, st *catalog.Storage) error {
	st.InputFormat, st.OutputFormat, st.SerDe.Library = textInput, textOutput, lazySerDe
	if f := s.StoredAs; f != nil {
		switch f.Format {
		case "":
			st.InputFormat, st.OutputFormat = value(f.Input), value(f.Output)
		case "TEXTFILE":
		case "PARQUET", "PARQUETFILE":
			st.InputFormat, st.OutputFormat, st.SerDe.Library = parquetInput, parquetOutput, parquetSerDe
		case "JSONFILE":
			st.SerDe.Library = jsonSerDe
		default:
			return fault.Newf(fault.Unsupported, "query", "flowlake does not read tables STORED AS %s: TEXTFILE, PARQUET and JSONFILE it does", f.Format)
		}
	}
	r := s.RowFormat
	if r == nil {
		if st.SerDe.Library == lazySerDe {
			st.SerDe.Parameters = map[string]string{"serialization.format": "1"}
		}
		return nil
	}
	if r.SerDe != nil {
		st.SerDe.Library, st.SerDe.Parameters = r.SerDe.Value, properties(r.Properties)
		if st.SerDe.Parameters == nil {
			st.SerDe.Parameters = map[string]string{"serialization.format": "1"}
		}
		return nil
	}
	if st.SerDe.Library != lazySerDe {
		return fault.Newf(fault.Invalid, "query", "ROW FORMAT DELIMITED is for text: it does not go with STORED AS %s", s.StoredAs.Format)
	}
	p := map[string]string{"serialization.format": "1"}
	for key, v := range map[string]*sql.String{
		"field.delim": r.Fields, "escape.delim": r.Escaped, "colelction.delim": r.Collections, // Hive's spelling
		"mapkey.delim": r.MapKeys, "line.delim": r.Lines, "serialization.null.format": r.Null,
	} {
		if v != nil {
			p[key] = v.Value
		}
	}
	if r.Fields != nil {
		p["serialization.format"] = r.Fields.Value
	}
	st.SerDe.Parameters = p
	return nil
}

func (d *ddl) dropTable(ctx context.Context, s *sql.DropTable) error {
	return d.drop(ctx, s.Name, s.IfExists, catalog.ExternalTable)
}

func (d *ddl) dropView(ctx context.Context, s *sql.DropView) error {
	return d.drop(ctx, s.Name, s.IfExists, catalog.VirtualView)
}

// drop removes a table or a view, and not the one for the other.
func (d *ddl) drop(ctx context.Context, n sql.Name, ifExists bool, kind string) error {
	database, name, err := d.split(n)
	if err != nil {
		return err
	}
	err = d.q.catalog.Edit(ctx, d.c, func(e *catalog.Edit) error {
		t, err := e.Table(ctx, database, name)
		if err != nil {
			return err
		}
		if isView := t.Kind == catalog.VirtualView; isView != (kind == catalog.VirtualView) {
			if isView {
				return fault.Newf(fault.Invalid, "view "+database+"."+name, "is a view: use DROP VIEW")
			}
			return fault.Newf(fault.Invalid, "table "+database+"."+name, "is a table: use DROP TABLE")
		}
		return e.DeleteTable(ctx, database, name)
	})
	if ifExists && fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
