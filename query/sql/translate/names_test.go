package translate_test

import (
	"strings"
	"testing"

	"flowlake/fault"
)

// refusals are queries with the whole error that they get.
func TestRefusals(t *testing.T) {
	const gone = " cannot be resolved or requester is not authorized to access requested resources"
	for _, c := range []struct{ name, text, want string }{
		{"a string in a column's place", "SELECT * FROM vpc_flow_logs WHERE 'date' > DATE('2022-08-28') - interval '1' day", `TYPE_MISMATCH: line 1:35: Cannot apply operator: varchar(4) > date. 'date' in single quotes is a string literal; the column is written "date" or date`},
		{"missing column", "SELECT nope FROM a", "COLUMN_NOT_FOUND: line 1:8: Column 'nope'" + gone},
		{"missing qualified column", "SELECT a.nope FROM a", "COLUMN_NOT_FOUND: line 1:8: Column 'a.nope'" + gone},
		{"columns are counted in characters", "SELECT 'é', nope FROM a", "COLUMN_NOT_FOUND: line 1:13: Column 'nope'" + gone},
		{"missing column on a later line", "SELECT x,\n  nope\nFROM a", "COLUMN_NOT_FOUND: line 2:3: Column 'nope'" + gone},
		{"missing table", "SELECT * FROM nope", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.nope' does not exist"},
		{"another catalogue", "SELECT * FROM x.y.z", "CATALOG_NOT_FOUND: line 1:15: Catalog 'x' does not exist"},
		{"a WITH table is not seen by its own query", "WITH q AS (SELECT * FROM q) SELECT * FROM q", "TABLE_NOT_FOUND: line 1:26: Table 'awsdatacatalog.db.q' does not exist"},
		{"ambiguous", "SELECT x FROM a, c", "AMBIGUOUS_NAME: line 1:8: Column 'x' is ambiguous"},
		{"a column of USING has no table", "SELECT a.x FROM a JOIN c USING (x)", "COLUMN_NOT_FOUND: line 1:8: Column 'a.x'" + gone},
		{"USING needs the column on both sides", "SELECT 1 FROM a JOIN c USING (y)", "COLUMN_NOT_FOUND: line 1:31: Column 'y' is missing from right side of join"},
		{"natural join", "SELECT x FROM a NATURAL JOIN c", "NOT_SUPPORTED: line 1:15: Natural join not supported"},
		{"an alias hides the table's name", "SELECT a.x FROM a AS b", "COLUMN_NOT_FOUND: line 1:8: Column 'a.x'" + gone},
		{"subqueries do not see their neighbours", "SELECT 1 FROM a, (SELECT a.x FROM c)", "COLUMN_NOT_FOUND: line 1:26: Column 'a.x'" + gone},
		{"WHERE does not see aliases", "SELECT x AS k FROM a WHERE k = 1", "COLUMN_NOT_FOUND: line 1:28: Column 'k'" + gone},
		{"GROUP BY does not see aliases", "SELECT y AS k FROM a GROUP BY k", "COLUMN_NOT_FOUND: line 1:31: Column 'k'" + gone},
		{"unknown function", "SELECT foo(1)", "FUNCTION_NOT_FOUND: line 1:8: Function 'foo' not registered"},
		{"the engine's functions are not functions", "SELECT read_text('/etc/passwd')", "FUNCTION_NOT_FOUND: line 1:8: Function 'read_text' not registered"},
		{"our own macros are not functions", "SELECT flowlake_raise('x')", "FUNCTION_NOT_FOUND: line 1:8: Function 'flowlake_raise' not registered"},
		{"the engine's settings", "SELECT current_setting('x')", "FUNCTION_NOT_FOUND: line 1:8: Function 'current_setting' not registered"},
		{"the engine's tables", "SELECT * FROM duckdb_settings", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.duckdb_settings' does not exist"},
		{"a file's name is a table's name", `SELECT * FROM "/etc/passwd"`, "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db./etc/passwd' does not exist"},
		{"a function that waits", "SELECT soundex('a')", "NOT_SUPPORTED: line 1:8: flowlake does not translate the function soundex yet"},
		{"wrong arguments", "SELECT upper(x) FROM a", "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (integer) for function upper. Expected: upper(varchar)"},
		{"wrong comparison", "SELECT 1 FROM vpc_flow_logs WHERE dstport = '443'", "TYPE_MISMATCH: line 1:35: Cannot apply operator: integer = varchar(3). A number is written without quotes: 443"},
		{"a string in double quotes", "SELECT 1 FROM vpc_flow_logs WHERE action = \"REJECT\"", "COLUMN_NOT_FOUND: line 1:44: Column 'reject'" + gone + ". A string is written in single quotes; double quotes are for names"},
		{"varchar against integer", "SELECT 1 FROM flow_logs WHERE dstport = 443", "TYPE_MISMATCH: line 1:31: Cannot apply operator: varchar = integer. A text becomes a number, or NULL, with TRY_CAST(dstport AS integer)"},
		{"a number against a time", "SELECT 1 FROM vpc_flow_logs WHERE start >= current_timestamp - interval '14' day", "TYPE_MISMATCH: line 1:35: Cannot apply operator: bigint >= timestamp(3) with time zone. Seconds since 1970 become a timestamp with from_unixtime(start)"},
		{"a number added to a time", "SELECT current_timestamp - 14", "TYPE_MISMATCH: line 1:8: Cannot apply operator: timestamp(3) with time zone - integer"},
		{"a date in quotes", "SELECT 1 FROM vpc_flow_logs WHERE date = '2022-08-28'", "TYPE_MISMATCH: line 1:35: Cannot apply operator: date = varchar(10). A date is written DATE '2022-08-28'"},
		{"not a condition", "SELECT x FROM a WHERE y", "TYPE_MISMATCH: line 1:23: WHERE clause must evaluate to a boolean: actual type varchar"},
		{"not grouped", "SELECT y, count(*) FROM a", "EXPRESSION_NOT_AGGREGATE: line 1:8: 'y' must be an aggregate expression or appear in GROUP BY clause"},
		{"not grouped in an expression", "SELECT x + 1, count(*) FROM a GROUP BY y", "EXPRESSION_NOT_AGGREGATE: line 1:8: 'x + 1' must be an aggregate expression or appear in GROUP BY clause"},
		{"not grouped in HAVING", "SELECT count(*) FROM a GROUP BY y HAVING x > 1", "EXPRESSION_NOT_AGGREGATE: line 1:42: 'x > 1' must be an aggregate expression or appear in GROUP BY clause"},
		{"not grouped in ORDER BY", "SELECT count(*) FROM a GROUP BY y ORDER BY x", "EXPRESSION_NOT_AGGREGATE: line 1:44: 'x' must be an aggregate expression or appear in GROUP BY clause"},
		{"an aggregate in WHERE", "SELECT x FROM a WHERE count(*) > 1", "EXPRESSION_NOT_SCALAR: line 1:23: WHERE clause cannot contain aggregations, window functions or grouping operations: [count(*) > 1]"},
		{"an aggregate in an aggregate", "SELECT sum(sum(x)) FROM a", "NESTED_AGGREGATION: line 1:8: Cannot nest aggregations inside aggregation 'sum': [sum]"},
		{"a window function without a window", "SELECT rank() FROM a", "MISSING_OVER: line 1:8: Window function rank requires an OVER clause"},
		{"OVER on a scalar function", "SELECT upper(y) OVER () FROM a", "FUNCTION_NOT_AGGREGATE: line 1:8: upper is not an aggregate or window function, and takes no OVER"},
		{"DISTINCT and ORDER BY", "SELECT DISTINCT x FROM a ORDER BY y", "EXPRESSION_NOT_IN_DISTINCT: line 1:35: For SELECT DISTINCT, ORDER BY expressions must appear in select list"},
		{"position out of range", "SELECT x FROM a ORDER BY 3", "INVALID_COLUMN_REFERENCE: line 1:26: ORDER BY position 3 is not in select list"},
		{"UNION of other types", "SELECT 1 UNION SELECT 'a'", "TYPE_MISMATCH: line 1:10: column 1 in UNION query has incompatible types: integer, varchar(1)"},
		{"UNION of other widths", "SELECT 1 UNION SELECT 1, 2", "TYPE_MISMATCH: line 1:10: UNION query has different number of fields: 1, 2"},
		{"* of nothing", "SELECT *", "MISSING_COLUMN_NAME: line 1:8: SELECT * not allowed in queries without FROM clause"},
		{"parameters", "SELECT ?", "INVALID_PARAMETER_USAGE: line 1:8: Incorrect number of parameters: expected 1 but found 0"},
		{"a broken view", "SELECT * FROM broken_view", "INVALID_VIEW: line 1:15: Failed analyzing stored view 'awsdatacatalog.db.broken_view': COLUMN_NOT_FOUND: line 1:8: Column 'nothing'" + gone},
		{"recursion", "WITH RECURSIVE t(n) AS (SELECT 1) SELECT n FROM t", "NOT_SUPPORTED: line 1:1: flowlake does not translate WITH RECURSIVE yet"},
		{"a pattern from a column", "SELECT regexp_like(y, y) FROM a", "NOT_SUPPORTED: line 1:8: flowlake does not translate regexp_like with a pattern that is not constant yet"},
		{"a zone from a column", "SELECT at_timezone(current_timestamp, y) FROM a", "NOT_SUPPORTED: line 1:39: flowlake does not translate a time zone that is not constant yet"},
		{"mixed zones", "SELECT if(x = 1, current_timestamp, at_timezone(current_timestamp, 'Asia/Seoul')) FROM a", "NOT_SUPPORTED: line 1:1: flowlake does not translate a column of timestamps in different time zones yet"},
		{"groups of json", "SELECT json_parse(y) FROM a GROUP BY 1", "NOT_SUPPORTED: line 1:8: flowlake does not translate DISTINCT, GROUP BY and UNION over json values yet"},
		{"mixed zones in an array", "SELECT ARRAY[current_timestamp, at_timezone(current_timestamp, '+01:00')]", "NOT_SUPPORTED: line 1:1: flowlake does not translate a column of timestamps in different time zones yet"},
		{"comparison of arrays", "SELECT 1 FROM nested WHERE tags = ARRAY['a']", "NOT_SUPPORTED: line 1:28: flowlake does not translate a comparison of array values yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := plan(t, c.text)
			if err == nil {
				t.Fatalf("%s became %s", c.text, p.SQL)
			}
			if got := err.Error(); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
			}
			want := fault.Invalid
			if strings.Contains(c.want, "flowlake does not translate") {
				want = fault.Unsupported
			} else if strings.HasPrefix(c.want, "TABLE_NOT") || strings.HasPrefix(c.want, "CATALOG") {
				want = fault.NotFound
			}
			if got := fault.KindOf(err); got != want {
				t.Errorf("%s is %v, want %v", c.text, got, want)
			}
		})
	}
}

