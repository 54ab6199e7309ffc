package translate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/query/sql/translate"
)

// keyed is a partitioned table for every type of key. k is the key and n the number of the partition, which
// the engine's table has beside it; each partition holds two rows.
var keyed = map[string][]string{
	"string": {"2022-08-09", "2022-8-9", "08", "8", "", " a", "a ", "A", "a", "US-East-1", "us-east-1", "é日本", "%", "a_b", hiveNull},
	"int":    {"0", "8", "08", "-1", "+7", "2147483647", "-2147483648", "10", hiveNull},
	"bigint": {"0", "8", "1661731200", "-9223372036854775808", "9223372036854775807", hiveNull},
	"date":   {"2022-08-09", "2022-8-9", "2022-08-31", "2022-12-31", "2024-02-29", "1969-12-31", "2026-03-05", hiveNull},
	"timestamp": {"2022-08-09 00:00:00", "2022-08-09 23:59:59.999", "2022-8-9 10:00:00", "2022-08-31", "1969-12-31 23:59:59.5",
		"2024-02-29 12:30:00", hiveNull},
}

const hiveNull = "__HIVE_DEFAULT_PARTITION__"

var keyedTypes = []string{"string", "int", "bigint", "date", "timestamp"}

// keyedTables makes the engine's side of keyed: the key as the engine reads it from the catalogue's text.
func keyedTables() string {
	var b strings.Builder
	for _, t := range keyedTypes {
		catalog["db.by_"+t] = translate.Relation{Columns: columns("v int; w string; n int"), Keys: columns("k " + t)}
		engine := map[string]string{"string": "VARCHAR", "int": "INTEGER"}[t]
		if engine == "" {
			engine = strings.ToUpper(t)
		}
		fmt.Fprintf(&b, "CREATE OR REPLACE TABLE by_%s (v INTEGER, w VARCHAR, k %s, n INTEGER);\n", t, engine)
		for n, text := range keyed[t] {
			value := "'" + text + "'"
			if text == hiveNull {
				value = "NULL"
			}
			for v := range 2 {
				fmt.Fprintf(&b, "INSERT INTO by_%s VALUES (%d, 'w%d', CAST(%s AS %s), %d);\n", t, v, n%3, value, engine, n)
			}
		}
	}
	return b.String()
}

// keyExpr draws an expression over the key column, of the kind that is asked for.
type keyExpr struct {
	t    *rapid.T
	kind string // its type
}

func (g keyExpr) pick(label string, list ...string) string {
	return rapid.SampledFrom(list).Draw(g.t, label)
}

func (g keyExpr) integer(depth int) string {
	forms := []string{"literal"}
	if g.kind == "int" || g.kind == "bigint" {
		forms = append(forms, "key", "key", "key")
	}
	if depth > 0 {
		forms = append(forms, "length", "arithmetic", "minus", "if", "coalesce", "nullif", "abs", "cast")
		if g.kind == "date" || g.kind == "timestamp" {
			forms = append(forms, "part", "part", "diff")
		}
	}
	switch g.pick("integer", forms...) {
	case "key":
		return "k"
	case "length":
		return g.pick("length", "length(", "strpos('a-8', ", "codepoint('a') + length(") + g.text(depth-1) + ")"
	case "arithmetic":
		return "(" + g.integer(depth-1) + g.pick("op", " + ", " - ", " * ", " / ", " % ") + g.integer(depth-1) + ")"
	case "minus":
		return "(-" + g.integer(depth-1) + ")"
	case "if":
		return "if(" + g.condition(depth-1) + ", " + g.integer(depth-1) + ", " + g.integer(depth-1) + ")"
	case "coalesce":
		return "coalesce(" + g.integer(depth-1) + ", 8)"
	case "nullif":
		return "nullif(" + g.integer(depth-1) + ", 8)"
	case "abs":
		return "abs(" + g.integer(depth-1) + ")"
	case "cast":
		return g.pick("cast", "TRY_CAST(", "CAST(") + g.text(depth-1) + " AS " + g.pick("to", "integer", "bigint", "smallint") + ")"
	case "part":
		return g.pick("part", "year(", "month(", "day(", "day_of_week(", "quarter(", "week(", "day_of_year(", "extract(YEAR FROM ") + g.moment(depth-1) + ")"
	case "diff":
		return "date_diff('" + g.pick("unit", "day", "month", "year") + "', " + g.moment(depth-1) + ", " + g.moment(depth-1) + ")"
	}
	return g.pick("n", "0", "8", "7", "-1", "10", "2022", "NULL", "1661731200")
}

