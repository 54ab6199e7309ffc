//go:build duckdb_arrow

package athena_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"flowlake/catalog"
	"flowlake/query"
)

func TestFormats(t *testing.T) {
	h := newHouse(t)
	h.bucket("data")
	h.bucket("elsewhere")
	h.do("default", "CREATE DATABASE db")

	t.Run("delimited text, its lines as Hive takes them", func(t *testing.T) {
		h.do("db", `CREATE EXTERNAL TABLE delim (a int, b string, c double) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/delim' TBLPROPERTIES ('skip.header.line.count'='1')`)
		h.put("data", "delim/1", "a,b,c\n1,one,1.5\nx,two\n3,\\N,3,4\n")
		h.putGzip("data", "delim/sub/2.gz", "a,b,c\n4,four,1e3\n")
		for _, none := range []string{"_SUCCESS", ".part", "_tmp/3", "sub/.hidden", "aws-logs-write-test", "empty/"} {
			body := "a,b,c\n9,hidden,9\n"
			if strings.HasSuffix(none, "/") {
				body = ""
			}
			h.put("data", "delim/"+none, body)
		}
		h.put("data", "delimiters", "a,b,c\n9,a neighbour,9\n")
		h.want("db", `SELECT a, b, c FROM delim ORDER BY a NULLS LAST`, "1|one|1.5", "3|∅|3.0", "4|four|1000.0", "∅|two|∅")
	})
	t.Run("Grok: a line that does not match is a row of NULLs", func(t *testing.T) {
		h.do("db", `CREATE EXTERNAL TABLE grok (ip string, n int) ROW FORMAT SERDE 'com.amazonaws.glue.serde.GrokSerDe' WITH SERDEPROPERTIES ('input.format'='^%{IPV4:ip} %{TWO:n}$', 'input.grokCustomPatterns'='TWO [0-9][0-9]') STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat' OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat' LOCATION 's3://data/grok/'`)
		h.put("data", "grok/a", "10.0.0.1 22\nnothing of it\n10.0.0.2 4\n10.0.0.3 80\n")
		h.want("db", `SELECT ip, n FROM grok ORDER BY n NULLS LAST`, "10.0.0.1|22", "10.0.0.3|80", "∅|∅", "∅|∅")
		h.want("db", `SELECT count(*), count(ip) FROM grok`, "4|2")
	})
	t.Run("JSON and CSV", func(t *testing.T) {
		h.do("db", `CREATE EXTERNAL TABLE json (id int, tags array<string>, at struct<x:int,y:string>) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://data/json/'`,
			`CREATE EXTERNAL TABLE csv (a string, b string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' LOCATION 's3://data/csv/'`)
		h.put("data", "json/a", `{"id":1,"tags":["a","b"],"at":{"x":7,"y":"z"}}`+"\n"+`{"id":2}`+"\n")
		h.put("data", "csv/a", "\"x, y\",z\n")
		h.want("db", `SELECT id, tags, at.x, cardinality(tags) FROM json ORDER BY id`, "1|[a, b]|7|2", "2|∅|∅|∅")
		h.want("db", `SELECT a, b FROM csv`, "x, y|z")
	})
	t.Run("Parquet is billed by the columns that are read", func(t *testing.T) {
		h.do("db", `CREATE EXTERNAL TABLE parq (n bigint, s string) STORED AS PARQUET LOCATION 's3://data/parq/'`)
		body := parquetFile(t, 20_000)
		h.put("data", "parq/a.parquet", body)
		rows, all := h.answer("db", `SELECT count(*), sum(n), max(s) FROM parq`)
		if flat(rows) != "20000|199990000|value 9999" {
			t.Errorf("got %s", flat(rows))
		}
		_, one := h.answer("db", `SELECT sum(n) FROM parq`)
		_, none := h.answer("db", `SELECT count(*) FROM parq`)
		a, o, n := *all.Statistics.DataScannedInBytes, *one.Statistics.DataScannedInBytes, *none.Statistics.DataScannedInBytes
		if !(a > o && o > 0 && a < int64(len(body)) && n == 0) {
			t.Errorf("all columns %d, one %d, none %d bytes, of %d", a, o, n, len(body))
		}
	})
	t.Run("partitions are pruned, wherever they lie", func(t *testing.T) {
		h.do("db", `CREATE EXTERNAL TABLE parts (v string) PARTITIONED BY (day date, hour int) LOCATION 's3://data/parts/'`)
		for i := 1; i <= 4; i++ {
			h.put("data", fmt.Sprintf("parts/day=2022-08-0%d/hour=0%d/f", i, i), strings.Repeat(fmt.Sprintf("v%d\n", i), i))
		}
		h.do("db", "MSCK REPAIR TABLE parts", "ALTER TABLE parts ADD PARTITION (day='2022-08-05', hour=5) LOCATION 's3://elsewhere/x'")
		h.put("elsewhere", "x/f", "v5\n")
		for where, want := range map[string]int64{
			"true": 33, "day = DATE '2022-08-03'": 9, "day >= DATE '2022-08-04'": 15, "hour IN (1, 5)": 6, "day < DATE '2022-08-03' AND hour > 1": 6,
			"day = DATE '2022-08-03' OR hour = 1": 12, "NOT (hour < 5)": 3, "day BETWEEN DATE '2022-08-02' AND DATE '2022-08-03'": 15, "hour IS NULL": 0,
			"year(day) = 2021": 0, "v = 'v1'": 33,
		} {
			_, e := h.answer("db", "SELECT v, day, hour FROM parts WHERE "+where)
			if got := *e.Statistics.DataScannedInBytes; got != want {
				t.Errorf("WHERE %s scanned %d bytes, want %d", where, got, want)
			}
		}
		h.want("db", "SELECT hour, count(*) FROM parts GROUP BY hour ORDER BY 1", "1|1", "2|2", "3|3", "4|4", "5|1")
	})
	t.Run("a partition that would be read in another way is refused by name", func(t *testing.T) {
		h.do("db", `CREATE EXTERNAL TABLE odd (v string) PARTITIONED BY (p string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/odd/'`)
		err := h.catalog.CreatePartition(t.Context(), h.root, "db", "odd", catalog.Partition{Values: []string{"1"}, Storage: catalog.Storage{Location: "s3://data/odd/1/",
			SerDe: catalog.SerDe{Library: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", Parameters: map[string]string{"field.delim": ";"}}}})
		if err != nil {
			t.Fatal(err)
		}
		if s := h.fails("db", "SELECT * FROM odd"); !strings.Contains(*s.StateChangeReason, "HIVE_UNSUPPORTED_FORMAT: partition p=1 of table db.odd") {
			t.Errorf("got %s", *s.StateChangeReason)
		}
		h.want("db", "SELECT * FROM odd WHERE p = '2'")
	})
	t.Run("no table at all", func(t *testing.T) {
		h.want("db", "SELECT 1 AS a, 2 AS A, 3", "1|2|3")
		h.want("db", `WITH x AS (SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t (n, s)) SELECT x.n, y.s, row_number() OVER (ORDER BY x.n DESC) FROM x LEFT JOIN x y ON x.n = y.n ORDER BY 1`, "1|a|2", "2|∅|1")
	})
}

func parquetFile(t testing.TB, rows int) string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("value %d", i))
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, nil, pqarrow.DefaultWriterProps())
	if err == nil {
		err = w.Write(rec)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestPages reads 2,500 rows in pages, among them NULLs, quotes and line breaks.
func TestPages(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	text := `SELECT n, CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a "b", c' ELSE 'two' || chr(10) || 'lines' END AS Words FROM UNNEST(sequence(1, 2500)) AS t (n) ORDER BY n`
	rows, e := h.answer("default", text)
	if len(rows) != 2500 {
		t.Fatalf("got %d rows", len(rows))
	}
	for i, r := range rows {
		if want := []string{"∅", "", `a "b", c`, "two\nlines"}[(i+1)%4]; r[0] != fmt.Sprint(i+1) || r[1] != want {
			t.Fatalf("row %d is %q", i, r)
		}
	}
	id := e.QueryExecutionId
	get := func(size int32, token *string) (*api.GetQueryResultsOutput, error) {
		return h.GetQueryResults(ctx, &api.GetQueryResultsInput{QueryExecutionId: id, MaxResults: &size, NextToken: token})
	}
	first, err := get(3, nil)
	if err != nil || len(first.ResultSet.Rows) != 3 || flat([][]string{cells(first.ResultSet.Rows[0])}) != "n|Words" || *first.UpdateCount != 0 {
		t.Fatalf("got %v, %v", first, err)
	}
	info := first.ResultSet.ResultSetMetadata.ColumnInfo
	if len(info) != 2 || *info[0].Name != "n" || *info[0].Type != "bigint" || info[0].Precision != 19 || *info[1].Name != "Words" || *info[1].Type != "varchar" || !info[1].CaseSensitive || *info[1].CatalogName != "hive" {
		t.Errorf("got %+v", info)
	}
	second, err := get(1000, first.NextToken)
	if err != nil || len(second.ResultSet.Rows) != 1000 || *second.ResultSet.Rows[0].Data[0].VarCharValue != "3" {
		t.Fatalf("got %v", err)
	}
	t.Run("pages that are none", func(t *testing.T) {
		place, err := base64.RawURLEncoding.DecodeString(*first.NextToken)
		if err != nil {
			t.Fatal(err)
		}
		moved := base64.RawURLEncoding.EncodeToString(bytes.Replace(place, []byte(`"offset":`), []byte(`"offset":1`), 1))
		for name, token := range map[string]string{"another offset": moved, "no base64": "?", "no JSON": "YWJj", "changed": "A" + *first.NextToken, "empty object": "e30", "long": strings.Repeat("x", 900)} {
			_, err := get(10, &token)
			if wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "Malformed nextPageToken"); t.Failed() {
				t.Fatal(name)
			}
		}
		for _, size := range []int32{0, -1, 1001} {
			_, err := get(size, nil)
			wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "is not between 1 and 1000")
		}
		_, other := h.answer("default", "SELECT 1")
		_, err = h.GetQueryResults(ctx, &api.GetQueryResultsInput{QueryExecutionId: other.QueryExecutionId, NextToken: first.NextToken})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "Malformed nextPageToken")
	})
	bucket, key := "aws-athena-query-results-"+account+"-"+seoul, *id+".csv"
	if at := *e.ResultConfiguration.OutputLocation; at != "s3://"+bucket+"/"+key {
		t.Fatalf("the result is at %s", at)
	}
	if _, err := h.lake.Head(ctx, h.root, bucket, key+".metadata"); err != nil {
		t.Error(err)
	}
	t.Run("a result that was overwritten, and one that is gone", func(t *testing.T) {
		h.put(bucket, key, strings.Repeat("\"9\"\n", 10_000)) // the token's place is in it
		_, err := get(10, first.NextToken)
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "overwritten")
		h.put(bucket, key, "\"n\"\nno quotes\n")
		_, err = get(10, first.NextToken)
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "overwritten")
		_, err = get(10, nil)
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "a value is not in quotes")
		if err := h.lake.Delete(ctx, h.root, bucket, key); err != nil {
			t.Fatal(err)
		}
		_, err = get(10, nil)
		wantError(t, err, "InvalidRequestException", "RESULT_NOT_FOUND", "Could not find results")
	})
	t.Run("a statement without rows, and one of lines", func(t *testing.T) {
		if rows := h.rows("default", "SELECT 1 AS x WHERE false"); len(rows) != 0 {
			t.Errorf("got %q", rows)
		}
		out, err := h.GetQueryResults(ctx, &api.GetQueryResultsInput{QueryExecutionId: aws.String(*h.wait(h.begin("default", "CREATE DATABASE lines")).QueryExecutionId)})
		if err != nil || len(out.ResultSet.Rows) != 0 || len(out.ResultSet.ResultSetMetadata.ColumnInfo) != 0 || out.UpdateCount != nil {
			t.Errorf("got %+v, %v", out, err)
		}
		for i := range 7 {
			h.do("default", fmt.Sprintf("CREATE DATABASE d%d", i))
		}
		id := h.begin("default", "SHOW DATABASES")
		h.wait(id)
		var names []string
		pages := api.NewGetQueryResultsPaginator(h.Client, &api.GetQueryResultsInput{QueryExecutionId: &id, MaxResults: aws.Int32(2)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.ResultSet.Rows {
				names = append(names, cells(r)...)
			}
		}
		if got := strings.Join(names, " "); got != "d0 d1 d2 d3 d4 d5 d6 default lines" {
			t.Errorf("got %s", got)
		}
	})
}

