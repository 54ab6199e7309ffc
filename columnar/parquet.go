package columnar

import (
	"encoding/binary"
	"io"
	"strings"

	"flowlake/fault"
)

// Parquet is what a Parquet file's footer says.
type Parquet struct {
	Name    string          // what errors call the file
	Columns []ParquetColumn // the file's columns, in its order
	Leaves  []Leaf          // the stored columns below them
	Groups  []RowGroup
	Rows    int64
}

// ParquetColumn is a column at the top of a file's schema.
type ParquetColumn struct {
	Name     string // as the file spells it
	Type     Type   // the Hive type that reads it without loss; the zero Type when Hive has none
	Physical string // what the file stores, in Athena's words: "INT32", "BINARY", "a group"
	Unsigned bool   // an unsigned integer
	Text     bool   // bytes that are annotated as text, or an enumeration or JSON
	UTC      bool   // a timestamp that is an instant
}

// Leaf is a stored column: its root's place in Columns, and what bounds in statistics mean.
type Leaf struct {
	Column         int
	Path           string // names from the root, with dots
	Type           Type   // of the leaf alone; the zero Type when Hive has none
	physical, unit int32
	unsigned       bool
}

// RowGroup is a horizontal part of the file.
type RowGroup struct {
	Rows   int64
	Chunks []Chunk // one for each leaf, in their order
}

// Chunk is one leaf's part of a row group.
type Chunk struct {
	Compressed   int64 // bytes in the file, dictionary and page headers included
	Uncompressed int64
	Values       int64
	Nulls        int64  // -1 when the file does not say
	Min, Max     []byte // the smallest and largest value as Parquet encodes them plainly; nil when the file does not say
}

// maxFooter bounds a footer: files of 100,000 chunks have some 20 MB.
const maxFooter = 64 << 20

// What takes the fewest bytes in a footer: a schema element has a name and a type or a number of children, a row group a
// list of chunks and a number of rows, a chunk a place and eight required fields of its metadata.
const (
	leastElement = 5
	leastGroup   = 5
	leastChunk   = 16
)

