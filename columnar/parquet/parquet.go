// Package parquet writes Parquet files straight from values: a row is a call of one method for each column, and
// nothing between that call and the page is kept as a string, an interface or a record batch.
//
//	w, err := parquet.NewWriter(out, columns, parquet.Options{})
//	w.Column(0).Int(2)
//	w.Column(1).Text([]byte("172.31.16.139"))
//	w.EndRow()              // a column without a value has NULL in this row
//	stats, err := w.Close() // errors of out surface here and at Flush
//	w.Reset(next)           // the same memory writes the next file
//
// Columns are flat: every Hive type but array, map and struct, for which WriteArrow takes Arrow batches. Each is
// OPTIONAL in the file. Text columns are taken apart by a dictionary that hashes bytes; integers are kept as
// they are and encoded when their row group ends, by whatever is smallest: a dictionary, deltas
// or plain. Timestamps are INT64 microseconds that are not adjusted to UTC: Athena, Trino and DuckDB read
// them as timestamp without a zone, which is Hive's timestamp, and no digit that a JSON record brings is lost.
// (Differs from AWS: Firehose writes INT96, which Parquet has deprecated and which has no statistics.)
//
// A Writer's memory is bounded by its row group, and is kept across row groups and files. It does not know of
// tables, partitions or places, and never reads a file. A Writer belongs to one goroutine.
package parquet

import (
	"io"
	"strings"

	"flowlake/columnar"
	"flowlake/fault"
)

// Compression is a codec for pages.
type Compression uint8

// The codecs. A column that a codec makes smaller by less than a quarter is stored as it is.
const (
	Snappy Compression = iota
	Gzip
	Zstd
	Uncompressed
)

var compressionNames = [...]string{"SNAPPY", "GZIP", "ZSTD", "UNCOMPRESSED"}

// String is the codec's name as table properties spell it: SNAPPY, GZIP, ZSTD, UNCOMPRESSED.
func (c Compression) String() string {
	if int(c) < len(compressionNames) {
		return compressionNames[c]
	}
	return "codec?"
}

// ParseCompression reads a codec's name in any case; NONE is UNCOMPRESSED, and no name is SNAPPY. It returns a
// fault.Unsupported error for the codecs that are not written here.
func ParseCompression(name string) (Compression, error) {
	switch upper := strings.ToUpper(name); upper {
	case "":
		return Snappy, nil
	case "NONE":
		return Uncompressed, nil
	default:
		for i, n := range compressionNames {
			if n == upper {
				return Compression(i), nil
			}
		}
	}
	return 0, fault.Newf(fault.Unsupported, "compression "+name, "Parquet is written with SNAPPY, GZIP, ZSTD or UNCOMPRESSED")
}

// Bounds of a row group. Its rows are what a reader skips or reads at once; 2^18 rows of a flow log are some 4 MB in the file.
const (
	DefaultRowGroupRows  = 1 << 18
	DefaultRowGroupBytes = 64 << 20
)

// Options says how files are written. The zero value works.
type Options struct {
	Compression   Compression
	RowGroupRows  int               // rows at which a row group ends; 0 takes DefaultRowGroupRows
	RowGroupBytes int64             // bytes in memory at which it ends sooner; 0 takes DefaultRowGroupBytes
	Bloom         []string          // columns that get a bloom filter, in any case; not boolean
	SortedBy      []string          // columns that the caller's rows are sorted by, ascending, NULLs last: recorded, not checked
	Metadata      map[string]string // of the file
}

// Stats says what a file has.
type Stats struct {
	Rows  int64
	Bytes int64 // the file's size
}

// Writer writes one file at a time. NewWriter makes it.
type Writer struct {
	out      io.Writer
	columns  []columnar.Column
	builders []Builder
	o        Options
	sorted   []int
	rows     int   // of the open row group
	written  int64 // rows of the row groups before it
	grown    int64 // bytes of text that builders took since memory was counted
	offset   int64 // bytes given to out
	groups   []byte
	nGroups  int
	err      error
	closed   bool
	pack     packer
	compress compressor
	chunker  chunker
	head     []byte
	schema   []byte
	begun    bool
}

// NewWriter writes rows of columns to w. It returns a fault.Unsupported error that names the column whose type is
// nested, and fault.Invalid for options that name no column. Nothing is written before the first row group ends.
func NewWriter(w io.Writer, columns []columnar.Column, o Options) (*Writer, error) {
	if o.RowGroupRows <= 0 {
		o.RowGroupRows = DefaultRowGroupRows
	}
	if o.RowGroupBytes <= 0 {
		o.RowGroupBytes = DefaultRowGroupBytes
	}
	if o.Compression > Uncompressed {
		return nil, fault.Newf(fault.Invalid, "compression", "%d is none", o.Compression)
	}
	if len(columns) == 0 {
		return nil, fault.Newf(fault.Invalid, "Parquet file", "it has no columns")
	}
	p := &Writer{columns: append([]columnar.Column(nil), columns...), o: o, builders: make([]Builder, len(columns))}
	for i, c := range p.columns {
		if c.Type.Nested() || c.Type.Kind == 0 {
			return nil, fault.Newf(fault.Unsupported, "column "+c.Name, "%s is written through Arrow only", c.Type)
		}
		p.builders[i].init(c)
		p.builders[i].grown = &p.grown
	}
	for _, name := range o.Bloom {
		i, err := p.find(name)
		if err != nil {
			return nil, err
		}
		if columns[i].Type.Kind == columnar.Boolean {
			return nil, fault.Newf(fault.Invalid, "column "+name, "a boolean has no bloom filter")
		}
		p.builders[i].bloom = true
	}
	for _, name := range o.SortedBy {
		i, err := p.find(name)
		if err != nil {
			return nil, err
		}
		p.sorted = append(p.sorted, i)
	}
	p.schema = appendSchema(nil, p.columns)
	p.compress.codec = o.Compression
	p.Reset(w)
	return p, nil
}