func (g keyExpr) text(depth int) string {
	forms := []string{"literal"}
	if g.kind == "string" {
		forms = append(forms, "key", "key", "key")
	}
	if depth > 0 {
		forms = append(forms, "case", "substr", "concat", "if", "coalesce", "nullif", "trim", "replace", "lpad", "split", "cast", "regexp", "max")
		if g.kind == "date" || g.kind == "timestamp" {
			forms = append(forms, "format", "format")
		}
	}
	switch g.pick("text", forms...) {
	case "key":
		return "k"
	case "case":
		return g.pick("case", "lower(", "upper(", "reverse(", "trim(") + g.text(depth-1) + ")"
	case "substr":
		return "substr(" + g.text(depth-1) + ", " + g.pick("from", "1", "2", "0", "-2") + g.pick("for", "", ", 1", ", 4") + ")"
	case "concat":
		return "(" + g.text(depth-1) + " || " + g.text(depth-1) + ")"
	case "if":
		return "CASE WHEN " + g.condition(depth-1) + " THEN " + g.text(depth-1) + " ELSE " + g.text(depth-1) + " END"
	case "coalesce":
		return "coalesce(" + g.text(depth-1) + ", 'a')"
	case "nullif":
		return "nullif(" + g.text(depth-1) + ", 'a')"
	case "trim":
		return g.pick("trim", "ltrim(", "rtrim(", "trim(") + g.text(depth-1) + ")"
	case "replace":
		return "replace(" + g.text(depth-1) + ", '-', '')"
	case "lpad":
		return "lpad(" + g.text(depth-1) + ", " + g.pick("width", "2", "3", "12") + ", " + g.pick("fill", "'0'", "'ab'", "'é'") + ")"
	case "split":
		return "split_part(" + g.text(depth-1) + ", '-', " + g.pick("index", "1", "2") + ")"
	case "cast":
		if g.kind == "date" || g.kind == "timestamp" {
			return "CAST(" + g.moment(depth-1) + " AS " + g.pick("to", "varchar", "varchar(10)", "varchar(30)") + ")"
		}
		return "CAST(" + g.integer(depth-1) + " AS varchar)"
	case "regexp":
		return "regexp_extract(" + g.text(depth-1) + `, '\d+')`
	case "max":
		return "greatest(" + g.text(depth-1) + ", 'a')"
	case "format":
		return "date_format(" + g.moment(depth-1) + ", '" + g.pick("format", "%Y-%m-%d", "%m", "%e", "%H", "%j", "%Y%m%d") + "')"
	}
	return g.pick("s", "''", "'a'", "'A'", "' a'", "'08'", "'8'", "'2022-08-09'", "'2022-8-9'", "'us-east-1'", "'é日本'", "'%'", "CAST(NULL AS varchar)")
}

func (g keyExpr) moment(depth int) string {
	forms := []string{"literal"}
	if g.kind == "date" || g.kind == "timestamp" {
		forms = append(forms, "key", "key", "key")
	}
	if depth > 0 {
		forms = append(forms, "plus", "add", "trunc", "cast", "parse", "mysql", "zone", "unix")
	}
	switch g.pick("moment", forms...) {
	case "key":
		return "k"
	case "plus":
		return "(" + g.moment(depth-1) + g.pick("sign", " + ", " - ") + "INTERVAL '" + g.pick("count", "1", "-1", "12", "31") + "' " + g.pick("unit", "DAY", "MONTH", "YEAR", "DAY") + ")"
	case "add":
		return "date_add('" + g.pick("unit", "day", "month", "week", "year") + "', " + g.pick("count", "1", "-1", "13") + ", " + g.moment(depth-1) + ")"
	case "trunc":
		return "date_trunc('" + g.pick("unit", "day", "month", "week", "year") + "', " + g.moment(depth-1) + ")"
	case "cast":
		return "CAST(" + g.moment(depth-1) + " AS " + g.pick("to", "date", "timestamp", "date") + ")"
	case "parse":
		return g.pick("parse", "TRY_CAST(", "CAST(") + g.text(depth-1) + " AS " + g.pick("to", "date", "timestamp", "timestamp(0)") + ")"
	case "mysql":
		return "date_parse(" + g.text(depth-1) + ", '" + g.pick("format", "%Y-%m-%d", "%Y-%m-%d", "%Y%m%d", "%d", "%Y-%m-%d %H:%i:%s") + "')"
	case "zone":
		return "CAST(from_unixtime(" + g.integer(depth-1) + g.pick("zone", "", ", 'Asia/Seoul'") + ") AS " + g.pick("to", "date", "timestamp") + ")"
	case "unix":
		return "CAST(" + g.pick("at", "current_timestamp", "current_timestamp AT TIME ZONE 'America/New_York'", "now()") + " AS date)"
	}
	return g.pick("d", "DATE '2022-08-09'", "DATE '2022-08-31'", "TIMESTAMP '2022-08-09 10:00:00'", "DATE '2024-02-29'", "current_date", "CAST(NULL AS date)", "TIMESTAMP '1969-12-31 23:59:59.500'")
}

