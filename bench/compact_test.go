package bench

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"flowlake/columnar"
	file "flowlake/columnar/parquet"
	"flowlake/flow"
	"flowlake/flow/synthetic"
)

const (
	compactFiles = 16
	compactTypes = "version int, account_id string, interface_id string, srcaddr string, dstaddr string, srcport int, dstport int, protocol int, packets bigint, bytes bigint, start bigint, end_time bigint, action string, log_status string"
)

// unsorted writes 10 million records as delivery does, as they come, into 16 files, and returns their glob.
func unsorted(t *testing.T, dir string) string {
	t.Helper()
	var columns []columnar.Column
	for c := range strings.SplitSeq(compactTypes, ", ") {
		name, text, _ := strings.Cut(c, " ")
		kind, err := columnar.ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, columnar.Column{Name: name, Type: kind})
	}
	g, err := synthetic.New(synthetic.Config{Seed: 1, Rows: parquetRows, Fields: flow.DefaultFormat(), Start: time.Unix(1_767_225_600, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range compactFiles {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("in-%02d.parquet", i)))
		if err != nil {
			t.Fatal(err)
		}
		w, err := file.NewWriter(f, columns, file.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var line []byte
		for range parquetRows / compactFiles {
			line, _ = g.Next(line[:0])
			at := 0
			for field := range bytes.SplitSeq(line, []byte{' '}) {
				switch b := w.Column(at); {
				case len(field) == 1 && field[0] == '-':
				case b.Type().Kind == columnar.String:
					b.Text(field)
				default:
					n, err := strconv.ParseInt(string(field), 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					b.Int(n)
				}
				at++
			}
			w.EndRow()
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "in-*.parquet")
}

// compacting serves the files as a table, and returns what compacts it.
func compacting(t *testing.T, dir, glob string) (s *server, client *athena.Client) {
	t.Helper()
	s = serve(t, dir)
	client = athena.NewFromConfig(s.cfg)
	bucket := s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := bucket.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bench-compact")}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(glob)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bucket.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bench-compact"), Key: aws.String("flows/" + filepath.Base(name)), Body: f}); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	run(t, client, "CREATE DATABASE bench")
	run(t, client, "CREATE EXTERNAL TABLE bench.flows ("+strings.ReplaceAll(compactTypes, "start bigint", "`start` bigint")+") STORED AS PARQUET LOCATION 's3://bench-compact/flows/'")
	return s, client
}