// endless is a query that would run for hours.
const endless = `SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS a (x), UNNEST(sequence(1, 10000)) AS b (y), UNNEST(sequence(1, 10000)) AS c (z) WHERE (x * 7 + y * 3) % 11 = z % 5`

func (h *house) until(id string, state types.QueryExecutionState) {
	h.t.Helper()
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(2 * time.Millisecond) {
		out, err := h.GetQueryExecution(h.t.Context(), &api.GetQueryExecutionInput{QueryExecutionId: &id})
		if err != nil {
			h.t.Fatal(err)
		}
		if out.QueryExecution.Status.State == state {
			return
		}
	}
	h.t.Fatalf("query %s is never %s", id, state)
}

func TestStop(t *testing.T) {
	h := open(t, t.TempDir(), func(c *query.Config) { c.Concurrency, c.MaxActive = 1, 2 }).run()
	ctx := t.Context()
	running := h.begin("default", endless)
	h.until(running, types.QueryExecutionStateRunning)
	queued := h.begin("default", "SELECT 1")
	_, err := h.StartQueryExecution(ctx, &api.StartQueryExecutionInput{QueryString: aws.String("SELECT 2")})
	wantError(t, err, "TooManyRequestsException", "", "2 queries are active")
	_, err = h.GetQueryResults(ctx, &api.GetQueryResultsInput{QueryExecutionId: &running})
	wantError(t, err, "InvalidRequestException", "INVALID_QUERY_EXECUTION_STATE", "Query has not yet finished. Current state: RUNNING")
	_, err = h.DeleteWorkGroup(ctx, &api.DeleteWorkGroupInput{WorkGroup: aws.String("primary"), RecursiveDeleteOption: aws.Bool(true)})
	wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "cannot be deleted")
	for _, id := range []string{queued, running, running} {
		began := time.Now()
		if _, err := h.StopQueryExecution(ctx, &api.StopQueryExecutionInput{QueryExecutionId: &id}); err != nil {
			t.Fatal(err)
		}
		if e := h.wait(id); e.Status.State != types.QueryExecutionStateCancelled || *e.Status.StateChangeReason != "Query cancelled by user" || e.Status.AthenaError != nil || time.Since(began) > 2*time.Second {
			t.Errorf("after %s: %s %s", time.Since(began), e.Status.State, aws.ToString(e.Status.StateChangeReason))
		}
	}
	_, err = h.GetQueryResults(ctx, &api.GetQueryResultsInput{QueryExecutionId: &running})
	wantError(t, err, "InvalidRequestException", "RESULT_NOT_FOUND", "Could not find results")
	for began := time.Now(); ; time.Sleep(time.Millisecond) { // the places are free once their work is gone
		_, err := h.StartQueryExecution(ctx, &api.StartQueryExecutionInput{QueryString: aws.String("SELECT 3")})
		if err == nil {
			break
		}
		if time.Since(began) > 5*time.Second {
			t.Fatal(err)
		}
	}
	_, done := h.answer("default", "SELECT 4")
	if _, err := h.StopQueryExecution(ctx, &api.StopQueryExecutionInput{QueryExecutionId: done.QueryExecutionId}); err != nil {
		t.Fatal(err)
	}
	if e := h.wait(*done.QueryExecutionId); e.Status.State != types.QueryExecutionStateSucceeded {
		t.Errorf("a query that had succeeded is %s", e.Status.State)
	}
}