func (w *Writer) find(name string) (int, error) {
	for i, c := range w.columns {
		if strings.EqualFold(c.Name, name) {
			return i, nil
		}
	}
	return 0, fault.Newf(fault.Invalid, "column "+name, "the file has no such column")
}

// Reset begins another file of the same columns and options; what was not closed is forgotten.
func (w *Writer) Reset(out io.Writer) {
	w.out, w.rows, w.grown, w.written, w.offset, w.nGroups, w.err, w.closed, w.begun = out, 0, 0, 0, 0, 0, nil, false, false
	w.groups = w.groups[:0]
	for i := range w.builders {
		w.builders[i].reset()
	}
}

// Columns is what the file's columns are. The slice is shared.
func (w *Writer) Columns() []columnar.Column { return w.columns }

// Column is the builder of the i-th column. It is the same one for the Writer's life.
func (w *Writer) Column(i int) *Builder { return &w.builders[i] }

// EndRow ends a row: a column that was given no value since the last EndRow has NULL. A row group that is
// full is written here; an error of that is kept for Flush and Close, and rows after it are dropped.
func (w *Writer) EndRow() {
	rows := w.rows + 1
	for i := range w.builders {
		switch b := &w.builders[i]; b.rows {
		case rows:
		case rows - 1:
			b.Null()
		default:
			w.twice(b)
			return
		}
	}
	w.end(rows)
}

// EndWholeRow is EndRow for a caller that has given every column a value or NULL: one that is missing is
// an error when the row group ends.
func (w *Writer) EndWholeRow() { w.end(w.rows + 1) }

func (w *Writer) end(rows int) {
	w.rows = rows
	if rows >= w.o.RowGroupRows {
		w.flush()
		return
	}
	if rows&1023 == 0 || w.grown >= 1<<20 {
		if w.grown = 0; w.memory() >= w.o.RowGroupBytes {
			w.flush()
		}
	}
}

// twice is a defect of the caller: a row has two values in a column. The file is lost.
func (w *Writer) twice(b *Builder) {
	if w.err == nil {
		w.err = fault.Newf(fault.Internal, "column "+b.column.Name, "it has two values in one row")
	}
	w.flush() // which forgets everything
}

// UndoRow drops the values given since the last EndRow.
func (w *Writer) UndoRow() {
	for i := range w.builders {
		switch b := &w.builders[i]; {
		case b.rows == w.rows+1:
			b.undo()
		case b.rows > w.rows:
			w.twice(b)
			return
		}
	}
}

// Rows is how many rows have ended, since the file began.
func (w *Writer) Rows() int64 { return w.written + int64(w.rows) }

// Size estimates how large the file would be if it was closed now, within a factor of two.
func (w *Writer) Size() int64 {
	size := w.offset
	for i := range w.builders {
		size += w.builders[i].size()
	}
	return size
}

// memory is what the row group takes.
func (w *Writer) memory() (n int64) {
	for i := range w.builders {
		n += w.builders[i].memory()
	}
	return n
}

// Flush ends the row group and writes it, and returns the first error that out gave, as fault.Unavailable unless
// it has a kind already. A row that has not ended is dropped.
func (w *Writer) Flush() error {
	w.UndoRow()
	w.flush()
	return w.err
}

// Close ends the file and leaves out open. It returns what Flush returns, and a file without rows is one too.
func (w *Writer) Close() (Stats, error) {
	if w.closed {
		return Stats{}, fault.Newf(fault.Internal, "Parquet file", "it is closed already")
	}
	w.closed = true
	w.UndoRow()
	w.flush()
	w.begin()
	w.write(w.appendFooter(nil))
	return Stats{Rows: w.written, Bytes: w.offset}, w.err
}

// write gives bytes to the sink unless it has failed.
func (w *Writer) write(p []byte) {
	if w.err != nil {
		return
	}
	n, err := w.out.Write(p)
	w.offset += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.fail(err)
	}
}

func (w *Writer) fail(err error) {
	if fault.KindOf(err) == fault.Internal {
		err = fault.Newf(fault.Unavailable, "Parquet file", "write: %w", err)
	}
	w.err = err
}

func (w *Writer) begin() {
	if !w.begun {
		w.begun = true
		w.write([]byte("PAR1"))
	}
}