func (g keyExpr) condition(depth int) string {
	forms := []string{"compare", "compare", "in", "between", "null"}
	if depth > 0 {
		forms = append(forms, "and", "or", "not", "like", "is", "case", "distinct", "regexp", "data")
	}
	value := func() string { return g.moment(max(0, depth-1)) }
	switch {
	case g.kind == "string":
		value = func() string { return g.text(depth) }
	case g.kind == "int" || g.kind == "bigint":
		value = func() string { return g.integer(depth) }
	}
	if depth > 0 {
		switch g.pick("of", "key", "key", "text", "integer") {
		case "text":
			value = func() string { return g.text(depth - 1) }
		case "integer":
			value = func() string { return g.integer(depth - 1) }
		}
	}
	switch g.pick("condition", forms...) {
	case "in":
		return "(" + value() + g.pick("in", " IN ", " NOT IN ") + "(" + value() + ", " + value() + "))"
	case "between":
		return "(" + value() + g.pick("between", " BETWEEN ", " NOT BETWEEN ") + value() + " AND " + value() + ")"
	case "null":
		return "(" + value() + g.pick("null", " IS NULL", " IS NOT NULL") + ")"
	case "and":
		return "(" + g.condition(depth-1) + " AND " + g.condition(depth-1) + ")"
	case "or":
		return "(" + g.condition(depth-1) + " OR " + g.condition(depth-1) + ")"
	case "not":
		return "(NOT " + g.condition(depth-1) + ")"
	case "like":
		return "(" + g.text(depth-1) + g.pick("like", " LIKE ", " NOT LIKE ") + g.pick("pattern", "'%a%'", "'_'", "'2022-%'", "'us\\_%' ESCAPE '\\'", "'\\%' ESCAPE '\\'", "''", "'08'") + ")"
	case "is":
		return "(" + g.condition(depth-1) + g.pick("is", " = ", " <> ", " IS DISTINCT FROM ") + g.condition(depth-1) + ")"
	case "case":
		return "CASE WHEN " + g.condition(depth-1) + " THEN " + g.condition(depth-1) + " END"
	case "distinct":
		return "(" + value() + g.pick("distinct", " IS DISTINCT FROM ", " IS NOT DISTINCT FROM ") + value() + ")"
	case "regexp":
		return "regexp_like(" + g.text(depth-1) + ", '" + g.pick("pattern", "^a", "8", "(?i)us") + "')"
	case "data":
		return "(v = 1)"
	}
	return "(" + value() + g.pick("op", " = ", " <> ", " < ", " <= ", " > ", " >= ") + value() + ")"
}

