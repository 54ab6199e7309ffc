package translate_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"flowlake/fault"
	trino "flowlake/query/sql"
	"flowlake/query/sql/translate"
)

// started is what now() answers in all tests.
var started = time.Date(2026, 3, 5, 14, 7, 8, 123_456_000, time.UTC)

var (
	engineOnce sync.Once
	engine     *sql.DB
	engineErr  error
)

// scalar registers one of translate.Scalars with the engine.
type scalar struct{ translate.Scalar }

var duckTypes = map[string]duckdb.Type{"VARCHAR": duckdb.TYPE_VARCHAR, "BIGINT": duckdb.TYPE_BIGINT, "DOUBLE": duckdb.TYPE_DOUBLE,
	"BLOB": duckdb.TYPE_BLOB, "BOOLEAN": duckdb.TYPE_BOOLEAN, "INTEGER": duckdb.TYPE_INTEGER}

func (s scalar) Config() duckdb.ScalarFuncConfig {
	info := func(name string) duckdb.TypeInfo {
		t, err := duckdb.NewTypeInfo(duckTypes[name])
		if err != nil {
			panic(name + ": " + err.Error())
		}
		return t
	}
	c := duckdb.ScalarFuncConfig{ResultTypeInfo: info(s.Result)}
	for _, p := range s.Parameters {
		c.InputTypeInfos = append(c.InputTypeInfos, info(p))
	}
	return c
}

func (s scalar) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(a []driver.Value) (any, error) { return s.Call(a) }}
}

// duck opens the engine once, with the functions and macros that translated SQL needs.
func duck(t testing.TB) *sql.DB {
	t.Helper()
	engineOnce.Do(func() {
		engine, engineErr = sql.Open("duckdb", "")
		if engineErr != nil {
			return
		}
		engine.SetMaxOpenConns(1)
		var conn *sql.Conn
		if conn, engineErr = engine.Conn(context.Background()); engineErr != nil {
			return
		}
		defer conn.Close()
		for _, f := range translate.Scalars {
			if engineErr = duckdb.RegisterScalarUDF(conn, f.Name, scalar{f}); engineErr != nil {
				engineErr = fmt.Errorf("%s: %w", f.Name, engineErr)
				return
			}
		}
		if _, engineErr = conn.ExecContext(context.Background(), translate.Prelude); engineErr != nil {
			return
		}
		_, engineErr = conn.ExecContext(context.Background(), tables)
	})
	if engineErr != nil {
		t.Fatal(engineErr)
	}
	return engine
}

// world is the tables that tests may name; tables makes them in the engine.
type world map[string]translate.Relation

func (w world) Relation(_ context.Context, database, name string) (translate.Relation, error) {
	r, ok := w[database+"."+name]
	if !ok {
		return r, fault.Newf(fault.NotFound, "table "+name, "no such table")
	}
	return r, nil
}

func columns(text string) []translate.Column {
	var out []translate.Column
	for _, c := range strings.Split(text, ";") {
		name, t, _ := strings.Cut(strings.TrimSpace(c), " ")
		out = append(out, translate.Column{Name: name, Type: t})
	}
	return out
}

func plan(t testing.TB, text string) (translate.Plan, error) {
	t.Helper()
	st, err := trino.Parse(text)
	if err != nil {
		return translate.Plan{}, err
	}
	q, ok := st.(*trino.Query)
	if !ok {
		t.Fatalf("%s is not a query", text)
	}
	return translate.Query(context.Background(), q, text, catalog, translate.Options{Database: "db", User: "root", Now: started})
}

// run translates and runs a query; the rows are text, values separated by " | ".
func run(t testing.TB, text string) (rows []string, err error) {
	t.Helper()
	p, err := plan(t, text)
	if err != nil {
		return nil, err
	}
	return runPlan(t, p)
}

