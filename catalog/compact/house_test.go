package compact

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/columnar"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

const account = "123456789012"

var root = access.Root(account, "us-east-1")

// house is the rooms over one folder, with a sorter that does not sort.
type house struct {
	*Compactor
	t      *testing.T
	state  *state.Store
	lake   *lake.Store
	tables *catalog.Catalog
	dir    string
	sorter *joiner
	reach  func(point string)
}

// joiner puts files behind each other.
type joiner struct {
	jobs  []Job
	fails func(Job) error
	lies  int64
	loses int // of each job's inputs
	gives []byte
}

func (j *joiner) Sort(ctx context.Context, job Job) (rows int64, err error) {
	j.jobs = append(j.jobs, job)
	if j.fails != nil {
		if err := j.fails(job); err != nil {
			return 0, err
		}
	}
	if j.gives != nil {
		return 400, os.WriteFile(job.Output, j.gives, 0o600)
	}
	out, err := os.Create(job.Output)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	var w *pqarrow.FileWriter
	for _, in := range job.Inputs[j.loses:] {
		r, err := file.OpenParquetFile(in.Path, false)
		if err != nil {
			return 0, err
		}
		arrows, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			return 0, err
		}
		table, err := arrows.ReadTable(ctx)
		if err != nil {
			return 0, err
		}
		if w == nil {
			if w, err = pqarrow.NewFileWriter(table.Schema(), out, nil, pqarrow.DefaultWriterProps()); err != nil {
				return 0, err
			}
		}
		if err := w.WriteTable(table, 1<<20); err != nil {
			return 0, err
		}
		rows += table.NumRows()
		table.Release()
		r.Close()
	}
	return rows + j.lies, w.Close()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), sorter: &joiner{}, reach: func(string) {}}
	guard, quiet := access.NewGuard(account), slog.New(slog.DiscardHandler)
	var err error
	if h.state, err = state.Open(filepath.Join(h.dir, "state")); err != nil {
		t.Fatal(err)
	}
	if h.lake, err = lake.Open(lake.Config{Dir: filepath.Join(h.dir, "lake")}, h.state, guard, quiet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.lake.Close(); h.state.Close() })
	h.tables = catalog.Open(h.state, guard, quiet)
	h.begin()
	if err := h.lake.CreateBucket(t.Context(), root, "lake"); err != nil {
		t.Fatal(err)
	}
	if err := h.tables.CreateDatabase(t.Context(), root, catalog.Database{Name: "db"}); err != nil {
		t.Fatal(err)
	}
	return h
}

// begin makes a compactor, as a start of the process does.
func (h *house) begin() {
	h.Compactor = New(Config{Scratch: filepath.Join(h.dir, "scratch"), Reached: func(p string) { h.reach(p) }}, h.state, h.tables, h.lake, h.sorter,
		access.NewGuard(account), slog.New(slog.DiscardHandler))
}

func (h *house) table(parameters map[string]string, keys ...string) {
	h.t.Helper()
	t := catalog.Table{Database: "db", Name: "flows", Kind: catalog.ExternalTable, Parameters: parameters,
		Storage: catalog.Storage{Location: "s3://lake/flows", InputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
			SerDe:   catalog.SerDe{Library: parquetSerDe},
			Columns: []catalog.Column{{Name: "srcaddr", Type: "string"}, {Name: "dstaddr", Type: "string"}, {Name: "bytes", Type: "bigint"}, {Name: "tags", Type: "array<string>"}}}}
	for _, k := range keys {
		t.PartitionKeys = append(t.PartitionKeys, catalog.Column{Name: k, Type: "string"})
	}
	if _, err := h.tables.CreateTable(h.t.Context(), root, t); err != nil {
		h.t.Fatal(err)
	}
}

// flows is a Parquet file of rows whose bytes count up from a number; bytes is of the type.
func flows(t *testing.T, kind string, from, rows int) []byte {
	t.Helper()
	var columns []columnar.Column
	for _, c := range []string{"srcaddr string", "dstaddr string", "bytes " + kind} {
		name, text, _ := strings.Cut(c, " ")
		parsed, err := columnar.ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, columnar.Column{Name: name, Type: parsed})
	}
	var b bytes.Buffer
	w, err := parquet.NewWriter(&b, columns, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < from+rows; i++ {
		w.Column(0).Text(fmt.Appendf(nil, "10.0.0.%d", i%250))
		w.Column(2).Int(int64(i))
		w.EndRow()
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (h *house) put(key string, body []byte) {
	h.t.Helper()
	_, err := h.lake.Put(context.Background(), root, lake.PutInput{Bucket: "lake", Key: key, Body: bytes.NewReader(body), Size: int64(len(body))})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) keys() (keys []string) {
	h.t.Helper()
	for o, err := range h.lake.Walk(context.Background(), root, "lake", "") {
		if err != nil {
			h.t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// sum is of the column bytes over all objects.
func (h *house) sum() (rows, sum int64) {
	h.t.Helper()
	for _, key := range h.keys() {
		r, err := h.lake.Open(context.Background(), root, "lake", key)
		if err != nil {
			h.t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.HasPrefix(body, []byte("PAR1")) {
			continue
		}
		f, err := file.NewParquetReader(bytes.NewReader(body))
		if err != nil {
			h.t.Fatal(err)
		}
		arrows, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			h.t.Fatal(err)
		}
		table, err := arrows.ReadTable(context.Background())
		if err != nil {
			h.t.Fatal(err)
		}
		at := table.Schema().FieldIndices("bytes")[0]
		for _, chunk := range table.Column(at).Data().Chunks() {
			for i := range chunk.Len() {
				var n int64
				fmt.Sscan(chunk.ValueStr(i), &n)
				sum += n
			}
		}
		rows += table.NumRows()
		table.Release()
	}
	return rows, sum
}

// run does one request to its end.
func (h *house) run(r Request) Run {
	h.t.Helper()
	run, err := h.Start(context.Background(), root, r)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.finish(context.Background(), run.ID)
}

// finish works on what waits, as Run does, and returns the run.
func (h *house) finish(ctx context.Context, id string) Run {
	h.t.Helper()
	for {
		at, found, err := h.next(ctx)
		if err == nil && found {
			err = h.work(ctx, at)
		}
		if ctx.Err() != nil {
			return Run{}
		}
		if err != nil {
			h.t.Fatal(err)
		}
		if !found {
			break
		}
	}
	run, err := h.find(context.Background(), root, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return run
}

var whole = Request{Database: "db", Table: "flows"}

func refused(t *testing.T, err error, kind fault.Kind, noun string) {
	t.Helper()
	if !fault.Is(err, kind) || !fault.HasNoun(err, noun) {
		t.Errorf("got %v, want %v about %s", err, kind, noun)
	}
}