func TestTimeoutAndCutoff(t *testing.T) {
	h := open(t, t.TempDir(), func(c *query.Config) { c.MaxTime = 300 * time.Millisecond }).run()
	h.bucket("data")
	if s := h.fails("default", endless); *s.StateChangeReason != "Query timeout" || *s.AthenaError.ErrorType != 206 {
		t.Errorf("got %d %s", *s.AthenaError.ErrorType, *s.StateChangeReason)
	}
	h.do("default", "CREATE EXTERNAL TABLE big (s string) LOCATION 's3://data/big/'")
	h.put("data", "big/a", strings.Repeat("some line of text\n", 600_000))
	group := "small"
	if _, err := h.CreateWorkGroup(t.Context(), &api.CreateWorkGroupInput{Name: &group, Configuration: &types.WorkGroupConfiguration{BytesScannedCutoffPerQuery: aws.Int64(10_000_000),
		ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://data/results")}}}); err != nil {
		t.Fatal(err)
	}
	out, err := h.StartQueryExecution(t.Context(), &api.StartQueryExecutionInput{QueryString: aws.String("SELECT count(*) FROM big"), WorkGroup: &group})
	if err != nil {
		t.Fatal(err)
	}
	e := h.wait(*out.QueryExecutionId)
	if e.Status.State != types.QueryExecutionStateCancelled || *e.Status.StateChangeReason != "Bytes scanned limit was exceeded" || *e.Statistics.DataScannedInBytes != 0 {
		t.Errorf("got %s %s", e.Status.State, aws.ToString(e.Status.StateChangeReason))
	}
}

// TestRestart ends the house in the middle of work and opens it again.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	one := func(c *query.Config) { c.Concurrency, c.Grace = 1, 50*time.Millisecond }
	h := open(t, dir, one).run()
	done := h.begin("default", "SELECT 1")
	h.wait(done)
	running := h.begin("default", endless)
	h.until(running, types.QueryExecutionStateRunning)
	first, second := h.begin("default", "CREATE DATABASE waited"), h.begin("waited", "SHOW DATABASES")
	token := strings.Repeat("t", 32)
	in := &api.StartQueryExecutionInput{QueryString: aws.String("SELECT 5"), ClientRequestToken: &token}
	third, err := h.StartQueryExecution(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	h.stop()

	h = open(t, dir, one)
	early := h.begin("default", "SELECT 6") // accepted before anything runs
	h.run()
	if e := h.wait(running); e.Status.State != types.QueryExecutionStateFailed || !strings.Contains(*e.Status.StateChangeReason, "The server stopped while this query ran") || !e.Status.AthenaError.Retryable {
		t.Errorf("what was running is %s: %s", e.Status.State, aws.ToString(e.Status.StateChangeReason))
	}
	for _, id := range []string{done, first, second, *third.QueryExecutionId, early} {
		if e := h.wait(id); e.Status.State != types.QueryExecutionStateSucceeded {
			t.Errorf("%s is %s: %s", *e.Query, e.Status.State, aws.ToString(e.Status.StateChangeReason))
		}
	}
	again, err := h.StartQueryExecution(t.Context(), in)
	if err != nil || *again.QueryExecutionId != *third.QueryExecutionId {
		t.Errorf("the token gives another execution: %v", err)
	}
	out, err := h.GetQueryResults(t.Context(), &api.GetQueryResultsInput{QueryExecutionId: &second})
	if err != nil || len(out.ResultSet.Rows) != 2 {
		t.Errorf("got %v, %v", out, err)
	}
}

// TestObjectsThatChange overwrites and deletes the objects of a table while queries read it: each answer is of whole
// objects.
func TestObjectsThatChange(t *testing.T) {
	h := newHouse(t)
	h.bucket("data")
	h.do("default", "CREATE EXTERNAL TABLE t (v string) LOCATION 's3://data/t/'")
	write := func(i int) { h.put("data", "t/a", strings.Repeat(fmt.Sprintf("%d\n", i), 1000+i)) }
	write(0)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 1; ctx.Err() == nil; i++ {
			write(i)
			h.put("data", "t/b", "")
			if err := h.lake.Delete(context.Background(), h.root, "data", "t/b"); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 15 {
		row := h.rows("default", "SELECT count(*) - 1000, count(DISTINCT v), max(v) FROM t")[0]
		if row[0] != row[2] || row[1] != "1" {
			t.Errorf("a mixture: %q", row)
		}
	}
	stop()
	<-ended
}

func TestLongRowsMakeShortPages(t *testing.T) {
	h := newHouse(t)
	id := h.begin("default", "SELECT n, array_join(repeat('0123456789', 10000), '') AS s FROM UNNEST(sequence(1, 100)) AS t (n)")
	h.wait(id)
	var pages, rows int
	for p := api.NewGetQueryResultsPaginator(h.Client, &api.GetQueryResultsInput{QueryExecutionId: &id}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows += len(page.ResultSet.Rows)
	}
	if rows != 101 || pages < 3 {
		t.Errorf("got %d rows in %d pages", rows, pages)
	}
}

func BenchmarkSelectOne(b *testing.B) {
	h := newHouse(b)
	h.do("default", "SELECT 1")
	for b.Loop() {
		h.do("default", "SELECT 1")
	}
}