// ReadParquet reads the footer of a Parquet file of size bytes. name is what errors call the file. A file
// that is no whole Parquet file is a fault.Invalid error, encrypted footers are fault.Unsupported.
func ReadParquet(name string, r io.ReaderAt, size int64) (*Parquet, error) {
	bad := func(format string, args ...any) error {
		return fault.Newf(fault.Invalid, "file "+name, "not a valid Parquet file: "+format, args...)
	}
	if size < 12 {
		return nil, bad("%d bytes are too few", size)
	}
	// Most footers are small: the first read brings the footer with its length.
	last := make([]byte, min(size, 16<<10))
	if err := readAt(r, last, size-int64(len(last))); err != nil {
		return nil, fault.Newf(fault.Unavailable, "file "+name, "read footer: %w", err)
	}
	switch magic := string(last[len(last)-4:]); magic {
	case "PAR1":
	case "PARE":
		return nil, fault.Newf(fault.Unsupported, "file "+name, "its footer is encrypted")
	default:
		return nil, bad("it ends with %q, not with \"PAR1\"", magic)
	}
	length := int64(binary.LittleEndian.Uint32(last[len(last)-8:]))
	if length > size-12 || length > maxFooter {
		return nil, bad("a footer of %d bytes in a file of %d", length, size)
	}
	var footer []byte
	if length+8 <= int64(len(last)) {
		footer = last[int64(len(last))-8-length : len(last)-8]
	} else {
		footer = make([]byte, length)
		if err := readAt(r, footer, size-8-length); err != nil {
			return nil, fault.Newf(fault.Unavailable, "file "+name, "read footer: %w", err)
		}
	}
	p, err := parseFooter(footer)
	if err != nil {
		return nil, bad("%w", err)
	}
	p.Name = name
	return p, nil
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ScannedBytes is how many bytes of the file a query reads that needs these columns, in any case: the
// compressed sizes of their chunks in all row groups.
func (p *Parquet) ScannedBytes(columns []string) int64 {
	wanted := make(map[string]bool, len(columns))
	for _, c := range columns {
		wanted[strings.ToLower(c)] = true
	}
	return p.ScannedBytesIn(func(name string) bool { return wanted[name] }, func(RowGroup) bool { return true })
}

// ScannedBytesIn is ScannedBytes over the row groups that keep says are read. wanted is asked with
// names in lower case.
func (p *Parquet) ScannedBytesIn(wanted func(column string) bool, keep func(RowGroup) bool) int64 {
	read := make([]bool, len(p.Leaves))
	for i, l := range p.Leaves {
		read[i] = wanted(strings.ToLower(p.Columns[l.Column].Name))
	}
	total := int64(0)
	for _, g := range p.Groups {
		if !keep(g) {
			continue
		}
		for i, c := range g.Chunks {
			if read[i] {
				total += c.Compressed
			}
		}
	}
	return total
}

// Column finds a column by its name in any case; ok is false when the file has none.
func (p *Parquet) Column(name string) (column ParquetColumn, ok bool) {
	for _, c := range p.Columns {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return ParquetColumn{}, false
}

// element is a node of the schema, as the footer lists them: depth first.
type element struct {
	name                                      string
	physical, converted, repetition, children int32 // -1: not given
	scale, precision                          int32
	logical                                   int16 // the field of the LogicalType union, 0 for none
	utc                                       bool
	unit                                      int16 // of time and timestamp: 1 millis, 2 micros, 3 nanos
	bits                                      int8
	unsigned                                  bool
}

func parseFooter(b []byte) (*Parquet, error) {
	c := &compact{b: b}
	p := &Parquet{}
	var schema []element
	c.fields(func(id int16, kind byte) {
		switch {
		case id == 2 && kind == thriftList:
			c.list(thriftStruct, leastElement, func() { schema = append(schema, c.element()) })
		case id == 3 && kind == thriftI64:
			p.Rows = c.int()
		case id == 4 && kind == thriftList:
			c.list(thriftStruct, leastGroup, func() { p.Groups = append(p.Groups, c.group()) })
		default:
			c.skip(kind)
		}
	})
	if c.err != nil {
		return nil, c.err
	}
	if err := p.shape(schema); err != nil {
		return nil, err
	}
	rows := int64(0)
	for _, g := range p.Groups {
		if len(g.Chunks) != len(p.Leaves) || g.Rows < 0 {
			return nil, errThrift
		}
		rows += g.Rows
	}
	if rows != p.Rows {
		return nil, errThrift
	}
	return p, nil
}

func (c *compact) element() element {
	e := element{physical: -1, converted: -1, repetition: -1}
	c.fields(func(id int16, kind byte) {
		switch {
		case id == 1 && kind == thriftI32:
			e.physical = c.int32()
		case id == 3 && kind == thriftI32:
			e.repetition = c.int32()
		case id == 4 && kind == thriftBinary:
			e.name = strings.ToValidUTF8(string(c.bytes()), "\uFFFD")
		case id == 5 && kind == thriftI32:
			e.children = c.int32()
		case id == 6 && kind == thriftI32:
			e.converted = c.int32()
		case id == 7 && kind == thriftI32:
			e.scale = c.int32()
		case id == 8 && kind == thriftI32:
			e.precision = c.int32()
		case id == 10 && kind == thriftStruct:
			c.logical(&e)
		default:
			c.skip(kind)
		}
	})
	return e
}

func (c *compact) logical(e *element) {
	c.fields(func(id int16, kind byte) {
		e.logical = id
		if kind != thriftStruct {
			c.skip(kind)
			return
		}
		c.fields(func(member int16, kind byte) {
			switch {
			case (id == 7 || id == 8) && member == 1:
				e.utc = kind == thriftTrue
			case (id == 7 || id == 8) && member == 2 && kind == thriftStruct:
				c.fields(func(unit int16, kind byte) { e.unit = unit; c.skip(kind) })
			case id == 10 && member == 1 && kind == thriftByte:
				e.bits = int8(c.byte())
			case id == 10 && member == 2:
				e.unsigned = kind == thriftFalse
			case id == 5 && member == 1 && kind == thriftI32:
				e.scale = c.int32()
			case id == 5 && member == 2 && kind == thriftI32:
				e.precision = c.int32()
			default:
				c.skip(kind)
			}
		})
	})
}

func (c *compact) group() RowGroup {
	var g RowGroup
	c.fields(func(id int16, kind byte) {
		switch {
		case id == 1 && kind == thriftList:
			c.list(thriftStruct, leastChunk, func() { g.Chunks = append(g.Chunks, c.chunk()) })
		case id == 3 && kind == thriftI64:
			g.Rows = c.int()
		default:
			c.skip(kind)
		}
	})
	return g
}

func (c *compact) chunk() Chunk {
	chunk := Chunk{Nulls: -1}
	c.fields(func(id int16, kind byte) {
		if id != 3 || kind != thriftStruct {
			c.skip(kind)
			return
		}
		c.fields(func(id int16, kind byte) {
			switch {
			case id == 5 && kind == thriftI64:
				chunk.Values = c.int()
			case id == 6 && kind == thriftI64:
				chunk.Uncompressed = c.int()
			case id == 7 && kind == thriftI64:
				chunk.Compressed = c.int()
			case id == 12 && kind == thriftStruct:
				c.statistics(&chunk)
			default:
				c.skip(kind)
			}
		})
	})
	if chunk.Compressed < 0 || chunk.Uncompressed < 0 || chunk.Values < 0 {
		c.fail()
	}
	return chunk
}

func (c *compact) statistics(chunk *Chunk) {
	c.fields(func(id int16, kind byte) {
		switch {
		case id == 3 && kind == thriftI64:
			chunk.Nulls = c.int()
		case id == 5 && kind == thriftBinary: // 1 and 2 are their predecessors, whose order nobody knows
			chunk.Max = c.bytes()
		case id == 6 && kind == thriftBinary:
			chunk.Min = c.bytes()
		default:
			c.skip(kind)
		}
	})
}
