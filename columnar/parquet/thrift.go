package parquet

import "encoding/binary"

// thrift writes Thrift's compact protocol, in which Parquet has its page headers and its footer. Fields of a struct are
// written in rising order.
type thrift struct {
	b    []byte
	last []int16 // ids of the fields written last, of each struct that is open
}

// The compact protocol's wire types that Parquet needs.
const (
	wireTrue   = 1
	wireFalse  = 2
	wireByte   = 3
	wireI16    = 4
	wireI32    = 5
	wireI64    = 6
	wireBinary = 8
	wireList   = 9
	wireStruct = 12
)

func newThrift(b []byte) *thrift { return &thrift{b: b, last: make([]int16, 1, 8)} }

func (t *thrift) field(id int16, kind byte) {
	last := &t.last[len(t.last)-1]
	if delta := id - *last; delta > 0 && delta <= 15 {
		t.b = append(t.b, byte(delta)<<4|kind)
	} else {
		t.b = append(t.b, kind)
		t.b = binary.AppendVarint(t.b, int64(id))
	}
	*last = id
}

func (t *thrift) i32(id int16, v int32) {
	t.field(id, wireI32)
	t.b = binary.AppendVarint(t.b, int64(v))
}
func (t *thrift) i64(id int16, v int64) { t.field(id, wireI64); t.b = binary.AppendVarint(t.b, v) }
func (t *thrift) i16(id int16, v int16) {
	t.field(id, wireI16)
	t.b = binary.AppendVarint(t.b, int64(v))
}

func (t *thrift) bool(id int16, v bool) {
	if v {
		t.field(id, wireTrue)
	} else {
		t.field(id, wireFalse)
	}
}

func (t *thrift) bytes(id int16, v []byte) {
	t.field(id, wireBinary)
	t.raw(v)
}

func (t *thrift) text(id int16, v string) {
	t.field(id, wireBinary)
	t.rawText(v)
}

func (t *thrift) raw(v []byte) {
	t.b = binary.AppendUvarint(t.b, uint64(len(v)))
	t.b = append(t.b, v...)
}

func (t *thrift) rawText(v string) {
	t.b = binary.AppendUvarint(t.b, uint64(len(v)))
	t.b = append(t.b, v...)
}

// list begins a list of n elements, which follow without field headers.
func (t *thrift) list(id int16, kind byte, n int) {
	t.field(id, wireList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|kind)
		return
	}
	t.b = append(t.b, 0xF0|kind)
	t.b = binary.AppendUvarint(t.b, uint64(n))
}

// open begins a struct that is a field; begin one that is a list's element or stands alone. end ends both.
func (t *thrift) open(id int16) { t.field(id, wireStruct); t.begin() }
func (t *thrift) begin()        { t.last = append(t.last, 0) }
func (t *thrift) end()          { t.b = append(t.b, 0); t.last = t.last[:len(t.last)-1] }

// empty writes a struct without fields.
func (t *thrift) empty(id int16) { t.open(id); t.end() }
