package translate_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestPruning asks which partitions a query's condition takes.
func TestPruning(t *testing.T) {
	daily := []string{"2022/08/28", "2022/08/29", "2026/03/05", "2026/02/26"}
	dates := []string{"2022-08-27", "2022-08-28", "2022-08-29", "2026-03-05", "__HIVE_DEFAULT_PARTITION__", "garbage"}
	hours := []string{"us-east-1/0", "us-east-1/23", "eu-west-1/7"}
	all := func(list []string) string { return strings.Join(list, " ") }
	for _, c := range []struct {
		text string
		keys []string
		want string
	}{
		{"SELECT * FROM vpc_flow_logs", dates, all(dates)},
		{"SELECT * FROM vpc_flow_logs WHERE date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"SELECT * FROM vpc_flow_logs WHERE date > DATE('2022-08-28') - interval '1' day AND date < DATE '2022-08-29'", dates, "2022-08-28"},
		{"SELECT * FROM vpc_flow_logs WHERE date >= current_date - interval '7' day", dates, "2026-03-05"},
		{"SELECT * FROM vpc_flow_logs WHERE date IN (DATE '2022-08-28', DATE '2022-08-29')", dates, "2022-08-28 2022-08-29"},
		{"SELECT * FROM vpc_flow_logs WHERE date IS NULL", dates, "__HIVE_DEFAULT_PARTITION__"},
		{"SELECT * FROM vpc_flow_logs WHERE date IS NOT NULL", dates, "2022-08-27 2022-08-28 2022-08-29 2026-03-05 garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE NOT (date IS NULL)", dates, "2022-08-27 2022-08-28 2022-08-29 2026-03-05 garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE NOT (date IS NOT NULL)", dates, "__HIVE_DEFAULT_PARTITION__"},
		{"SELECT * FROM vpc_flow_logs WHERE NOT (date > DATE '2022-08-28' AND date IS NOT NULL)", dates, "2022-08-27 2022-08-28 __HIVE_DEFAULT_PARTITION__"},
		{"SELECT * FROM vpc_flow_logs WHERE date NOT IN (DATE '2022-08-28', NULL)", dates, "garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE date BETWEEN DATE '2022-08-28' AND DATE '2022-08-29'", dates, "2022-08-28 2022-08-29"},
		{"SELECT * FROM vpc_flow_logs WHERE NOT (date = DATE '2022-08-28')", dates, "2022-08-27 2022-08-29 2026-03-05 garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE date = DATE '2022-08-28' OR srcaddr = 'x'", dates, all(dates)},
		{"SELECT * FROM vpc_flow_logs WHERE date = DATE '2022-08-28' OR date = DATE '2022-08-29'", dates, "2022-08-28 2022-08-29"},
		{"SELECT * FROM vpc_flow_logs WHERE srcaddr = 'x' AND date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"SELECT * FROM vpc_flow_logs WHERE CAST(date AS varchar) = '2022-08-28'", dates, "2022-08-28 garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE CAST(date AS varchar) LIKE '2022-08-2%'", dates, "2022-08-27 2022-08-28 2022-08-29 garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE date > from_unixtime(1661644800)", dates, "2022-08-29 2026-03-05"},
		{"SELECT * FROM vpc_flow_logs WHERE year(date) = 2022 AND month(date) = 8", dates, "2022-08-27 2022-08-28 2022-08-29 garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE date_format(date, '%Y-%m') = '2026-03'", dates, "2026-03-05 garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE date_add('day', 1, date) = DATE '2022-08-29'", dates, "2022-08-28 garbage"},
		{"SELECT * FROM vpc_flow_logs WHERE random() < 0.5 AND date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"WITH q AS (SELECT * FROM vpc_flow_logs) SELECT * FROM q WHERE date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"WITH q AS (SELECT * FROM vpc_flow_logs), unused AS (SELECT * FROM q WHERE date = DATE '2022-08-28') SELECT * FROM q", dates, all(dates)},
		{"WITH q AS (SELECT * FROM vpc_flow_logs), unused AS (SELECT * FROM q) SELECT * FROM q WHERE date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"SELECT * FROM (SELECT date, sum(bytes) FROM vpc_flow_logs GROUP BY date) WHERE date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"SELECT * FROM (SELECT * FROM vpc_flow_logs LIMIT 5) WHERE date = DATE '2022-08-28'", dates, all(dates)},
		{"SELECT * FROM (SELECT date, row_number() OVER (ORDER BY start) AS n FROM vpc_flow_logs) WHERE date = DATE '2022-08-28'", dates, all(dates)},
		{"SELECT * FROM vpc_flow_logs_kst WHERE date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"SELECT 1 FROM a LEFT JOIN vpc_flow_logs ON a.x = srcport WHERE date IS NULL", dates, all(dates)},
		{"SELECT 1 FROM a LEFT JOIN vpc_flow_logs ON a.x = srcport AND date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"SELECT 1 FROM vpc_flow_logs LEFT JOIN a ON a.x = srcport AND date = DATE '2022-08-28'", dates, all(dates)},
		{"SELECT 1 FROM vpc_flow_logs LEFT JOIN a ON a.x = srcport WHERE date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"SELECT 1 FROM vpc_flow_logs JOIN a ON a.x = srcport AND date = DATE '2022-08-28'", dates, "2022-08-28"},
		{"SELECT 1 FROM a FULL JOIN vpc_flow_logs ON a.x = srcport AND date = DATE '2022-08-28'", dates, all(dates)},
		{"SELECT * FROM daily WHERE year = '2022' AND month = '08'", daily, "2022/08/28 2022/08/29"},
		{"SELECT * FROM daily WHERE year || '-' || month || '-' || day >= '2022-08-29'", daily, "2022/08/29 2026/03/05 2026/02/26"},
		{"SELECT * FROM daily WHERE concat(year, month, day) = '20220829'", daily, "2022/08/29"},
		{"SELECT * FROM daily WHERE CAST(day AS integer) < 6", daily, "2026/03/05"},
		{"SELECT * FROM daily WHERE date(year || '-' || month || '-' || day) > current_date - interval '8' day", daily, "2026/03/05 2026/02/26"},
		{"SELECT * FROM daily WHERE date_parse(year || month || day, '%Y%m%d') >= TIMESTAMP '2026-03-01 00:00:00'", daily, "2026/03/05"},
		{"SELECT * FROM daily WHERE day IN ('28', '05')", daily, "2022/08/28 2026/03/05"},
		{"SELECT * FROM daily WHERE substr(year, 3) = '22'", daily, "2022/08/28 2022/08/29"},
		{"SELECT * FROM daily WHERE year || '/' || month || '/' || day >= date_format(current_date - interval '7' day, '%Y/%m/%d')", daily, "2026/03/05 2026/02/26"},
		{"SELECT * FROM daily WHERE year = CAST(year(current_date) AS varchar) AND month = lpad(CAST(month(now()) AS varchar), 2, '0')", daily, "2026/03/05"},
		{"SELECT * FROM daily WHERE month = format_datetime(current_timestamp, 'MM')", daily, "2026/03/05"},
		{"SELECT * FROM daily WHERE (year = '2022' AND day = '28') OR (year = '2026' AND bytes > 5)", daily, "2022/08/28 2026/03/05 2026/02/26"},
		{"SELECT * FROM daily d WHERE EXISTS (SELECT 1 FROM c WHERE c.w = d.year) AND d.day = '28'", daily, "2022/08/28"},
		{"SELECT (SELECT count(*) FROM daily WHERE year = '2026')", daily, "2026/03/05 2026/02/26"},
		{"SELECT * FROM daily WHERE year = '2022' UNION ALL SELECT * FROM c CROSS JOIN a", daily, ""},
		{"SELECT * FROM hourly WHERE hour > 6 AND region = 'us-east-1'", hours, "us-east-1/23"},
		{"SELECT * FROM hourly WHERE hour + 1 = 24", hours, "us-east-1/23"},
		{"SELECT * FROM hourly WHERE lower(region) LIKE 'eu-%'", hours, "eu-west-1/7"},
		{"SELECT * FROM hourly WHERE region NOT LIKE 'eu-%'", hours, "us-east-1/0 us-east-1/23"},
		{"SELECT * FROM hourly WHERE NOT (region LIKE 'eu-west-1')", hours, "us-east-1/0 us-east-1/23"},
		{"SELECT * FROM hourly WHERE region IN (SELECT w FROM c)", hours, all(hours)},
	} {
		p, err := plan(t, c.text)
		if err != nil {
			if c.want != "" {
				t.Errorf("%s: %v", c.text, err)
			}
			continue
		}
		for _, table := range p.Tables {
			if len(table.Keys) == 0 {
				continue
			}
			var got []string
			for _, k := range c.keys {
				if table.Constraint.Matches(strings.Split(k, "/")) {
					got = append(got, k)
				}
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.text, text, c.want)
			}
		}
	}
}

// TestPruningOfSharedTables: a condition on one use of a WITH table says nothing of the other's rows.
func TestPruningOfSharedTables(t *testing.T) {
	p, err := plan(t, "WITH q AS (SELECT * FROM vpc_flow_logs) SELECT 1 FROM q l JOIN q r ON l.srcaddr = r.dstaddr WHERE l.date = DATE '2022-08-28'")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Tables) != 1 || !p.Tables[0].Constraint.Matches([]string{"2022-08-29"}) {
		t.Errorf("the table is pruned for both uses: %+v", p.Tables)
	}
}

// TestRead checks which columns a query needs.
func TestRead(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SELECT count(*) FROM a", "a[]"},
		{"SELECT x FROM a WHERE y = 'b'", "a[x y]"},
		{"SELECT * FROM a", "a[x y z]"},
		{"SELECT x FROM (SELECT * FROM a)", "a[x]"},
		{"SELECT count(*) FROM (SELECT * FROM a WHERE z > 0)", "a[z]"},
		{"SELECT count(*) FROM (SELECT DISTINCT x, y FROM a)", "a[x y]"},
		{"WITH q AS (SELECT * FROM a), unused AS (SELECT * FROM c) SELECT y FROM q", "a[y]"},
		{"WITH q AS (SELECT * FROM a), r AS (SELECT * FROM q), n AS (SELECT 1 AS one) SELECT one FROM n", ""},
		{"SELECT l.y FROM a l JOIN c r ON l.x = r.x", "a[x y] c[x]"},
		{"SELECT w FROM a JOIN c USING (x)", "a[x] c[x w]"},
		{"SELECT y FROM a WHERE EXISTS (SELECT 1 FROM c WHERE c.x = a.x)", "a[x y] c[x]"},
		{"SELECT y FROM a WHERE EXISTS (SELECT * FROM c WHERE c.x = a.x)", "a[x y] c[x]"},
		{"SELECT y FROM a WHERE y IN (SELECT w FROM c)", "a[y] c[w]"},
		{"SELECT x FROM a UNION ALL SELECT x FROM c", "a[x] c[x]"},
		{"SELECT 1 FROM a ORDER BY y", "a[y]"},
		{"SELECT \"$path\" FROM a", "a[$path]"},
		{"SELECT date FROM vpc_flow_logs WHERE bytes > 1", "vpc_flow_logs[bytes +date]"},
		{"SELECT action FROM vpc_flow_logs_kst", "vpc_flow_logs[action]"},
		{"SELECT sum(bytes) FROM vpc_flow_logs GROUP BY srcaddr HAVING max(packets) > 1", "vpc_flow_logs[srcaddr packets bytes]"},
		{"SELECT t FROM nested CROSS JOIN UNNEST(tags) AS u(t)", "nested[tags]"},
	} {
		p, err := plan(t, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		var got []string
		for _, table := range p.Tables {
			list := append([]string{}, table.Read...)
			for _, k := range table.KeysRead {
				list = append(list, "+"+k)
			}
			if table.Path {
				list = append(list, "$path")
			}
			got = append(got, fmt.Sprintf("%s[%s]", table.Name, strings.Join(list, " ")))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, text, c.want)
		}
	}
}

// TestDomains asks what a query's condition leaves of a key.
func TestDomains(t *testing.T) {
	for _, c := range []struct {
		where string
		key   int
		want  string
	}{
		{"FROM vpc_flow_logs WHERE date = DATE '2022-08-28'", 0, "[19232,19232]"},
		{"FROM vpc_flow_logs WHERE date > DATE('2022-08-28') - interval '1' day AND date < DATE '2022-08-30'", 0, "[19232,19233]"},
		{"FROM vpc_flow_logs WHERE date >= current_date - interval '1' day", 0, "[20516,]"},
		{"FROM vpc_flow_logs WHERE date >= now() - interval '1' day", 0, "[20517,]"},
		{"FROM vpc_flow_logs WHERE date > from_unixtime(1661644800)", 0, "[19233,]"},
		{"FROM vpc_flow_logs WHERE timestamp '2022-08-28 12:00:00' >= date", 0, "[,19232]"},
		{"FROM vpc_flow_logs WHERE date BETWEEN DATE '2022-08-28' AND DATE '2022-08-29' OR date = DATE '2022-08-31'", 0, "[19232,19233] [19235,19235]"},
		{"FROM vpc_flow_logs WHERE NOT (date < DATE '2022-08-28' OR date > DATE '2022-08-29')", 0, "[19232,19233]"},
		{"FROM vpc_flow_logs WHERE date <> DATE '2022-08-28'", 0, "[,19231] [19233,]"},
		{"FROM vpc_flow_logs WHERE date = DATE '2022-08-28' AND date = DATE '2022-08-29'", 0, ""},
		{"FROM vpc_flow_logs WHERE date = NULL", 0, ""},
		{"FROM vpc_flow_logs WHERE date IS NULL OR date > DATE '2022-08-28'", 0, "null [19233,]"},
		{"FROM vpc_flow_logs WHERE date = DATE '2022-08-28' OR srcaddr = 'x'", 0, "null [,]"},
		{"FROM vpc_flow_logs WHERE date = DATE '2022-08-28' AND (date > DATE '2022-08-01' OR srcaddr = 'x')", 0, "[19232,19232]"},
		{"FROM vpc_flow_logs WHERE date BETWEEN DATE '2022-08-28' AND from_unixtime(start)", 0, "[19232,]"},
		{"FROM daily WHERE year = '2022' AND month LIKE '0%'", 1, "[0,1)"},
		{"FROM daily WHERE year = '2022' AND month LIKE '08'", 1, "[08,08]"},
		{"FROM daily WHERE month LIKE 'a!_b!%%' ESCAPE '!'", 1, "[a_b%,a_b&)"},
		{"FROM daily WHERE month LIKE 'a!_b' ESCAPE '!'", 1, "[a_b,a_b]"},
		{"FROM daily WHERE month LIKE '%a'", 1, "[,]"},
		{"FROM daily WHERE month NOT LIKE 'a%'", 1, "null [,]"},
		{"FROM daily WHERE year IN ('2022', '2024')", 0, "[2022,2022] [2024,2024]"},
		{"FROM daily WHERE year NOT IN ('2022', '2024')", 0, "[,2022) (2022,2024) (2024,]"},
		{"FROM daily WHERE month >= date_format(now() - interval '1' hour, '%m')", 1, "[03,]"},
		{"FROM daily WHERE (year = '2022' AND day = '28') OR (year = '2026' AND bytes > 5)", 0, "[2022,2022] [2026,2026]"},
		{"FROM daily WHERE (year = '2022' AND day = '28') OR (year = '2026' AND bytes > 5)", 2, "null [,]"},
		{"FROM hourly WHERE hour > 6 AND hour + 1 < 24", 1, "[7,]"},
		{"FROM hourly WHERE 6.5 < hour", 1, "null [,]"},
		{"FROM hourly WHERE hour >= 9223372036854775807", 1, "[9223372036854775807,]"},
	} {
		p, err := plan(t, "SELECT 1 "+c.where)
		if err != nil {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		set := p.Tables[0].Constraint.Domain(c.key)
		var parts []string
		if set.HasNull() {
			parts = append(parts, "null")
		}
		bound := func(v any) string {
			if v == nil {
				return ""
			}
			return fmt.Sprint(v)
		}
		for _, s := range set.Spans() {
			open, end := "[", "]"
			if s.LowOpen {
				open = "("
			}
			if s.HighOpen {
				end = ")"
			}
			parts = append(parts, open+bound(s.Low)+","+bound(s.High)+end)
		}
		if got := strings.Join(parts, " "); got != c.want {
			t.Errorf("%s leaves key %d %s, want %s", c.where, c.key, got, c.want)
		}
	}
}
