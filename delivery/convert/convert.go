// Package convert turns JSON records, and the values that a log subscription's pattern took from a line, into Parquet files with
// the columns of a table. A record is read whole before anything of it is written, so one that does not fit leaves
// nothing behind. It fetches no table and writes no object; who calls it brings the columns and the writer.
//
// What fits: a JSON number or a string with one in it for a numeric column; seconds (below 10^12) or milliseconds since 1970, as a
// number or a string, or the text of a time, for a timestamp; anything for a string column, which keeps numbers as they are
// written and objects as their text. null, or no such key, is NULL.
//
// Differs from AWS: "-" is NULL in a column that holds no text. It is how flow logs write a value that is not there (NODATA lines
// consist of them); AWS fails such records. A key with "-" also matches a column with "_" in its place, unless a mapping or
// the exact key says otherwise: flow-log fields are named so, and Hive's columns cannot be. Numeric strings are read
// for Hive's SerDe too. A number with a fraction does not fit an integer column; AWS cuts it.
//
// Source: Firehose developer guide, "Convert input data format in Amazon Data Firehose"
package convert

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"flowlake/columnar"
	"flowlake/fault"
)

// Options are what a stream says about its JSON.
type Options struct {
	CaseInsensitive bool              // keys match columns in any case
	Mappings        map[string]string // OpenX's: the key of a column that is not its name
	Dots            bool              // OpenX's: a dot in a key is an underscore in a column
	Timestamps      []string          // Hive's: Java patterns, or "millis"
}

// Problem is why a record does not convert, as AWS words and codes it.
type Problem struct {
	Code    string // DataFormatConversion.ParseError or .MalformedData
	Message string
}

func (p *Problem) Error() string { return p.Code + ": " + p.Message }

func parseError(at int) error {
	return &Problem{"DataFormatConversion.ParseError", fmt.Sprintf("Encountered malformed JSON. Byte %d does not go on as JSON does.", at)}
}

func malformed(format string, args ...any) error {
	return &Problem{"DataFormatConversion.MalformedData", fmt.Sprintf(format, args...)}
}

// Converter reads records for the columns of one table. It may be used by several goroutines.
type Converter struct {
	columns []column
	place   map[string]int32 // the column of a key, as lookup spells it
	fold    bool
	dots    bool
	nested  bool
}

// column is how a column's values are read.
type column struct {
	name   string
	typ    columnar.Type
	text   bool // holds characters
	stamps func([]byte) (int64, bool)
}

// New compiles a table's columns. It returns fault.Invalid when two columns take the same key or a mapping names no column, and
// fault.Unsupported for timestamp patterns that are not known.
func New(columns []columnar.Column, o Options) (*Converter, error) {
	if len(columns) == 0 {
		return nil, fault.Newf(fault.Invalid, "table", "has no columns")
	}
	c := &Converter{place: make(map[string]int32, len(columns)), fold: o.CaseInsensitive, dots: o.Dots}
	stamps, err := columnar.TimestampReader(strings.Join(o.Timestamps, ","), instant)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(columns))
	for i, col := range columns {
		known[strings.ToLower(col.Name)] = true
		key := col.Name
		for name, mapped := range o.Mappings {
			if strings.EqualFold(name, col.Name) {
				key = mapped
			}
		}
		key = string(c.spell(nil, []byte(key)))
		if _, twice := c.place[key]; twice {
			return nil, fault.Newf(fault.Invalid, "column "+col.Name, "its key %q is another column's too", key)
		}
		c.place[key] = int32(i)
		c.columns = append(c.columns, column{name: col.Name, typ: col.Type, text: col.Type.Text() || col.Type.Kind == columnar.Binary, stamps: stamps})
		c.nested = c.nested || col.Type.Nested()
	}
	for name := range o.Mappings {
		if !known[strings.ToLower(name)] {
			return nil, fault.Newf(fault.Invalid, "ColumnToJsonKeyMappings", "%s is no column of the table", name)
		}
	}
	return c, nil
}

// Columns are the table's, in order.
func (c *Converter) Columns() []columnar.Column {
	out := make([]columnar.Column, len(c.columns))
	for i, col := range c.columns {
		out[i] = columnar.Column{Name: col.name, Type: col.typ}
	}
	return out
}

