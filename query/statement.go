package query

import (
	"context"
	"os"
	"strings"

	"flowlake/fault"
	"flowlake/query/sql"
)

// text is what a DDL or utility statement answers: lines, under columns that its metadata names.
type text struct {
	columns []string
	lines   []string
}

func (t *text) add(line string) { t.lines = append(t.lines, line) }

// statement runs a DDL or utility statement and writes its answer to file.
func (q *Queries) statement(ctx context.Context, e *Execution, stmt sql.Statement, file string) (out outcome, err error) {
	d := &ddl{q: q, e: e, c: e.as()}
	answer, err := d.run(ctx, stmt)
	if err != nil {
		return out, err
	}
	if err := os.WriteFile(file, []byte(strings.Join(answer.lines, "\n")), 0o600); err != nil {
		return out, fault.Newf(fault.Unavailable, "query result", "%w", err)
	}
	out.file, out.rows = file, int64(len(answer.lines))
	for _, name := range answer.columns {
		out.columns = append(out.columns, ResultColumn{Name: name, Type: "string", Nullable: "UNKNOWN"})
	}
	return out, nil
}

// run does one statement. Each changes the catalogue in one transaction, or not at all.
func (d *ddl) run(ctx context.Context, stmt sql.Statement) (text, error) {
	switch s := stmt.(type) {
	case *sql.CreateDatabase:
		return text{}, d.createDatabase(ctx, s)
	case *sql.DropDatabase:
		return text{}, d.dropDatabase(ctx, s)
	case *sql.CreateTable:
		return text{}, d.createTable(ctx, s)
	case *sql.DropTable:
		return text{}, d.dropTable(ctx, s)
	case *sql.AddPartitions:
		return text{}, d.addPartitions(ctx, s)
	case *sql.DropPartitions:
		return text{}, d.dropPartitions(ctx, s)
	case *sql.RepairTable:
		return d.repair(ctx, s)
	case *sql.CreateView:
		return text{}, d.createView(ctx, s)
	case *sql.DropView:
		return text{}, d.dropView(ctx, s)
	case *sql.ShowDatabases:
		return d.showDatabases(ctx, s)
	case *sql.ShowTables:
		return d.showTables(ctx, s.In, s.Like, false)
	case *sql.ShowViews:
		return d.showTables(ctx, s.In, s.Like, true)
	case *sql.ShowPartitions:
		return d.showPartitions(ctx, s)
	case *sql.ShowColumns:
		return d.showColumns(ctx, s)
	case *sql.ShowCreateTable:
		return d.showCreateTable(ctx, s)
	case *sql.ShowCreateView:
		return d.showCreateView(ctx, s)
	case *sql.ShowProperties:
		return d.showProperties(ctx, s)
	case *sql.Describe:
		return d.describe(ctx, s)
	}
	return text{}, fault.Newf(fault.Unsupported, "query", "flowlake does not run %s yet", substatement(stmt))
}