// keyedQueries are the places where a condition on a key can stand: %[1]s is the table, %[2]s a condition that names the
// key as k, %[3]s another.
var keyedQueries = []string{
	"SELECT * FROM %[1]s WHERE %[2]s",
	"SELECT k, v FROM %[1]s WHERE %[2]s AND %[3]s",
	"SELECT count(*), max(k) FROM %[1]s WHERE %[2]s",
	"SELECT w, count(*) FROM %[1]s WHERE %[2]s GROUP BY w HAVING count(*) > 1",
	"SELECT k, count(*) AS n FROM %[1]s GROUP BY k HAVING %[2]s AND count(*) > 0",
	"SELECT * FROM (SELECT k, sum(v) AS v FROM %[1]s GROUP BY k) WHERE %[2]s",
	"SELECT * FROM (SELECT k, sum(v) AS v FROM %[1]s GROUP BY ROLLUP (k)) WHERE %[2]s",
	"SELECT * FROM (SELECT k, w, sum(v) AS v FROM %[1]s GROUP BY GROUPING SETS ((k, w), (w))) WHERE %[2]s",
	"SELECT * FROM (SELECT k, v, count(*) OVER (PARTITION BY w) AS n FROM %[1]s) WHERE %[2]s",
	"SELECT * FROM (SELECT DISTINCT k, v FROM %[1]s) WHERE %[2]s",
	"SELECT * FROM (SELECT k, v FROM %[1]s ORDER BY k, v, w LIMIT 5) WHERE %[2]s",
	"SELECT * FROM (SELECT k, v FROM %[1]s UNION ALL SELECT k, v FROM %[1]s) WHERE %[2]s",
	"SELECT * FROM (SELECT k, v FROM %[1]s WHERE %[2]s EXCEPT SELECT k, v FROM %[1]s WHERE %[3]s)",
	"WITH q AS (SELECT * FROM %[1]s) SELECT * FROM q WHERE %[2]s",
	"WITH q AS (SELECT * FROM %[1]s), unused AS (SELECT * FROM q WHERE %[3]s) SELECT * FROM q WHERE %[2]s",
	"WITH q AS (SELECT * FROM %[1]s) SELECT count(*) FROM q WHERE %[2]s UNION ALL SELECT count(*) FROM q WHERE %[3]s",
	"WITH q AS (SELECT * FROM %[1]s), r AS (SELECT * FROM q WHERE %[2]s) SELECT (SELECT count(*) FROM r), (SELECT count(*) FROM r WHERE %[3]s)",
	"SELECT a.x, l.v FROM a LEFT JOIN (SELECT * FROM %[1]s WHERE %[3]s) AS l ON a.x = l.v AND %[2]s",
	"SELECT a.x, k FROM a LEFT JOIN %[1]s ON x = v WHERE %[2]s",
	"SELECT k, a.x FROM %[1]s LEFT JOIN a ON x = v AND %[2]s",
	"SELECT k, a.x FROM %[1]s RIGHT JOIN a ON x = v AND %[2]s",
	"SELECT k, a.x FROM %[1]s FULL JOIN a ON x = v AND v = 1 WHERE %[2]s",
	"SELECT k, a.x FROM %[1]s JOIN a ON x = v AND %[2]s LEFT JOIN c ON a.x = c.x AND %[3]s",
	"SELECT k, c.x FROM (%[1]s LEFT JOIN a ON x = v) RIGHT JOIN c ON c.x = v AND %[2]s",
	"SELECT k, l.v, r.v FROM %[1]s l JOIN %[1]s r USING (k) WHERE %[2]s",
	"SELECT k, l.v, r.v FROM %[1]s l LEFT JOIN (SELECT * FROM %[1]s WHERE v = 1) r USING (k) WHERE %[2]s",
	"SELECT k, l.v, r.v FROM (SELECT * FROM %[1]s WHERE %[3]s) l FULL JOIN (SELECT * FROM %[1]s WHERE v = 1) r USING (k) WHERE %[2]s",
	"SELECT w FROM a LEFT JOIN (SELECT k, w, 1 AS one FROM %[1]s) ON one = x WHERE %[2]s",
	"SELECT k FROM %[1]s WHERE NOT EXISTS (SELECT 1 FROM a WHERE x > 1 AND %[2]s)",
	"SELECT k FROM %[1]s WHERE v IN (SELECT x FROM a WHERE %[2]s) OR %[3]s",
	"SELECT k, (SELECT count(*) FROM a WHERE %[2]s) FROM %[1]s",
	"SELECT k, l.m FROM %[1]s CROSS JOIN LATERAL (SELECT count(*) AS m FROM a WHERE %[2]s) l WHERE %[3]s",
	"SELECT k, e FROM %[1]s CROSS JOIN UNNEST(ARRAY[1, 2]) AS u(e) WHERE %[2]s AND e = 1",
	"SELECT count(*) FILTER (WHERE %[2]s), count(*) FROM %[1]s",
	"SELECT x FROM a WHERE x NOT IN (SELECT v FROM %[1]s WHERE %[2]s)",
	"SELECT k FROM (SELECT w, v, k AS z, w AS k FROM by_string) WHERE k = 'w1' AND z = 'a'",
	"SELECT max(v) FROM %[1]s HAVING count(*) FILTER (WHERE %[2]s) > 1",
}

