package columnar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"flowlake/fault"
)

// Format is how a line of text becomes a row.
type Format uint8

// The text formats.
const (
	Delimited Format = iota + 1 // Hive's LazySimpleSerDe
	CSV                         // Hive's OpenCSVSerde
	JSON                        // OpenX's JsonSerDe
	HiveJSON                    // HCatalog's JsonSerDe
	Matched                     // Spec.Match takes lines apart: Grok, regular expressions
)

// Spec describes the text of a table's files.
type Spec struct {
	Format     Format
	Parameters map[string]string // of the table and its SerDe, as Hive names them
	Columns    []Column          // the table's, in order
	Read       []int             // which of Columns are decoded; a batch's columns are these, in this order
	MaxLine    int               // bytes; 0 takes MaxLine
	BatchRows  int               // 0 takes 8192

	// Match takes a line apart for the format Matched. It sets values, whose slices point into line and are
	// nil where the line has nothing, and reports whether the line fits at all. It is called from
	// several goroutines.
	Match func(line []byte, values [][]byte) bool
	// Values names what Match finds, in order: a column takes the value of its name, in any case. Nil
	// means by position.
	Values []string
}

// Stats counts what was read.
type Stats struct {
	Rows      int64 // of all batches
	Unmatched int64 // rows of NULLs that stand for lines which did not fit
}

// Text decodes text files. It may be used by several goroutines.
type Text struct {
	spec   Spec
	schema *arrow.Schema
	skip   int // lines at a file's start
	drop   int // lines at a file's end
	make   func(b *array.RecordBuilder) (rowFunc, error)
}

// rowFunc appends one row and reports whether the line fitted. The error has no place; the caller adds it.
type rowFunc func(line []byte) (fits bool, err error)

