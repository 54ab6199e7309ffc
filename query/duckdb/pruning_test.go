package duckdb

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/lake"
	"flowlake/query"
	"flowlake/state"
)

// prunedHouse is the rooms that a query goes through, with the same rows in tables of three kinds: catalogued, projected, and
// flat ones, whose files have the keys as columns.
type prunedHouse struct {
	t       *testing.T
	queries *query.Queries
	lake    *lake.Store
	root    access.Caller
}

func newPrunedHouse(t *testing.T) *prunedHouse {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, guard, log := t.TempDir(), access.NewGuard("123456789012"), slog.New(slog.DiscardHandler)
	st, err := state.Open(filepath.Join(dir, "state"))
	must(err)
	t.Cleanup(func() { st.Close() })
	h := &prunedHouse{t: t, root: access.Root("123456789012", "eu-west-1")}
	h.lake, err = lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, log)
	must(err)
	t.Cleanup(func() { h.lake.Close() })
	cfg := query.Default()
	cfg.Scratch = filepath.Join(dir, "queries")
	h.queries, err = query.New(cfg, st, catalog.Open(st, guard, log), h.lake, newEngine(t, 1), guard, log)
	must(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.queries.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	must(h.lake.CreateBucket(t.Context(), h.root, "data"))
	return h
}

func (h *prunedHouse) put(key, body string) {
	h.t.Helper()
	if _, err := h.lake.Put(h.t.Context(), h.root, lake.PutInput{Bucket: "data", Key: key, Body: strings.NewReader(body), Size: int64(len(body))}); err != nil {
		h.t.Fatal(err)
	}
}

// run returns a statement's rows, its bytes scanned, and why it failed.
func (h *prunedHouse) run(text string) (rows [][]string, scanned int64, reason string) {
	h.t.Helper()
	id, err := h.queries.Start(h.t.Context(), h.root, query.StartInput{Text: text, Output: query.ResultConfig{Location: "s3://data/results/"}})
	if err != nil {
		return nil, 0, err.Error()
	}
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
		e, err := h.queries.Execution(h.t.Context(), h.root, id)
		if err != nil {
			h.t.Fatal(err)
		}
		if e.State == query.Failed {
			return nil, 0, e.Reason
		}
		if e.State != query.Succeeded {
			continue
		}
		p, err := h.queries.Results(h.t.Context(), h.root, id, "", 1000)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, r := range p.Rows[min(1, len(p.Rows)):] { // behind the header
			var row []string
			for _, v := range r {
				if v == nil {
					row = append(row, "NULL")
				} else {
					row = append(row, *v)
				}
			}
			rows = append(rows, row)
		}
		return rows, e.Scanned, ""
	}
	h.t.Fatalf("%s does not end", text)
	return nil, 0, ""
}

func (h *prunedHouse) must(text string) {
	h.t.Helper()
	if _, _, reason := h.run(text); reason != "" {
		h.t.Fatalf("%s: %s", text, reason)
	}
}