// TestNames runs queries whose answer depends on what a name means.
func TestNames(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a WITH table hides a table", "WITH a AS (SELECT 7 AS x) SELECT x FROM a", "7"},
		{"but not in another database's name", "WITH t AS (SELECT 'w' AS k) SELECT min(k) FROM other.t", "a"},
		{"an inner WITH hides an outer one", "WITH q AS (SELECT 1 AS n) SELECT n FROM (WITH q AS (SELECT 2 AS n) SELECT n FROM q)", "2"},
		{"a view does not see the query's WITH", "WITH t AS (SELECT 'w' AS k) SELECT k FROM v ORDER BY k LIMIT 1", "a"},
		{"names have no case", `SELECT A."X" FROM "A" WHERE X = 1`, "1"},
		{"a correlated subquery", "SELECT y FROM a WHERE 2 = (SELECT count(*) FROM c WHERE c.x = a.x)", "two"},
		{"an inner name hides an outer one", "SELECT (SELECT max(x) FROM c) FROM a WHERE x = 1", "9"},
		{"a lambda's parameter hides a column", "SELECT transform(ARRAY[10], x -> x) FROM a WHERE x = 1", "[10]"},
		{"a lambda sees columns", "SELECT transform(ARRAY[10], e -> e + x) FROM a WHERE x = 1", "[11]"},
		{"ORDER BY takes the alias first", "SELECT -x AS x FROM a WHERE x < 3 ORDER BY x", "-2 ; -1"},
		{"ORDER BY takes the table's column by its table", "SELECT -x AS x FROM a WHERE x < 3 ORDER BY a.x", "-1 ; -2"},
		{"GROUP BY takes the column first", "SELECT x % 2 AS x, count(*) FROM c GROUP BY x ORDER BY 1, 2", "0 | 2 ; 1 | 1 ; 1 | 1"},
		{"a self join", "SELECT l.x FROM a l JOIN a r ON l.x = r.x + 1 ORDER BY 1", "2 ; 3"},
		{"duplicate names are fine until they are used", "SELECT count(*) FROM (SELECT a.x, c.x FROM a JOIN c ON a.x = c.x)", "3"},
		{"aliases of columns", "SELECT q FROM a AS t(p, q, r) WHERE p = 1", "one"},
		{"three parts", "SELECT a.x FROM awsdatacatalog.db.a WHERE db.a.x = 1", "1"},
		{"a row's field behind a table's name", "SELECT nested.info.size FROM nested WHERE id = 1", "10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := run(t, c.text)
			if err != nil {
				t.Fatalf("%s: %v", c.text, err)
			}
			if text := strings.Join(got, " ; "); text != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.text, text, c.want)
			}
		})
	}
}