func runPlan(t testing.TB, p translate.Plan) (out []string, err error) {
	t.Helper()
	db := duck(t)
	for _, table := range p.Tables {
		source := table.Database + "__" + table.Name
		if _, err := db.Exec(fmt.Sprintf("CREATE OR REPLACE TEMP VIEW %q AS SELECT *, 's3://b/k' AS \"$path\" FROM %q", table.Scan, source)); err != nil {
			return nil, err
		}
	}
	for _, table := range p.Tables {
		if b := table.Barrier; b != nil {
			if _, err := db.Exec(fmt.Sprintf("CREATE OR REPLACE TEMP TABLE %q AS %s", b.Name, b.SQL)); err != nil {
				return nil, err
			}
			if _, err := db.Exec(fmt.Sprintf("DROP VIEW %q", table.Scan)); err != nil {
				return nil, err
			}
		}
	}
	return runScans(t, p)
}

// runScans runs a plan whose scans have their views already.
func runScans(t testing.TB, p translate.Plan) (out []string, err error) {
	t.Helper()
	rows, err := duck(t).Query(p.SQL)
	if err != nil {
		return nil, fmt.Errorf("%w\nin %s", err, p.SQL)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	for i, c := range p.Columns {
		if want := engineType(c.Trino); want != "" && types[i].DatabaseTypeName() != want {
			t.Errorf("column %s is %s in the engine, and as a %s should be %s\nin %s", c.Name, types[i].DatabaseTypeName(), c.Trino, want, p.SQL)
		}
	}
	for rows.Next() {
		values := make([]any, len(p.Columns))
		to := make([]any, len(values))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = show(v, p.Columns[i].Trino)
		}
		out = append(out, strings.Join(texts, " | "))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%w\nin %s", err, p.SQL)
	}
	return out, nil
}

// engineType is what a result column of a Trino type has to be in the engine; "" is not checked.
func engineType(trinoType string) string {
	if elem, ok := strings.CutPrefix(trinoType, "array("); ok {
		if in := engineType(strings.TrimSuffix(elem, ")")); in != "" {
			return in + "[]"
		}
		return ""
	}
	switch name, _, _ := strings.Cut(trinoType, "("); name {
	case "boolean", "tinyint", "smallint", "integer", "bigint", "double", "date":
		return strings.ToUpper(name)
	case "decimal":
		return strings.ToUpper(trinoType)
	case "real":
		return "FLOAT"
	case "varbinary":
		return "BLOB"
	case "", "row", "map", "unknown":
		return ""
	}
	if trinoType == "timestamp(3)" {
		return "TIMESTAMP"
	}
	return "VARCHAR"
}

// show spells a value roughly as Athena's CSV does.
func show(v any, trinoType string) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return fmt.Sprintf("%x", x)
	case time.Time:
		switch {
		case trinoType == "date":
			return x.Format("2006-01-02")
		default:
			return x.Format("2006-01-02 15:04:05.000")
		}
	case float64:
		return fmt.Sprintf("%g", x)
	case float32:
		return fmt.Sprintf("%g", x)
	case duckdb.Decimal:
		s := x.Value.String()
		neg := strings.HasPrefix(s, "-")
		s = strings.TrimPrefix(s, "-")
		if x.Scale > 0 {
			for len(s) <= int(x.Scale) {
				s = "0" + s
			}
			s = s[:len(s)-int(x.Scale)] + "." + s[len(s)-int(x.Scale):]
		}
		if neg {
			s = "-" + s
		}
		return s
	case []any:
		parts := make([]string, len(x))
		elem := strings.TrimSuffix(strings.TrimPrefix(trinoType, "array("), ")")
		for i, e := range x {
			parts[i] = show(e, elem)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case duckdb.OrderedMap:
		var parts []string
		keys, values := x.Keys(), x.Values()
		for i := range keys {
			parts = append(parts, show(keys[i], "")+"="+show(values[i], ""))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case map[string]any:
		var parts []string
		for i := 0; ; i++ {
			v, ok := x[fmt.Sprintf("field%d", i)]
			if !ok {
				break
			}
			parts = append(parts, show(v, ""))
		}
		if len(parts) == 0 {
			return fmt.Sprint(x)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(x)
	}
}

// message is an error as the engine's caller shows it: without the engine's own words.
func message(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\nin ")
	for _, cut := range []string{"database/sql/driver: API error: ", "Invalid Input Error: "} {
		if _, after, ok := strings.Cut(text, cut); ok {
			text = after
		}
	}
	return strings.TrimSpace(text)
}