// keyedTables makes the tables typed_ and texts_, each catalogued, projected and flat. The keys of the first have types of
// their own, those of the second are strings.
func (h *prunedHouse) keyedTables() {
	const null = "__HIVE_DEFAULT_PARTITION__"
	const text = " ROW FORMAT DELIMITED FIELDS TERMINATED BY '|' LOCATION 's3://data/"
	h.must("CREATE DATABASE d")
	for _, x := range []struct{ name, keys, columns, properties, location string }{
		{"typed", "r string, d date, h int", "r string, d date, h int",
			"'projection.r.type'='enum', 'projection.r.values'='us-east-1,US-EAST-1," + null + "', 'projection.d.type'='date', 'projection.d.format'='yyyy/MM/dd', 'projection.d.range'='2022/07/30,2022/08/02', " +
				"'projection.h.type'='integer', 'projection.h.range'='0,23', 'projection.h.interval'='8', 'projection.h.digits'='2', ", "${d}/${r}/${h}"},
		{"texts", "r string, d string, h string", "r string, d string, h string",
			"'projection.r.type'='enum', 'projection.r.values'='us-east-1,US-EAST-1," + null + "', 'projection.d.type'='date', 'projection.d.format'='dd-MM-yyyy', 'projection.d.range'='30-07-2022,02-08-2022', " +
				"'projection.h.type'='integer', 'projection.h.range'='0,23', 'projection.h.interval'='8', ", "${d}/${r}/${h}"},
	} {
		h.must("CREATE EXTERNAL TABLE d." + x.name + "_flat (a bigint, " + x.columns + ")" + text + x.name + "-flat/'")
		h.must("CREATE EXTERNAL TABLE d." + x.name + "_projected (a bigint) PARTITIONED BY (" + x.keys + ")" + text + x.name + "/' TBLPROPERTIES ('projection.enabled'='true', " + x.properties +
			"'storage.location.template'='s3://data/" + x.name + "/" + x.location + "/')")
		h.must("CREATE EXTERNAL TABLE d." + x.name + "_catalogued (a bigint) PARTITIONED BY (" + x.keys + ")" + text + x.name + "/'")
		add, flat, n := "ALTER TABLE d."+x.name+"_catalogued ADD", "", 0
		for day := time.Date(2022, 7, 30, 0, 0, 0, 0, time.UTC); day.Before(time.Date(2022, 8, 3, 0, 0, 0, 0, time.UTC)); day = day.AddDate(0, 0, 1) {
			for _, r := range []string{"us-east-1", "US-EAST-1", null} {
				for _, hour := range []int{0, 8, 16} {
					value, place, hh := day.Format("2006-01-02"), day.Format("2006/01/02"), fmt.Sprintf("%02d", hour)
					if x.name == "texts" {
						value, place, hh = day.Format("02-01-2006"), day.Format("02-01-2006"), fmt.Sprint(hour)
					}
					key := fmt.Sprintf("%s/%s/%s/%s/", x.name, place, r, hh)
					n++
					h.put(key+"rows", fmt.Sprintf("%d\n%d\n", n, 1000*n))
					for _, a := range []int{n, 1000 * n} {
						flat += fmt.Sprintf("%d|%s|%s|%s\n", a, strings.ReplaceAll(r, null, `\N`), value, hh)
					}
					add += fmt.Sprintf(" PARTITION (r='%s', d='%s', h='%s') LOCATION 's3://data/%s'", r, value, hh, key)
				}
			}
		}
		h.must(add)
		h.put(x.name+"-flat/rows", flat)
	}
	h.must("CREATE EXTERNAL TABLE d.o (x bigint)" + text + "o/'")
	h.put("o/rows", "1\n2\n30\n5000\n")
}

// keyCondition draws a condition over the keys, and a where nothing else is said, of tables typed_ or texts_. It does not fail.
type keyCondition struct {
	t     *rapid.T
	typed bool
}

func (g keyCondition) pick(list ...string) string { return rapid.SampledFrom(list).Draw(g.t, "part") }

func (g keyCondition) region() string {
	return g.pick("'us-east-1'", "'US-EAST-1'", "'us'", "'x'", "''", "CAST(NULL AS varchar)", "lower('US-EAST-1')", "'us-east-' || '1'")
}

func (g keyCondition) day() string {
	if g.typed {
		return g.pick("DATE '2022-07-30'", "DATE '2022-07-31'", "DATE '2022-08-01'", "DATE '2022-08-02'", "DATE '2022-08-09'", "DATE '2022-08-02' - interval '1' day", "date_add('month', -1, DATE '2022-08-31')",
			"TIMESTAMP '2022-08-01 00:00:00'", "TIMESTAMP '2022-08-01 12:00:00'", "TIMESTAMP '2022-08-01 00:00:00 UTC'", "TIMESTAMP '2022-08-01 02:00:00 Asia/Seoul'", "from_unixtime(1659225600)",
			"from_unixtime(1659225601)", "current_date", "now()", "CAST(NULL AS date)", "CAST('2022-08-01' AS date)", "d")
	}
	return g.pick("'30-07-2022'", "'31-07-2022'", "'01-08-2022'", "'1-8-2022'", "'02-08-2022'", "'2022'", "'30'", "date_format(DATE '2022-08-01', '%d-%m-%Y')", "CAST(NULL AS varchar)", "d")
}

func (g keyCondition) hour() string {
	if g.typed {
		return g.pick("0", "8", "16", "7", "-1", "23", "99999999999", "7.5", "8e0", "CAST(NULL AS integer)", "4 + 4", "h")
	}
	return g.pick("'0'", "'8'", "'08'", "'16'", "'1'", "'9'", "''", "CAST(NULL AS varchar)", "h")
}