func compactNow(t *testing.T, s *server, dir string) string {
	t.Helper()
	c := exec.Command(program, "compact", "bench.flows", "--endpoint", *s.cfg.BaseEndpoint, "--credentials", filepath.Join(dir, "credentials"))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// familyCPU is the processor time of the server and of its workers that have ended.
func (s *server) familyCPU() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	var ticks int64
	for _, f := range strings.Fields(rest)[11:15] { // utime, stime, cutime, cstime: proc(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// compactMemory is what a worker's query may take, and what DuckDB gets beside it.
const compactMemory = "2GiB"

// TestBenchCompact compares flowlake compact, from the command to the swap, with DuckDB's sorted COPY of the same files,
// each in a process that begins, at the same bound on memory; by turns, and the better of two of each.
func TestBenchCompact(t *testing.T) {
	benchmark(t)
	dir := t.TempDir()
	glob := unsorted(t, dir)
	var ours, oursWall, peer, peerWall time.Duration
	var said string
	for range 2 {
		own := t.TempDir()
		s, _ := compacting(t, own, glob)
		time.Sleep(time.Second) // its idle workers start
		before, began := s.familyCPU(), time.Now()
		said = compactNow(t, s, own)
		wall := time.Since(began)
		time.Sleep(time.Second) // the worker is reaped
		if cpu := s.familyCPU() - before; ours == 0 || cpu < ours {
			ours, oursWall = cpu, wall
		}
		s.stop()

		c := exec.Command(os.Args[0], "-test.run", "^TestCompactPeer$", "-test.timeout", "20m")
		c.Env = append(os.Environ(), "COMPACT_PEER="+glob, "COMPACT_OUT="+own)
		began = time.Now()
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime(); peer == 0 || cpu < peer {
			peer, peerWall = cpu, time.Since(began)
		}
	}
	fmt.Printf("BENCH compact ours=%.1f peer=%.1f ratio=%.2f (CPU-s; wall %.1f and %.1f s; %s)\n", ours.Seconds(), peer.Seconds(), ours.Seconds()/peer.Seconds(), oursWall.Seconds(), peerWall.Seconds(), said)
}

// TestCompactPeer is what TestBenchCompact runs; alone it does nothing.
func TestCompactPeer(t *testing.T) {
	glob, out := os.Getenv("COMPACT_PEER"), os.Getenv("COMPACT_OUT")
	if glob == "" {
		t.Skip("runs in TestBenchCompact")
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"SET memory_limit = '" + compactMemory + "'", "SET temp_directory = '" + out + "/spill'",
		"COPY (SELECT * FROM '" + glob + "' ORDER BY srcaddr, dstaddr, start) TO '" + out + "/peer.parquet' (FORMAT parquet, COMPRESSION zstd)"} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBenchLayout compares queries over 16 unsorted files with the same over their compacted form, both by DuckDB in
// this process, and the latter with the Athena API.
func TestBenchLayout(t *testing.T) {
	benchmark(t)
	dir := t.TempDir()
	glob := unsorted(t, dir)
	s, client := compacting(t, dir, glob)
	compactNow(t, s, dir)
	bucket := s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	list, err := bucket.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("bench-compact"), Prefix: aws.String("flows/")})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range list.Contents {
		got, err := bucket.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bench-compact"), Key: o.Key})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("out-%d.parquet", i)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(f, got.Body); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	compacted := filepath.Join(dir, "out-*.parquet")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ask := func(query string) (cpu, wall time.Duration) {
		t.Helper()
		cpu, began := ownCPU(t), time.Now()
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		return ownCPU(t) - cpu, time.Since(began)
	}
	for _, q := range []struct{ name, sql string }{
		{"needle", "SELECT count(*) AS flows FROM %s WHERE srcaddr = '192.168.1.10' AND dstport = 22"},
		{"needle-rows", "SELECT * FROM %s WHERE srcaddr = '192.168.1.10' AND dstport = 22"},
		{"top-talkers", "SELECT srcaddr, sum(bytes) AS total FROM %s GROUP BY srcaddr ORDER BY total DESC, srcaddr LIMIT 10"},
		{"rejected-by-protocol", "SELECT protocol, count(*) AS flows FROM %s WHERE action = 'REJECT' GROUP BY protocol ORDER BY protocol"},
	} {
		const rounds = 7
		var loose, tight, peer, ours [rounds]float64
		for i := range rounds {
			cpu, _ := ask(fmt.Sprintf(q.sql, "'"+glob+"'"))
			loose[i] = cpu.Seconds() * 1000
			cpu, wall := ask(fmt.Sprintf(q.sql, "'"+compacted+"'"))
			tight[i], peer[i] = cpu.Seconds()*1000, wall.Seconds()*1000
			began := time.Now()
			run(t, client, fmt.Sprintf(q.sql, "bench.flows"))
			ours[i] = time.Since(began).Seconds() * 1000
		}
		a, b, p, o := median(loose[:]), median(tight[:]), median(peer[:]), median(ours[:])
		fmt.Printf("BENCH layout-%s unsorted=%.1f compacted=%.1f ratio=%.1f (CPU-ms in DuckDB) athena=%.0f duckdb=%.0f ratio=%.2f (ms; %.2f after the 40 ms that the API may take)\n",
			q.name, a, b, a/b, o, p, o/p, (o-40)/p)
	}
}
