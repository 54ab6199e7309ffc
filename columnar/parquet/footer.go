package parquet

import (
	"encoding/binary"
	"maps"
	"slices"

	"flowlake/columnar"
)

// createdBy is in every file. Readers look for writers with known faults by it: the form is theirs.
const createdBy = "flowlake version 1.0.0"

// Converted types, for readers older than logical types.
const (
	convertedUTF8    = 0
	convertedDecimal = 5
	convertedDate    = 6
	convertedInt8    = 15
	convertedInt16   = 16
)

// appendSchema appends the footer's schema: the list's elements with its header, as field 2.
func appendSchema(dst []byte, columns []columnar.Column) []byte {
	t := newThrift(dst)
	t.last[0] = 1
	t.list(2, wireStruct, len(columns)+1)
	t.begin()
	t.text(4, "schema")
	t.i32(5, int32(len(columns)))
	t.end()
	for _, c := range columns {
		var b Builder
		b.init(c)
		t.begin()
		t.i32(1, b.physical)
		if b.physical == physicalFixed {
			t.i32(2, int32(b.width))
		}
		t.i32(3, 1) // OPTIONAL
		t.text(4, c.Name)
		t.logical(c.Type)
		t.end()
	}
	return t.b
}

// logical writes the converted type where there is one that means the same, and the logical type. A timestamp without a
// zone has no converted type: that one means an instant.
func (t *thrift) logical(of columnar.Type) {
	union := func(id int16, members func()) {
		t.open(10)
		t.open(id)
		members()
		t.end()
		t.end()
	}
	none := func() {}
	integer := func(bits byte) func() {
		return func() {
			t.field(1, wireByte)
			t.b = append(t.b, bits)
			t.bool(2, true)
		}
	}
	switch of.Kind {
	case columnar.TinyInt:
		t.i32(6, convertedInt8)
		union(10, integer(8))
	case columnar.SmallInt:
		t.i32(6, convertedInt16)
		union(10, integer(16))
	case columnar.String, columnar.Varchar, columnar.Char:
		t.i32(6, convertedUTF8)
		union(1, none)
	case columnar.Date:
		t.i32(6, convertedDate)
		union(6, none)
	case columnar.Decimal:
		t.i32(6, convertedDecimal)
		t.i32(7, int32(of.Scale))
		t.i32(8, int32(of.Precision))
		union(5, func() {
			t.i32(1, int32(of.Scale))
			t.i32(2, int32(of.Precision))
		})
	case columnar.Timestamp:
		union(8, func() {
			t.bool(1, false)
			t.open(2)
			t.empty(2) // MICROS
			t.end()
		})
	}
}

// appendGroup appends the row group that lies from start to end of the file.
func (w *Writer) appendGroup(dst []byte, start, end int64) []byte {
	t := newThrift(dst)
	t.begin()
	t.list(1, wireStruct, len(w.builders))
	uncompressed := int64(0)
	for i := range w.builders {
		b := &w.builders[i]
		uncompressed += b.stored.uncompressed
		first := b.stored.dataOffset
		if b.stored.dictOffset != 0 {
			first = b.stored.dictOffset
		}
		t.begin()
		t.i64(2, first)
		t.open(3)
		w.appendChunk(t, b)
		t.end()
		t.end()
	}
	t.i64(2, uncompressed)
	t.i64(3, int64(w.rows))
	if len(w.sorted) > 0 {
		t.list(4, wireStruct, len(w.sorted))
		for _, i := range w.sorted {
			t.begin()
			t.i32(1, int32(i))
			t.bool(2, false)
			t.bool(3, false)
			t.end()
		}
	}
	t.i64(5, start)
	t.i64(6, end-start)
	if w.nGroups <= 32767 {
		t.i16(7, int16(w.nGroups))
	}
	t.end()
	return t.b
}

// appendChunk writes the chunk's ColumnMetaData.
func (w *Writer) appendChunk(t *thrift, b *Builder) {
	m := &b.stored
	t.i32(1, b.physical)
	var encodings []int32
	for e := int32(0); e <= encodingDictionary; e++ {
		if m.encodings&(1<<e) != 0 {
			encodings = append(encodings, e)
		}
	}
	t.list(2, wireI32, len(encodings))
	for _, e := range encodings {
		t.b = binary.AppendVarint(t.b, int64(e))
	}
	t.list(3, wireBinary, 1)
	t.rawText(b.column.Name)
	t.i32(4, m.codec.wireCodec())
	t.i64(5, m.values)
	t.i64(6, m.uncompressed)
	t.i64(7, m.compressed)
	t.i64(9, m.dataOffset)
	if m.dictOffset != 0 {
		t.i64(11, m.dictOffset)
	}
	t.open(12)
	t.i64(3, m.nulls)
	if m.distinct >= 0 {
		t.i64(4, m.distinct)
	}
	if m.bounds.high != nil {
		t.bytes(5, m.bounds.high)
	}
	if m.bounds.low != nil {
		t.bytes(6, m.bounds.low)
	}
	if m.bounds.high != nil {
		t.bool(7, m.bounds.highExact)
	}
	if m.bounds.low != nil {
		t.bool(8, m.bounds.lowExact)
	}
	t.end()
	if m.bloomLength > 0 {
		t.i64(14, m.bloomOffset)
		t.i32(15, int32(m.bloomLength))
	}
}

// appendFooter appends the FileMetaData, its length and the magic.
func (w *Writer) appendFooter(dst []byte) []byte {
	t := newThrift(dst)
	t.i32(1, 2)
	t.b = append(t.b, w.schema...)
	t.last[0] = 2
	t.i64(3, w.written)
	t.list(4, wireStruct, w.nGroups)
	t.b = append(t.b, w.groups...)
	if len(w.o.Metadata) > 0 {
		t.list(5, wireStruct, len(w.o.Metadata))
		for _, k := range slices.Sorted(maps.Keys(w.o.Metadata)) {
			t.begin()
			t.text(1, k)
			t.text(2, w.o.Metadata[k])
			t.end()
		}
	}
	t.text(6, createdBy)
	t.list(7, wireStruct, len(w.columns))
	for range w.columns { // TypeDefinedOrder: what makes the bounds of text count
		t.begin()
		t.empty(1)
		t.end()
	}
	t.b = append(t.b, 0)
	length := len(t.b) - len(dst)
	t.b = binary.LittleEndian.AppendUint32(t.b, uint32(length))
	return append(t.b, "PAR1"...)
}
