//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	duck "github.com/duckdb/duckdb-go/v2"
	"golang.org/x/sync/errgroup"

	"flowlake/columnar"
	"flowlake/fault"
)

// text decodes a scan's files, several at a time, into a temporary table, and returns the view's body over
// it. The table lies in the engine's memory and spills to the scratch folder as any other.
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
	}
	for j := range spec.Columns { // names in the stream are ours: a table may have columns a and A
		spec.Columns[j] = columnar.Column{Name: t.Columns[j].Name, Type: t.types[j]}
	}
	decoder, err := columnar.NewText(spec)
	if err != nil {
		return "", err
	}
	s := newStream(decoder, t.units, w)
	defer s.stop()
	source := fmt.Sprintf("__flowlake_stream_%d", i)
	err = w.raw(func(c *duck.Conn) error {
		a, err := duck.NewArrowFromConn(c)
		if err != nil {
			return err
		}
		release, err := a.RegisterView(s, source)
		if err != nil {
			return err
		}
		defer release()
		_, err = c.ExecContext(context.Background(), fmt.Sprintf("CREATE TEMP TABLE __flowlake_rows_%d AS SELECT * FROM %s", i, source), nil)
		return err
	})
	if err == nil {
		err = s.Err()
	}
	if err != nil {
		return "", err
	}
	if err := w.exec("DROP VIEW " + source); err != nil {
		return "", err
	}
	return fmt.Sprintf("SELECT %s FROM __flowlake_rows_%d", t.list(func(j int) string { return streamColumn(place[j]) }, streamColumn(len(spec.Read))), i), nil
}

func streamColumn(i int) string { return fmt.Sprintf("c%d", i) }

// stream is the record batches of a scan's files as DuckDB takes them: the columns that are read, named
// c0, c1 …, then the unit. Files are decoded ahead by as many goroutines as there are processors, each at
// most two batches ahead.
type stream struct {
	schema  *arrow.Schema
	batches chan arrow.RecordBatch
	cancel  context.CancelFunc
	w       *worker
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
	ctx, cancel := context.WithCancel(context.Background())
	workers := runtime.GOMAXPROCS(0)
	s := &stream{schema: arrow.NewSchema(fields, nil), batches: make(chan arrow.RecordBatch, 2*workers), cancel: cancel,
		w: w, done: make(chan struct{}), refs: 1}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	go func() {
		for i, u := range units {
			for _, f := range u.files {
				if ctx.Err() != nil {
					break
				}
				group.Go(func() error { return s.decode(ctx, decoder, f, int32(i+1)) })
			}
		}
		s.err = group.Wait()
		close(s.batches)
		close(s.done)
	}()
	return s
}

// decode sends the batches of one file.
func (s *stream) decode(ctx context.Context, decoder *columnar.Text, f placed, unit int32) error {
	file, err := os.Open(f.link)
	if err != nil {
		return fault.Newf(fault.Unavailable, "file "+f.URL, "cannot be opened")
	}
	defer file.Close()
	var units arrow.Array
	stats, err := decoder.Read(ctx, f.URL, file, func(b arrow.RecordBatch) error {
		defer b.Release()
		if units == nil || int64(units.Len()) < b.NumRows() {
			units = repeated(unit, int(b.NumRows()))
		}
		part := array.NewSlice(units, 0, b.NumRows())
		defer part.Release()
		columns := append(append(make([]arrow.Array, 0, len(s.schema.Fields())), b.Columns()...), part)
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

// stop ends the decoding, when its reader will not come back, and waits for it.
func (s *stream) stop() {
	s.cancel()
	for b := range s.batches {
		b.Release()
	}
	<-s.done
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
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}