// NewText checks the spec. It returns fault.Invalid for parameters without sense and fault.Unsupported for
// those that ask for what is not done here.
func NewText(spec Spec) (*Text, error) {
	if spec.BatchRows <= 0 {
		spec.BatchRows = 8192
	}
	read := make([]Column, len(spec.Read))
	for i, at := range spec.Read {
		if at < 0 || at >= len(spec.Columns) {
			return nil, fault.Newf(fault.Internal, "text spec", "column %d of %d is read", at, len(spec.Columns))
		}
		read[i] = spec.Columns[at]
	}
	t := &Text{spec: spec, schema: ArrowSchema(read)}
	var err error
	if t.skip, err = t.lines("skip.header.line.count"); err != nil {
		return nil, err
	}
	if t.drop, err = t.lines("skip.footer.line.count"); err != nil {
		return nil, err
	}
	switch spec.Format {
	case Delimited:
		err = t.delimited()
	case CSV:
		err = t.csv()
	case JSON, HiveJSON:
		err = t.json()
	case Matched:
		err = t.matched()
	default:
		err = fault.Newf(fault.Internal, "text spec", "format %d", spec.Format)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// maxBatchBytes ends a batch early when its lines are long: Arrow's strings of one column have 2 GiB at most, and
// batches lie in memory.
const maxBatchBytes = 32 << 20

// lines reads a parameter that counts lines.
func (t *Text) lines(name string) (int, error) {
	value, ok := t.spec.Parameters[name]
	if !ok || value == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > 100000 {
		return 0, fault.Newf(fault.Invalid, "table property "+name, "%q is not a number of lines", value)
	}
	return n, nil
}

// Schema is the schema of the batches: the columns that are read.
func (t *Text) Schema() *arrow.Schema { return t.schema }

// Part is a range of a file's bytes. It stands for the lines that begin in it.
type Part struct {
	From, To int64 // To is -1 for the file's end
}

// partBytes is how large a part is: some hundred milliseconds of work.
const partBytes = 16 << 20

// Split returns the parts of a file that can be decoded side by side. A compressed file is one.
func (t *Text) Split(name string, size int64) []Part {
	if Compressed(name) || t.drop > 0 || t.skip > 1000 || size < 2*partBytes {
		return []Part{{0, -1}}
	}
	var parts []Part
	for from := int64(0); from < size; from += partBytes {
		parts = append(parts, Part{from, from + partBytes})
	}
	parts[len(parts)-1].To = -1
	return parts
}

// ReadPart is Read for one of the parts that Split returned. Errors in other parts than the first name the
// byte where the line begins instead of its number.
func (t *Text) ReadPart(ctx context.Context, name string, r io.ReaderAt, p Part, yield func(arrow.RecordBatch) error) (Stats, error) {
	if p.From == 0 {
		return t.read(ctx, name, io.NewSectionReader(r, 0, math.MaxInt64), p, yield)
	}
	// A line that begins right at From belongs here, one that began before does not: the byte before tells.
	return t.read(ctx, name, io.NewSectionReader(r, p.From-1, math.MaxInt64-p.From), p, yield)
}

// Read decodes the file's bytes, which name's suffix may say are compressed, and calls yield with each
// batch, in the file's order. A batch is yield's to release. name is what errors call the file.
//
// Read returns yield's error, ctx's, fault.Invalid naming file and line for bytes that the format refuses,
// and fault.Unavailable when r cannot be read.
func (t *Text) Read(ctx context.Context, name string, r io.Reader, yield func(arrow.RecordBatch) error) (Stats, error) {
	return t.read(ctx, name, r, Part{0, -1}, yield)
}

// read decodes the lines that begin in p; r begins at the byte before it.
func (t *Text) read(ctx context.Context, name string, r io.Reader, p Part, yield func(arrow.RecordBatch) error) (stats Stats, err error) {
	plain, err := Decompress(name, r)
	if err != nil {
		return stats, err
	}
	defer plain.Close()
	builder := array.NewRecordBuilder(memory.DefaultAllocator, t.schema)
	defer builder.Release()
	row, err := t.make(builder)
	if err != nil {
		return stats, err
	}
	lines := &window{Lines: NewLines(name, plain, t.spec.MaxLine), drop: t.drop}
	skip := t.skip
	if p.From > 0 {
		skip = 1
	}
	place := func() string {
		if p.From > 0 {
			return fmt.Sprintf("the line before byte %d", p.From-1+lines.Offset())
		}
		return fmt.Sprintf("line %d", lines.Number()-int64(t.drop))
	}
	reserve := 256 // many files are small, and what is reserved is zeroed
	for range skip {
		if _, err := lines.Lines.Next(); err != nil {
			return stats, atEnd(err)
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return stats, err
		}
		builder.Reserve(min(t.spec.BatchRows, reserve))
		reserve = t.spec.BatchRows
		rows, size := 0, 0
		for ; rows < t.spec.BatchRows && size < maxBatchBytes; rows++ {
			if p.To >= 0 && lines.Offset()+max(p.From-1, 0) >= p.To {
				err = io.EOF
				break
			}
			line, lineErr := lines.Next()
			if lineErr != nil {
				err = lineErr
				break
			}
			size += len(line)
			fits, rowErr := row(line)
			if rowErr != nil {
				return stats, fault.Newf(fault.KindOf(rowErr), "file "+name, "%s: %w", place(), rowErr)
			}
			if !fits {
				stats.Unmatched++
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return stats, err
		}
		if rows > 0 {
			stats.Rows += int64(rows)
			if err := yield(t.batch(builder, rows)); err != nil {
				return stats, err
			}
		}
		if err != nil {
			return stats, nil
		}
	}
}

// batch takes what was built. A batch of no columns still has rows: count(*) wants them.
func (t *Text) batch(b *array.RecordBuilder, rows int) arrow.RecordBatch {
	if len(t.spec.Read) == 0 {
		return array.NewRecordBatch(t.schema, nil, int64(rows))
	}
	return b.NewRecordBatch()
}

func atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// window holds back the last lines of a file, which a footer takes.
type window struct {
	*Lines
	drop int
	held [][]byte
}

func (w *window) Next() ([]byte, error) {
	if w.drop == 0 {
		return w.Lines.Next()
	}
	for {
		line, err := w.Lines.Next()
		if err != nil {
			return nil, err
		}
		w.held = append(w.held, append([]byte(nil), line...))
		if len(w.held) > w.drop {
			line, w.held = w.held[0], w.held[1:]
			return line, nil
		}
	}
}

// nulls appends a NULL to every column.
func nulls(b *array.RecordBuilder) {
	for _, f := range b.Fields() {
		f.AppendNull()
	}
}

// badValue is Athena's error for text that a strict SerDe cannot cast.
func badValue(value []byte, column int) error {
	return fault.Newf(fault.Invalid, "HIVE_BAD_DATA", "Error parsing field value '%s' for field %d", clip(string(value)), column)
}

// matched prepares the format in which a function takes lines apart.
func (t *Text) matched() error {
	s := t.spec
	if s.Match == nil {
		return fault.Newf(fault.Internal, "text spec", "no matcher")
	}
	byName := map[string]int{}
	for i, v := range s.Values {
		if _, twice := byName[lower(v)]; !twice {
			byName[lower(v)] = i
		}
	}
	size := len(s.Values)
	if s.Values == nil {
		size = len(s.Columns)
	}
	from := make([]int, len(s.Read)) // the value of each column, -1 without one
	for i, at := range s.Read {
		from[i] = at
		if s.Values != nil {
			from[i] = -1
			if v, ok := byName[lower(s.Columns[at].Name)]; ok {
				from[i] = v
			}
		}
		if s.Columns[at].Type.Nested() {
			return fault.Newf(fault.Unsupported, "column "+s.Columns[at].Name, "%s in a table whose lines a pattern takes apart", s.Columns[at].Type)
		}
	}
	t.make = func(b *array.RecordBuilder) (rowFunc, error) {
		appends := make([]appendFunc, len(s.Read))
		for i, at := range s.Read {
			appends[i] = scalarAppender(s.Columns[at].Type, b.Field(i), plainTimestamp)
		}
		values := make([][]byte, size)
		return func(line []byte) (bool, error) {
			clear(values)
			if !s.Match(line, values) {
				nulls(b)
				return false, nil
			}
			for i, f := range appends {
				if from[i] < 0 || values[from[i]] == nil || !f(values[from[i]]) {
					b.Field(i).AppendNull()
				}
			}
			return true, nil
		}, nil
	}
	return nil
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