func (g keyCondition) condition(depth int) string {
	key, value := "r", g.region
	switch g.pick("r", "d", "h") {
	case "d":
		key, value = "d", g.day
	case "h":
		key, value = "h", g.hour
	}
	forms := []string{"compare", "compare", "compare", "in", "between", "null", "like", "derived", "data"}
	if depth > 0 {
		forms = append(forms, "and", "or", "not", "and", "or", "not", "if")
	}
	switch g.pick(forms...) {
	case "in":
		return key + g.pick(" IN ", " NOT IN ") + "(" + value() + ", " + value() + ")"
	case "between":
		return key + g.pick(" BETWEEN ", " NOT BETWEEN ") + value() + " AND " + value()
	case "null":
		return key + g.pick(" IS NULL", " IS NOT NULL")
	case "like":
		if g.typed {
			return "CAST(d AS varchar)" + g.pick(" LIKE ", " NOT LIKE ") + g.pick("'2022-07%'", "'%-01'", "'2022-08-0_'")
		}
		return g.pick("r", "d", "h") + g.pick(" LIKE ", " NOT LIKE ") + g.pick("'us%'", "'%1'", "'3%'", "'0_-08-%'", "'u!_%' ESCAPE '!'", "'us-east!%' ESCAPE '!'", "'8'", "''", "'%'", "CAST(NULL AS varchar)")
	case "derived":
		if g.typed {
			return g.pick("year(d) = 2022", "month(d) = 7", "day(d) + h = 9", "h % 16 = 0", "-h >= -8", "lower(r) = 'us-east-1'", "coalesce(r, 'x') = 'x'", "date_format(d, '%Y%m') = '202208'",
				"date_trunc('month', d) = DATE '2022-08-01'", "CAST(d AS timestamp) + interval '12' hour > TIMESTAMP '2022-08-01 00:00:00'", "d IS DISTINCT FROM DATE '2022-08-01'", "CAST(h AS varchar) = '8'",
				"CAST(d AS timestamp) AT TIME ZONE 'America/New_York' < TIMESTAMP '2022-08-01 00:00:00'", "CAST(h AS bigint) IN (8, 99999999999)", "CAST(h AS double) < 7.5")
		}
		return g.pick("TRY_CAST(h AS integer) > 7", "length(h) = 2", "substr(d, 4) = '08-2022'", "d || h = '01-08-20228'", "concat(r, '/', h) = 'us-east-1/16'", "r = lower(r)", "coalesce(r, h) = '8'",
			"date_parse(d, '%d-%m-%Y') >= TIMESTAMP '2022-08-01 00:00:00'", "r IS NOT DISTINCT FROM NULL", "CAST(d AS varchar(2)) = '01'", "lpad(h, 2, '0') = '08'")
	case "data":
		return g.pick("a % 2 = 0", "a > 1000", "a = 5", "random() >= 0", "a IN (SELECT x FROM d.o)")
	case "and":
		return "(" + g.condition(depth-1) + " AND " + g.condition(depth-1) + ")"
	case "or":
		return "(" + g.condition(depth-1) + " OR " + g.condition(depth-1) + ")"
	case "not":
		return "NOT (" + g.condition(depth-1) + ")"
	case "if":
		return "CASE WHEN " + g.condition(depth-1) + " THEN " + g.condition(depth-1) + " ELSE " + g.condition(depth-1) + " END"
	}
	if rapid.Bool().Draw(g.t, "turned") {
		return value() + g.pick(" = ", " <> ", " < ", " <= ", " > ", " >= ") + key
	}
	return key + g.pick(" = ", " <> ", " < ", " <= ", " > ", " >= ") + value()
}