// TestPruningLosesNoRow runs random queries over all partitions, and over those only that their constraints take.
func TestPruningLosesNoRow(t *testing.T) {
	db := duck(t)
	if _, err := db.Exec(keyedTables()); err != nil {
		t.Fatal(err)
	}
	defer forgetKeyed()
	pruned, compared := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(keyedTypes).Draw(rt, "type")
		g := keyExpr{rt, kind}
		text := rapid.SampledFrom(keyedQueries).Draw(rt, "query")
		text = strings.NewReplacer("%[1]s", "by_"+kind, "%[2]s", g.condition(2), "%[3]s", g.condition(1)).Replace(text)
		p, err := plan(t, text)
		if err != nil {
			return // a type or a function that does not fit
		}
		run := func(prune bool) ([]string, error) {
			for _, table := range p.Tables {
				partition := "true"
				from := "db__" + table.Name
				if of := strings.TrimPrefix(table.Name, "by_"); of != table.Name {
					from = table.Name
					var ns []string
					for n, value := range keyed[of] {
						if !prune || table.Constraint.Matches([]string{value}) {
							ns = append(ns, fmt.Sprint(n))
						}
					}
					if len(ns) < len(keyed[of]) {
						pruned++
					}
					partition = "n IN (" + strings.Join(append(ns, "-1"), ", ") + ")"
				}
				if _, err := db.Exec(fmt.Sprintf("CREATE OR REPLACE TEMP VIEW %q AS SELECT *, 's3://b/k' AS \"$path\" FROM %q WHERE %s", table.Scan, from, partition)); err != nil {
					rt.Fatal(err)
				}
			}
			rows, err := runScans(t, p)
			slices.Sort(rows)
			return rows, err
		}
		all, err := run(false)
		if err != nil {
			return // the query fails, and need not fail over fewer partitions
		}
		compared++
		some, err := run(true)
		if err != nil {
			rt.Fatalf("%s fails when partitions are left out: %v", text, err)
		}
		if !slices.Equal(all, some) {
			rt.Fatalf("%s\nover all partitions gives %q\nover those it takes %q", text, all, some)
		}
	})
	if pruned < compared/10 {
		t.Errorf("%d of %d queries left partitions out: too few to say much", pruned, compared)
	}
}

// TestPruningComputesAsTheEngine takes the value of a random expression for each partition, and asks whether the
// partition is taken by the condition that the expression has this value.
func TestPruningComputesAsTheEngine(t *testing.T) {
	db := duck(t)
	if _, err := db.Exec(keyedTables()); err != nil {
		t.Fatal(err)
	}
	defer forgetKeyed()
	compared := 0
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(keyedTypes).Draw(rt, "type")
		g := keyExpr{rt, kind}
		var x string
		switch g.pick("kind", "text", "integer", "moment") {
		case "text":
			x = g.text(2)
		case "integer":
			x = g.integer(2)
		default:
			x = g.moment(2)
		}
		p, err := plan(t, "SELECT "+x+" FROM by_"+kind+" WHERE v = 0")
		if err != nil {
			return // a type or a function that does not fit
		}
		of := p.Columns[0].Type
		if of == "varchar" {
			p.Columns[0].Trino = "" // what is always NULL has any type in the engine
		}
		for n, key := range keyed[kind] {
			if _, err := db.Exec(fmt.Sprintf("CREATE OR REPLACE TEMP VIEW scan_0 AS SELECT * FROM by_%s WHERE n = %d", kind, n)); err != nil {
				rt.Fatal(err)
			}
			rows, err := runScans(t, p)
			if err != nil || len(rows) != 1 || rows[0] == "NULL" {
				continue
			}
			value := rows[0]
			switch of {
			case "varchar":
				value = "'" + strings.ReplaceAll(value, "'", "''") + "'"
			case "date", "timestamp":
				value = strings.ToUpper(of) + " '" + value + "'"
			}
			text := "SELECT 1 FROM by_" + kind + " WHERE " + x + " = " + value
			has, err := plan(t, text)
			if err != nil {
				rt.Fatalf("%s: %v", text, err)
			}
			compared++
			if !has.Tables[0].Constraint.Matches([]string{key}) {
				rt.Fatalf("%s leaves out partition %q, which has that value", text, key)
			}
		}
	})
	if compared < 300 {
		t.Errorf("%d values were compared: too few to say much", compared)
	}
}

// forgetKeyed takes the tables of keyed out of the catalogue.
func forgetKeyed() {
	for _, kind := range keyedTypes {
		delete(catalog, "db.by_"+kind)
	}
}
