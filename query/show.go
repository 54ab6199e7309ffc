package query

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/query/sql"
)

// pattern compiles the pattern of a SHOW statement: Hive's, where * is any run of characters and |
// separates choices, and the ".*" of those who think of regular expressions.
func pattern(s *sql.String) (*regexp.Regexp, error) {
	if s == nil {
		return regexp.MustCompile(""), nil
	}
	text := strings.ReplaceAll(strings.ReplaceAll(s.Value, ".*", "*"), "*", ".*")
	re, err := regexp.Compile("(?i)^(?:" + text + ")$")
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "pattern "+s.Value, "%w", err)
	}
	return re, nil
}

func (d *ddl) showDatabases(ctx context.Context, s *sql.ShowDatabases) (text, error) {
	out := text{columns: []string{"database_name"}}
	like, err := pattern(s.Like)
	if err != nil {
		return out, err
	}
	err = d.q.catalog.View(ctx, d.c, func(v *catalog.Snapshot) error {
		for db, err := range v.Databases(ctx, "") {
			if err != nil {
				return err
			}
			if like.MatchString(db.Name) {
				out.add(db.Name)
			}
		}
		return nil
	})
	return out, err
}

func (d *ddl) showTables(ctx context.Context, in *sql.Name, match *sql.String, views bool) (text, error) {
	out := text{columns: []string{"tab_name"}}
	if views {
		out.columns[0] = "views"
	}
	database, err := d.database(in)
	if err != nil {
		return out, err
	}
	like, err := pattern(match)
	if err != nil {
		return out, err
	}
	err = d.q.catalog.View(ctx, d.c, func(v *catalog.Snapshot) error {
		if _, err := v.Database(ctx, database); err != nil {
			return err
		}
		for t, err := range v.Tables(ctx, catalog.TableFilter{Database: database}) {
			if err != nil {
				return err
			}
			if like.MatchString(t.Name) && (!views || t.Kind == catalog.VirtualView) {
				out.add(t.Name)
			}
		}
		return nil
	})
	return out, err
}

func (d *ddl) showPartitions(ctx context.Context, s *sql.ShowPartitions) (text, error) {
	out := text{columns: []string{"partition"}}
	database, name, err := d.split(s.Table)
	if err != nil {
		return out, err
	}
	err = d.q.catalog.View(ctx, d.c, func(v *catalog.Snapshot) error {
		t, err := v.Table(ctx, database, name)
		if err != nil {
			return err
		}
		if len(t.PartitionKeys) == 0 {
			return fault.Newf(fault.Invalid, "table "+database+"."+name, "is not partitioned")
		}
		filter := catalog.PartitionFilter{}
		if s.Spec != nil {
			wanted, err := specValues(t, *s.Spec, false)
			if err != nil {
				return err
			}
			filter = chosen(t, wanted)
		}
		for p, err := range v.Partitions(ctx, database, name, filter) {
			if err != nil {
				return err
			}
			out.add(partitionPath(t, p.Values))
		}
		return nil
	})
	return out, err
}

// named reads the table or view of a statement.
func (d *ddl) named(ctx context.Context, n sql.Name) (catalog.Table, error) {
	database, name, err := d.split(n)
	if err != nil {
		return catalog.Table{}, err
	}
	return d.q.catalog.Table(ctx, d.c, database, name)
}

func (d *ddl) showColumns(ctx context.Context, s *sql.ShowColumns) (text, error) {
	out := text{columns: []string{"field"}}
	n := s.Table
	if s.In != nil {
		n.Parts = append(slices.Clone(s.In.Parts), n.Last())
	}
	t, err := d.named(ctx, n)
	if err != nil {
		return out, err
	}
	for _, c := range append(slices.Clone(t.Storage.Columns), t.PartitionKeys...) {
		out.add(fmt.Sprintf("%-20s", c.Name))
	}
	return out, nil
}

func (d *ddl) showProperties(ctx context.Context, s *sql.ShowProperties) (text, error) {
	out := text{columns: []string{"prpt_name", "prpt_value"}}
	t, err := d.named(ctx, s.Table)
	if err != nil {
		return out, err
	}
	if s.Key != nil {
		v, ok := t.Parameters[s.Key.Value]
		if !ok {
			return out, fault.Newf(fault.Invalid, "table "+t.Database+"."+t.Name, "does not have the property %s", s.Key.Value)
		}
		out.columns = out.columns[1:]
		out.add(v)
		return out, nil
	}
	for _, k := range slices.Sorted(maps.Keys(t.Parameters)) {
		out.add(k + "\t" + t.Parameters[k])
	}
	return out, nil
}