// keyPlaces are where a condition can stand; %[1]s is the table, %[2]s and %[3]s are conditions. The first column counts rows,
// the others tell which.
var keyPlaces = []string{
	"SELECT count(*), sum(a), max(a) FROM d.%[1]s WHERE %[2]s",
	"SELECT count(*), sum(a), max(a) FROM d.%[1]s WHERE %[2]s",
	"SELECT count(*), sum(a), max(a) FROM d.%[1]s WHERE %[2]s AND %[3]s",
	"SELECT count(*), sum(a), max(x) FROM (SELECT * FROM d.%[1]s WHERE %[3]s) LEFT JOIN d.o ON a = x AND %[2]s",
	"SELECT count(*), sum(a), max(x) FROM d.o LEFT JOIN d.%[1]s ON a = x AND %[2]s",
	"SELECT count(*), sum(a), max(x) FROM d.o LEFT JOIN d.%[1]s ON a = x WHERE %[2]s",
	"SELECT count(*), sum(a), max(x) FROM d.%[1]s FULL JOIN d.o ON a = x WHERE %[2]s",
	"SELECT count(*), sum(l.a), max(k.a) FROM (SELECT * FROM d.%[1]s WHERE %[2]s) l LEFT JOIN (SELECT r AS s, a FROM d.%[1]s WHERE %[3]s) k ON l.r = k.s AND l.a = k.a",
	"SELECT count(*), sum(a), max(a) FROM (SELECT r, d, h, max(a) AS a FROM d.%[1]s GROUP BY r, d, h) WHERE %[2]s",
	"SELECT count(*), sum(a), max(a) FROM (SELECT r, d, h, sum(a) AS a FROM d.%[1]s GROUP BY GROUPING SETS ((r, d), (h))) WHERE %[2]s",
	"SELECT sum(if(%[2]s, 1, 0)), sum(a), max(a) FROM d.%[1]s WHERE %[3]s",
	"SELECT count(*), max(a), max(a) FROM (SELECT a, r, d, h, row_number() OVER (ORDER BY a) AS n FROM d.%[1]s) WHERE n < 20 AND %[2]s",
	"SELECT count(*), sum(x), max(x) FROM d.o WHERE NOT EXISTS (SELECT 1 FROM d.%[1]s WHERE a = x AND %[2]s)",
	"SELECT count(*), sum(x), max(x) FROM d.o WHERE x NOT IN (SELECT a FROM d.%[1]s WHERE %[2]s)",
	"SELECT count(*), sum(a), max(a) FROM (SELECT * FROM d.%[1]s WHERE %[2]s UNION SELECT * FROM d.%[1]s WHERE %[3]s) WHERE %[2]s",
}

// TestPrunedAnswersAreTheWholeTables asks the same of tables whose partitions are pruned and of one whose keys are data, so
// that each row is asked by the engine.
func TestPrunedAnswersAreTheWholeTables(t *testing.T) {
	h := newPrunedHouse(t)
	h.keyedTables()
	whole := map[string]int64{}
	for _, name := range []string{"typed", "texts"} {
		var reason string
		_, whole[name], reason = h.run("SELECT a FROM d." + name + "_projected UNION ALL SELECT a FROM d." + name + "_catalogued UNION ALL SELECT a FROM d." + name + "_flat")
		if reason != "" || whole[name] == 0 {
			t.Fatal(whole, reason)
		}
	}
	asked, failed, fewer, checks := 0, 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		if checks++; checks > 40 && flag.Lookup("rapid.checks").Value.String() == "100" {
			return // each runs a query: by default some are enough
		}
		g := keyCondition{rt, rapid.Bool().Draw(rt, "typed")}
		name := map[bool]string{true: "typed", false: "texts"}[g.typed]
		place := rapid.SampledFrom(keyPlaces).Draw(rt, "place")
		first, second := g.condition(2), g.condition(1)
		var parts []string
		for _, kind := range []string{"flat", "catalogued", "projected"} {
			parts = append(parts, fmt.Sprintf("SELECT '%s', * FROM (%s)", kind, strings.NewReplacer("%[1]s", name+"_"+kind, "%[2]s", "("+first+")", "%[3]s", "("+second+")").Replace(place)))
		}
		asked++
		rows, scanned, reason := h.run(strings.Join(parts, "\nUNION ALL "))
		if reason != "" {
			failed++
			rt.Logf("%s: %s", parts[0], reason)
			return
		}
		answers := map[string]string{}
		for _, r := range rows {
			answers[r[0]] = strings.Join(r[1:], " ")
		}
		if len(answers) != 3 || answers["catalogued"] != answers["flat"] || answers["projected"] != answers["flat"] {
			rt.Fatalf("%s\ngives %v", parts[0], answers)
		}
		if scanned < whole[name] {
			fewer++
		}
	})
	t.Logf("%d queries, %d failed, %d read less", asked, failed, fewer)
	if failed > asked/4 || fewer < asked/5 {
		t.Errorf("%d queries, %d failed, %d read less: too few to say much", asked, failed, fewer)
	}
}