// spell writes a key the way that place has it.
func (c *Converter) spell(to, key []byte) []byte {
	ascii := true
	for _, b := range key {
		switch {
		case b >= utf8.RuneSelf:
			ascii = false
		case c.fold && b >= 'A' && b <= 'Z':
			b += 'a' - 'A'
		case c.dots && b == '.':
			b = '_'
		}
		to = append(to, b)
	}
	if !ascii && c.fold {
		return []byte(strings.ToLower(string(to)))
	}
	return to
}

// target is where a key's value goes: a column, and whether only "-" for "_" made it fit.
type target struct {
	column int32 // -1: nowhere
	alias  bool
}

// find looks a key up.
func (c *Converter) find(key []byte) target {
	var buffer [64]byte
	name := key
	if c.fold || c.dots {
		name = c.spell(buffer[:0], key)
	}
	if at, ok := c.place[string(name)]; ok {
		return target{at, false}
	}
	if slices.Contains(name, '-') {
		name = append(buffer[:0:0], name...)
		for i, b := range name {
			if b == '-' {
				name[i] = '_'
			}
		}
		if at, ok := c.place[string(name)]; ok {
			return target{at, true}
		}
	}
	return target{-1, false}
}

// Rows are the rows of one record, and the memory that reading the next one reuses. The zero value is ready. It is used by one
// goroutine, with one Converter.
type Rows struct {
	cells  []cell // one for each column and row
	width  int
	marks  []uint8 // of the row being read: what filled each column
	shared []byte  // unescaped text; never moved while cells point into it
	guess  []guess // the keys of the record before, in their order
}

// The marks of a column.
const (
	unfilled uint8 = iota
	byAlias
	byName
)

// guess is a key as it was written, and where it went.
type guess struct {
	key string
	to  target
}

// cell is a value of a column.
type cell struct {
	valid bool
	n     int64 // integers, days, microseconds, 0 or 1, a double's bits, a decimal's low word
	high  int64 // a decimal's high word
	text  []byte
}

// Len is the number of rows.
func (r *Rows) Len() int {
	if r.width == 0 {
		return 0
	}
	return len(r.cells) / r.width
}

// Empty reports whether no column of any row has a value.
func (r *Rows) Empty() bool {
	return !slices.ContainsFunc(r.cells, func(v cell) bool { return v.valid })
}

// begin makes room for a record of so many bytes.
func (r *Rows) begin(c *Converter, size int) {
	r.width = len(c.columns)
	r.cells = r.cells[:0]
	if cap(r.shared) < size {
		r.shared = make([]byte, 0, size+size/2)
	}
	r.shared = r.shared[:0]
}

// row adds a row of NULLs and returns its cells.
func (r *Rows) row() []cell {
	from := len(r.cells)
	if cap(r.cells) < from+r.width {
		r.cells = slices.Grow(r.cells, max(r.width, from))
	}
	r.cells = r.cells[:from+r.width]
	row := r.cells[from:]
	clear(row)
	if cap(r.marks) < r.width {
		r.marks = make([]uint8, r.width)
	}
	r.marks = r.marks[:r.width]
	clear(r.marks)
	return row
}

// Fields is how the values of a pattern's fields go into columns.
type Fields []int32

// Fields compiles the names of fields. Of fields that go into one column the last one counts, as in a JSON object, and the exact name
// before one with "-".
func (c *Converter) Fields(names []string) Fields {
	out := make(Fields, len(names))
	from := make(map[int32]int, len(names))
	exact := make(map[int32]bool, len(names))
	for i, name := range names {
		to := c.find([]byte(name))
		out[i] = to.column
		if to.column < 0 {
			continue
		}
		if exact[to.column] && to.alias {
			out[i] = -1
			continue
		}
		if before, ok := from[to.column]; ok {
			out[before] = -1
		}
		from[to.column], exact[to.column] = i, !to.alias
	}
	return out
}

// Values reads one row from the values of a pattern's fields: what JSON reads from an object of these strings. The rows share the
// values' memory. An error is a *Problem.
func (c *Converter) Values(f Fields, values []string, r *Rows) error {
	r.begin(c, 0)
	row := r.row()
	for i, to := range f {
		if to < 0 || i >= len(values) {
			continue
		}
		col := &c.columns[to]
		v := values[i]
		if col.text && !utf8.ValidString(v) {
			v = strings.ToValidUTF8(v, "\uFFFD")
		}
		if err := c.fromText(to, unsafe.Slice(unsafe.StringData(v), len(v)), &row[to]); err != nil {
			return err
		}
	}
	return nil
}
