package bench

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	_ "github.com/duckdb/duckdb-go/v2"

	"flowlake/flow"
	"flowlake/flow/synthetic"
)

const parquetRows = 10_000_000

// parquet writes flow-log records of the default format into one Parquet file.
func parquet(t *testing.T, db *sql.DB, dir string) string {
	t.Helper()
	text, file := filepath.Join(dir, "flows.txt"), filepath.Join(dir, "flows.parquet")
	f, err := os.Create(text)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start_time end_time action log_status")
	g, err := synthetic.New(synthetic.Config{Seed: 1, Rows: parquetRows, Fields: flow.DefaultFormat(), Start: time.Unix(1_767_225_600, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for line, ok := g.Next(nil); ok; line, ok = g.Next(line[:0]) {
		w.Write(append(line, '\n'))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	_, err = db.Exec(`COPY (SELECT * FROM read_csv('` + text + `', delim=' ', header=true, nullstr='-', columns={
		'version':'INTEGER','account_id':'VARCHAR','interface_id':'VARCHAR','srcaddr':'VARCHAR','dstaddr':'VARCHAR','srcport':'INTEGER','dstport':'INTEGER',
		'protocol':'INTEGER','packets':'BIGINT','bytes':'BIGINT','start_time':'BIGINT','end_time':'BIGINT','action':'VARCHAR','log_status':'VARCHAR'}))
		TO '` + file + `' (FORMAT parquet, COMPRESSION zstd)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(text); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestBenchSelect compares a SELECT through the whole Athena API, start to results, with DuckDB in this
// process on the same file.
func TestBenchSelect(t *testing.T) {
	benchmark(t)
	dir := t.TempDir()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	file := parquet(t, db, dir)
	s := serve(t, dir)
	client := athena.NewFromConfig(s.cfg)
	upload(t, s, file)
	run(t, client, "CREATE DATABASE bench")
	run(t, client, `CREATE EXTERNAL TABLE bench.flows (version int, account_id string, interface_id string, srcaddr string, dstaddr string, srcport int, dstport int,
		protocol int, packets bigint, bytes bigint, start_time bigint, end_time bigint, action string, log_status string)
		STORED AS PARQUET LOCATION 's3://bench-select/flows/'`)
	for _, q := range []struct{ name, sql string }{
		{"top-talkers", "SELECT srcaddr, sum(bytes) AS total FROM %s GROUP BY srcaddr ORDER BY total DESC, srcaddr LIMIT 10"},
		{"rejected-by-protocol", "SELECT protocol, count(*) AS flows FROM %s WHERE action = 'REJECT' GROUP BY protocol ORDER BY protocol"},
		{"needle", "SELECT count(*) AS flows FROM %s WHERE srcaddr = '192.168.1.10' AND dstport = 22"},
	} {
		const rounds = 7
		var ours, peer [rounds]float64
		for i := range rounds {
			began := time.Now()
			run(t, client, fmt.Sprintf(q.sql, "bench.flows"))
			ours[i] = time.Since(began).Seconds() * 1000
			began = time.Now()
			rows, err := db.Query(fmt.Sprintf(q.sql, "'"+file+"'"))
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
			}
			if err := rows.Close(); err != nil {
				t.Fatal(err)
			}
			peer[i] = time.Since(began).Seconds() * 1000
		}
		a, b := median(ours[:]), median(peer[:])
		fmt.Printf("BENCH select-%s ours=%.0f peer=%.0f ratio=%.2f (ms; %.2f after the 60 ms that the API may take)\n", q.name, a, b, a/b, (a-60)/b)
	}
}

func median(of []float64) float64 {
	s := slices.Sorted(slices.Values(of))
	return s[len(s)/2]
}

func upload(t *testing.T, s *server, file string) {
	t.Helper()
	client := s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bench-select")}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bench-select"), Key: aws.String("flows/flows.parquet"), Body: f}); err != nil {
		t.Fatal(err)
	}
}

// run takes one statement through start, wait and its first page of results, as a client does.
func run(t *testing.T, client *athena.Client, text string) {
	t.Helper()
	ctx := context.Background()
	out, err := client.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &text})
	if err != nil {
		t.Fatal(err)
	}
	for {
		q, err := client.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: out.QueryExecutionId})
		if err != nil {
			t.Fatal(err)
		}
		switch q.QueryExecution.Status.State {
		case types.QueryExecutionStateSucceeded:
			if _, err := client.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: out.QueryExecutionId}); err != nil {
				t.Fatal(err)
			}
			return
		case types.QueryExecutionStateFailed, types.QueryExecutionStateCancelled:
			t.Fatalf("%s: %s", text, aws.ToString(q.QueryExecution.Status.StateChangeReason))
		}
		time.Sleep(2 * time.Millisecond)
	}
}