// TestColumns checks the names and types of results.
func TestColumns(t *testing.T) {
	p, err := plan(t, `SELECT srcaddr, "Bytes" AS "Total Bytes", count(*), sum(bytes), 1.5, date, from_unixtime(start), ARRAY[1], x.y FROM vpc_flow_logs, (VALUES 1) AS x(y) GROUP BY 1, 2, 6, start, x.y`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range p.Columns {
		got = append(got, c.Name+" "+c.Type)
	}
	want := "srcaddr varchar, total bytes bigint, _col2 bigint, _col3 bigint, _col4 decimal, date date, _col6 timestamp with time zone, _col7 array, y integer"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
}

// TestHeadings checks that results are headed in the case that the query chose.
func TestHeadings(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"columns and aliases", `SELECT SrcAddr, v.DSTADDR, "Bytes" AS "Total Bytes", count(*) AS N FROM vpc_flow_logs v GROUP BY 1, 2, 3`, "SrcAddr DSTADDR Total Bytes N"},
		{"a star takes what stands below it", "SELECT * FROM (SELECT X, y AS Name FROM a)", "X Name"},
		{"a table's own columns", "SELECT * FROM C", "x w"},
		{"aliases of a WITH table", "WITH T(One, TWO) AS (SELECT x, y FROM a) SELECT *, one FROM t", "One TWO one"},
		{"aliases of a table", "SELECT * FROM a AS t(P, q, R)", "P q R"},
		{"a union is headed by its first query", "SELECT x AS First FROM a UNION ALL SELECT x AS Second FROM c", "First"},
		{"USING", "SELECT * FROM a JOIN c USING (X)", "X y z w"},
		{"twice", "SELECT x AS A, y AS a FROM a", "A a"},
		{"none", "SELECT X + 1, 2 FROM a", "_col0 _col1"},
	} {
		p, err := plan(t, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, column := range p.Columns {
			got = append(got, column.Label)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.text, text, c.want)
		}
	}
}
