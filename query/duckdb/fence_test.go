//go:build duckdb_arrow

package duckdb

import "testing"

// TestTheFenceLetsSelectsPass: DuckDB's parser is asked to serialise a statement, which must not fail on
// what the translator may write.
func TestTheFenceLetsSelectsPass(t *testing.T) {
	w, err := open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.db.Close()
	defer w.conn.Close()
	for _, sql := range []string{
		"VALUES (1), (2)",
		"SELECT list_transform([1, 2], x -> x + 1), list_reduce([1, 2], (a, b) -> a + b)",
		"SELECT list_filter([1, 2], lambda x: x > 1)",
		"SELECT count(*) FILTER (WHERE i > 1), sum(DISTINCT i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM range(3) t(i) QUALIFY row_number() OVER () = 1",
		"SELECT a, grouping(a) FROM (SELECT 1 AS a, 2 AS b) GROUP BY GROUPING SETS ((a), (b), ()), CUBE (a, b)",
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3), m AS MATERIALIZED (SELECT 1) SELECT * FROM r, m",
		"SELECT * FROM (SELECT 1 AS i) a LEFT JOIN LATERAL (SELECT a.i + 1 AS j) b ON true CROSS JOIN UNNEST([1, 2]) u(x)",
		"SELECT 1 UNION SELECT 2 EXCEPT ALL SELECT 3 INTERSECT SELECT 4 ORDER BY ALL LIMIT 5 OFFSET 1",
		"SELECT * EXCLUDE (i) REPLACE (1 AS j), COLUMNS('j') FROM (SELECT 1 AS i, 2 AS j, 3 AS k)",
		"SELECT CASE WHEN 1 = ANY (SELECT 1) THEN TRY_CAST('x' AS DECIMAL(10, 2)) END, TRY(1 / 0), 'x' SIMILAR TO 'y', x'41'::BLOB, INTERVAL 1 DAY, TIMESTAMPTZ '2022-01-01 00:00:00 UTC' AT TIME ZONE 'Asia/Seoul'",
		"SELECT {'a': [1, 2]}.a[1:2], MAP {'k': 1}['k'], row(1, 2), ARRAY[1, 2]::INTEGER[2], 'a' COLLATE nocase",
		"SELECT * FROM (SELECT 1 AS i) USING SAMPLE 10 PERCENT (bernoulli)",
		"SELECT string_agg(i, ',' ORDER BY i DESC NULLS LAST) FROM (SELECT 'x' AS i)",
		"SELECT first(i) OVER (PARTITION BY i ORDER BY i RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 DAY FOLLOWING) FROM (SELECT DATE '2022-01-01' AS i)",
		"SELECT 1 -- a comment at the end",
		"SELECT 1;",
	} {
		if err := onlySelect(w, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{"", "SELECT 1; SELECT 2", "COPY (SELECT 1) TO 'x'", "CREATE TABLE x(i INT)", "SET threads = 1", "PRAGMA version", "INSTALL x", "DROP VIEW x", "nonsense", "SELECT 'x"} {
		if err := onlySelect(w, sql); err == nil {
			t.Errorf("%q passed", sql)
		}
	}
}