func (d *ddl) showCreateView(ctx context.Context, s *sql.ShowCreateView) (text, error) {
	out := text{columns: []string{"Create View"}}
	t, err := d.named(ctx, s.Name)
	if err != nil {
		return out, err
	}
	if t.Kind != catalog.VirtualView {
		return out, fault.Newf(fault.Invalid, "table "+t.Database+"."+t.Name, "is not a view: use SHOW CREATE TABLE")
	}
	v, err := decodeView(t)
	if err != nil {
		return out, err
	}
	out.add("CREATE VIEW " + sql.QuoteIdent(t.Database) + "." + sql.QuoteIdent(t.Name) + " AS")
	out.lines = append(out.lines, strings.Split(v.SQL, "\n")...)
	return out, nil
}

// describe answers in Hive's padded columns, which Athena's clients show as they are.
func (d *ddl) describe(ctx context.Context, s *sql.Describe) (text, error) {
	out := text{columns: []string{"col_name", "data_type", "comment"}}
	if s.Mode == sql.DescribeExtended {
		return out, fault.Newf(fault.Unsupported, "query", "flowlake does not do DESCRIBE EXTENDED: DESCRIBE FORMATTED shows the same facts")
	}
	if s.Spec != nil {
		return out, fault.Newf(fault.Unsupported, "query", "flowlake does not describe a single partition: DESCRIBE the table, or glue get-partition")
	}
	t, err := d.named(ctx, s.Table)
	if err != nil {
		return out, err
	}
	line := func(cells ...string) {
		for i, c := range cells {
			cells[i] = fmt.Sprintf("%-20s", c)
		}
		out.add(strings.Join(cells, "\t"))
	}
	columns := func(list []catalog.Column) {
		for _, c := range list {
			line(c.Name, c.Type, c.Comment)
		}
	}
	if len(s.Column) > 0 {
		for _, c := range append(slices.Clone(t.Storage.Columns), t.PartitionKeys...) {
			if c.Name == s.Column[0].Key() && len(s.Column) == 1 {
				columns([]catalog.Column{c})
				return out, nil
			}
		}
		return out, fault.Newf(fault.Invalid, "column "+s.Column[0].Name, "table %s.%s has none of that name", t.Database, t.Name)
	}
	if s.Mode == sql.DescribeFormatted {
		line("# col_name", "data_type", "comment")
		line("", "", "")
	}
	columns(t.Storage.Columns)
	if len(t.PartitionKeys) > 0 {
		columns(t.PartitionKeys) // Hive names them twice
		line("", "", "")
		line("# Partition Information", "", "")
		line("# col_name", "data_type", "comment")
		line("", "", "")
		columns(t.PartitionKeys)
	}
	if s.Mode == sql.DescribeFormatted {
		line("", "", "")
		line("# Detailed Table Information", "", "")
		line("Database:", t.Database, "")
		line("Owner:", t.Owner, "")
		line("CreateTime:", t.Created.Format(time.UnixDate), "")
		line("Location:", t.Storage.Location, "")
		line("Table Type:", t.Kind, "")
		line("Table Parameters:", "", "")
		for _, k := range slices.Sorted(maps.Keys(t.Parameters)) {
			line("", k, t.Parameters[k])
		}
		line("", "", "")
		line("# Storage Information", "", "")
		line("SerDe Library:", t.Storage.SerDe.Library, "")
		line("InputFormat:", t.Storage.InputFormat, "")
		line("OutputFormat:", t.Storage.OutputFormat, "")
		line("Storage Desc Params:", "", "")
		for _, k := range slices.Sorted(maps.Keys(t.Storage.SerDe.Parameters)) {
			line("", k, t.Storage.SerDe.Parameters[k])
		}
	}
	return out, nil
}

// showCreateTable writes the statement that makes the table again: CREATE EXTERNAL TABLE in Hive's
// dialect, as Athena prints it.
func (d *ddl) showCreateTable(ctx context.Context, s *sql.ShowCreateTable) (text, error) {
	out := text{columns: []string{"createtab_stmt"}}
	t, err := d.named(ctx, s.Name)
	if err != nil {
		return out, err
	}
	if t.Kind == catalog.VirtualView {
		return out, fault.Newf(fault.Invalid, "view "+t.Database+"."+t.Name, "is a view: use SHOW CREATE VIEW")
	}
	out.lines = strings.Split(createStatement(t), "\n")
	return out, nil
}
