//go:build duckdb_arrow

package duckdb

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	duck "github.com/duckdb/duckdb-go/v2"
	"golang.org/x/sync/errgroup"

	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/query"
)

// source is a scan of text: a stream of record batches under a name in DuckDB, which can be read once.
type source struct {
	view   string // of the scan
	body   func(from string) string
	stream *stream
	name   string
	free   func()
	gone   bool // a barrier took what was to be seen of it
}

// text registers the stream of a scan's files and returns the view's body over it. Nothing is decoded before
// the first batch is asked for.
func (w *worker) text(i int, t *table) (string, error) {
	spec, err := t.spec()
	if err != nil {
		return "", err
	}
	var place []int // the stream's column of each table column
	for j, c := range t.Columns {
		place = append(place, len(spec.Read))
		if c.Read {
			spec.Read = append(spec.Read, j)
		}
		spec.Columns[j] = columnar.Column{Name: c.Name, Type: t.types[j]}
	}
	decoder, err := columnar.NewText(spec)
	if err != nil {
		return "", err
	}
	s := &source{view: t.Name, stream: newStream(decoder, t.units, w), name: fmt.Sprintf("__flowlake_stream_%d", i)}
	s.body = func(from string) string {
		return fmt.Sprintf("SELECT %s FROM %s", t.list(func(j int) string { return streamColumn(place[j]) }, streamColumn(len(spec.Read))), from)
	}
	err = w.raw(func(c *duck.Conn) error {
		a, err := duck.NewArrowFromConn(c)
		if err != nil {
			return err
		}
		s.free, err = a.RegisterView(s.stream, s.name)
		return err
	})
	if err != nil {
		return "", err
	}
	w.sources = append(w.sources, s)
	return s.body(s.name), nil
}

// settle decides how the streams are read. A statement whose plan is one whole scan of one stream, and joins
// nothing, takes the batches as they are decoded. Otherwise each stream becomes a temporary table first: a
// stream can be read once only, and of a table DuckDB knows the size, by which it orders joins. A temporary
// table spills to the scratch folder as any other.
func (w *worker) settle(job query.Job) error {
	if len(w.sources) == 0 || len(job.Scans) == 1 && w.sources[0].gone {
		return nil
	}
	if len(job.Scans) == 1 && !w.materialise {
		direct, err := w.direct(job.SQL)
		if direct || err != nil {
			return err
		}
	}
	for i, scan := range job.Scans {
		s := w.source(scan.Name)
		if s == nil || s.gone {
			continue
		}
		if err := w.gather(i, s); err != nil {
			return err
		}
	}
	return nil
}

// direct reports whether the statement can take the only stream's batches as they come. DuckDB takes for granted
// that a stream delivers the columns and rows that it pushed down, and ours delivers all, so the optimizers that
// push are off, and the plan is looked at to be sure.
func (w *worker) direct(statement string) (bool, error) {
	if err := w.exec("SET disabled_optimizers = 'filter_pushdown,unused_columns'"); err != nil {
		return false, err
	}
	var kind, plan string
	if err := w.conn.QueryRowContext(context.Background(), "EXPLAIN (FORMAT json) "+statement).Scan(&kind, &plan); err != nil {
		return false, err
	}
	var roots []operator
	if json.Unmarshal([]byte(plan), &roots) == nil {
		if streams, plain := wholeScans(roots); streams == 1 && plain {
			return true, nil
		}
	}
	return false, w.exec("RESET disabled_optimizers")
}

// operator is a node of DuckDB's plan.
type operator struct {
	Name     string     `json:"name"`
	Children []operator `json:"children"`
	Info     struct {
		Projections any `json:"Projections"`
		Filters     any `json:"Filters"`
	} `json:"extra_info"`
}

// wholeScans counts the scans of streams, and says whether all of them read every column and row, below
// operators that read their input once.
func wholeScans(operators []operator) (streams int, plain bool) {
	plain = true
	for _, o := range operators {
		if strings.HasPrefix(o.Name, "ARROW_SCAN") {
			streams++
			plain = plain && o.Info.Filters == nil && (o.Info.Projections == nil || o.Info.Projections == "") // all columns
		}
		if joins.MatchString(o.Name) {
			plain = false
		}
		below, fine := wholeScans(o.Children)
		streams += below
		plain = plain && fine
	}
	return streams, plain
}

