package convert

import (
	"errors"
	"io"
	"math"

	"flowlake/columnar"
	"flowlake/columnar/parquet"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// File is a Parquet file being written. It is used by one goroutine.
type File struct {
	c      *Converter
	flat   *parquet.Writer
	nested *nestedFile
	o      parquet.Options
	rows   int64
}

// NewFile begins a file of the converter's columns. It is closed or given up.
func (c *Converter) NewFile(w io.Writer, o parquet.Options) (*File, error) {
	f := &File{c: c, o: o}
	if c.nested {
		f.nested = newNestedFile(c, w, o)
		return f, nil
	}
	var err error
	f.flat, err = parquet.NewWriter(w, c.Columns(), o)
	return f, err
}

// Reset begins another file in the same memory, after Close or Abort.
func (f *File) Reset(w io.Writer) {
	f.rows = 0
	if f.nested != nil {
		f.nested = newNestedFile(f.c, w, f.o)
		return
	}
	f.flat.Reset(w)
}

// Rows is how many rows were appended.
func (f *File) Rows() int64 { return f.rows }

// Append appends the rows of a record, which the file's converter has read. An error is of the file's writer; it may come later, at Close.
func (f *File) Append(r *Rows) error {
	n := r.Len()
	f.rows += int64(n)
	if f.nested != nil {
		return f.nested.append(r)
	}
	for at := 0; at < len(r.cells); at += r.width {
		row := r.cells[at : at+r.width]
		for i := range row {
			v := &row[i]
			if !v.valid {
				continue // EndRow makes it NULL
			}
			b := f.flat.Column(i)
			switch f.c.columns[i].typ.Kind {
			case columnar.String, columnar.Varchar, columnar.Char, columnar.Binary:
				b.Text(v.text)
			case columnar.Int, columnar.BigInt, columnar.TinyInt, columnar.SmallInt, columnar.Date:
				b.Int(v.n)
			case columnar.Timestamp:
				b.Timestamp(v.n)
			case columnar.Float, columnar.Double:
				b.Float(math.Float64frombits(uint64(v.n)))
			case columnar.Boolean:
				b.Bool(v.n != 0)
			case columnar.Decimal:
				b.Decimal(decimal128.New(v.high, uint64(v.n)))
			}
		}
		f.flat.EndRow()
	}
	return nil
}

// Close ends the file and leaves its writer open.
func (f *File) Close() (parquet.Stats, error) {
	if f.nested != nil {
		return f.nested.close()
	}
	return f.flat.Close()
}

// Abort gives the file up.
func (f *File) Abort() {
	if f.nested != nil {
		f.nested.abort()
	}
}

// nestedRows is how many rows of nested columns make a batch.
const nestedRows = 4096

// nestedFile writes Arrow batches, which it hands to a goroutine that encodes them.
type nestedFile struct {
	c       *Converter
	build   *array.RecordBuilder
	batches chan arrow.RecordBatch
	done    chan struct{} // closed when the encoder has ended
	stats   parquet.Stats
	err     error // valid when done is closed
	pending int
	ended   bool
	given   bool // up: guarded by batches being closed
}

var errGivenUp = errors.New("the file was given up")

func newNestedFile(c *Converter, w io.Writer, o parquet.Options) *nestedFile {
	n := &nestedFile{c: c, build: array.NewRecordBuilder(memory.DefaultAllocator, columnar.ArrowSchema(c.Columns())),
		batches: make(chan arrow.RecordBatch, 1), done: make(chan struct{})}
	go func() {
		defer close(n.done)
		n.stats, n.err = parquet.WriteArrow(w, func(yield func(arrow.RecordBatch, error) bool) {
			for b := range n.batches {
				if !yield(b, nil) {
					return
				}
			}
			if n.given {
				yield(nil, errGivenUp)
			}
		}, o)
	}()
	return n
}

func (n *nestedFile) append(r *Rows) error {
	for at := 0; at < len(r.cells); at += r.width {
		for i := range n.c.columns {
			n.c.appendCell(&n.c.columns[i], &r.cells[at+i], n.build.Field(i))
		}
		if n.pending++; n.pending == nestedRows {
			if err := n.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *nestedFile) flush() error {
	n.pending = 0
	select {
	case n.batches <- n.build.NewRecordBatch():
		return nil
	case <-n.done:
		return n.err
	}
}

func (n *nestedFile) end() {
	if !n.ended {
		n.ended = true
		close(n.batches)
	}
	<-n.done
	n.build.Release()
}

func (n *nestedFile) close() (parquet.Stats, error) {
	if n.pending > 0 {
		if err := n.flush(); err != nil {
			n.end()
			return parquet.Stats{}, err
		}
	}
	n.end()
	return n.stats, n.err
}

func (n *nestedFile) abort() {
	if !n.ended {
		n.given = true
		n.end()
	}
}