// joins finds the operators that read an input more than once, or weigh one against another.
var joins = regexp.MustCompile(`JOIN|CTE|PRODUCT|RECURSIVE|DELIM`)

func streamColumn(i int) string { return fmt.Sprintf("c%d", i) }

// stream is the record batches of a scan's files as DuckDB takes them: the columns that are read, named
// c0, c1 …, then the unit. Files are decoded ahead by as many goroutines as there are processors, each at
// most two batches ahead.
type stream struct {
	schema  *arrow.Schema
	decoder *columnar.Text
	units   []unit
	w       *worker
	begun   bool
	batches chan arrow.RecordBatch
	cancel  context.CancelFunc
	current arrow.RecordBatch
	done    chan struct{}
	err     error // after done

	mu   sync.Mutex // guards refs
	refs int
}

func newStream(decoder *columnar.Text, units []unit, w *worker) *stream {
	fields := make([]arrow.Field, 0, decoder.Schema().NumFields()+1)
	for i, f := range decoder.Schema().Fields() {
		f.Name = streamColumn(i)
		fields = append(fields, f)
	}
	fields = append(fields, arrow.Field{Name: streamColumn(len(fields)), Type: arrow.PrimitiveTypes.Int32})
	return &stream{schema: arrow.NewSchema(fields, nil), decoder: decoder, units: units, w: w, refs: 1}
}

// start begins to decode.
func (s *stream) start() {
	ctx, cancel := context.WithCancel(context.Background())
	workers := runtime.GOMAXPROCS(0)
	s.batches, s.done, s.cancel = make(chan arrow.RecordBatch, 2*workers), make(chan struct{}), cancel
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	go func() {
		for i, u := range s.units {
			for _, f := range u.files {
				for _, part := range s.decoder.Split(f.URL, f.Size) {
					if ctx.Err() == nil {
						group.Go(func() error { return s.decode(ctx, f, part, int32(i+1)) })
					}
				}
			}
		}
		s.err = group.Wait()
		close(s.batches)
		close(s.done)
	}()
}

// decode sends the batches of one part of a file.
func (s *stream) decode(ctx context.Context, f placed, part columnar.Part, unit int32) error {
	file, err := os.Open(f.link)
	if err != nil {
		return fault.Newf(fault.Unavailable, "file "+f.URL, "cannot be opened")
	}
	defer file.Close()
	var units arrow.Array
	stats, err := s.decoder.ReadPart(ctx, f.URL, file, part, func(b arrow.RecordBatch) error {
		defer b.Release()
		if units == nil || int64(units.Len()) < b.NumRows() {
			units = repeated(unit, int(b.NumRows()))
		}
		column := array.NewSlice(units, 0, b.NumRows())
		defer column.Release()
		columns := append(append(make([]arrow.Array, 0, len(s.schema.Fields())), b.Columns()...), column)
		batch := array.NewRecordBatch(s.schema, columns, b.NumRows())
		select {
		case s.batches <- batch:
			return nil
		case <-ctx.Done():
			batch.Release()
			return ctx.Err()
		}
	})
	s.w.count(stats.Unmatched)
	return err
}

func repeated(v int32, n int) arrow.Array {
	b := array.NewInt32Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(n)
	for range n {
		b.UnsafeAppend(v)
	}
	return b.NewArray()
}

var _ array.RecordReader = (*stream)(nil)

func (s *stream) Retain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs++
}

func (s *stream) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refs--; s.refs == 0 && s.current != nil {
		s.current.Release()
		s.current = nil
	}
}

func (s *stream) Schema() *arrow.Schema { return s.schema }

func (s *stream) Next() bool {
	if s.current != nil {
		s.current.Release()
		s.current = nil
	}
	if !s.begun {
		s.begun = true
		s.start()
	}
	b, ok := <-s.batches
	if ok {
		s.current = b
		return true
	}
	<-s.done
	if s.err != nil {
		s.w.fail(s.err)
	}
	return false
}

func (s *stream) RecordBatch() arrow.RecordBatch { return s.current }

// Record is RecordBatch under the name that it had.
func (s *stream) Record() arrow.RecordBatch { return s.current }

func (s *stream) Err() error {
	if !s.begun {
		return nil
	}
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}
