package flow

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"flowlake/fault"
)

// Value is one value of a record. The zero Value is null, which lines spell "-".
type Value struct {
	text  string // of a String
	num   int64  // of an Int32 or Int64
	valid bool
}

// StringValue returns a String's value. An empty text and "-" are null: a line cannot say otherwise.
func StringValue(text string) Value {
	if text == "" || text == "-" {
		return Value{}
	}
	return Value{text: text, valid: true}
}

// IntValue returns the value of an Int32 or Int64.
func IntValue(n int64) Value { return Value{num: n, valid: true} }

// Null reports whether the value is absent.
func (v Value) Null() bool { return !v.valid }

// Text returns a String's text, "" if it is null or a number.
func (v Value) Text() string { return v.text }

// Int returns a number, 0 if the value is null or a String: ask Null first.
func (v Value) Int() int64 { return v.num }

// Record is one flow-log record: a value for each field of its format.
type Record struct {
	fields []Field
	values []Value
}

// NewRecord makes a record of values in the order of fields, both of the same length, and keeps both slices.
func NewRecord(fields []Field, values []Value) (Record, error) {
	if len(fields) != len(values) {
		return Record{}, fault.Newf(fault.Invalid, "flow record", "%d values for %d fields", len(values), len(fields))
	}
	for i, f := range fields {
		v := values[i]
		if v.valid && (f.Type == String) != (v.text != "") {
			return Record{}, fault.Newf(fault.Invalid, f.describe(), "the value is not of its type, %s", f.Type)
		}
		if f.Type == String && bytes.ContainsAny([]byte(v.text), " \n") {
			return Record{}, fault.Newf(fault.Invalid, f.describe(), "value %q has a blank, which separates columns", v.text)
		}
		if f.Type != String && v.valid && (v.num < 0 || v.num > f.limit()) {
			return Record{}, fault.Newf(fault.Invalid, f.describe(), "%d is not from 0 to %d", v.num, f.limit())
		}
	}
	return Record{fields: fields, values: values}, nil
}

// Parse reads one space-separated flow log line in the order given by fields.
//
// A "-" yields a null value, not zero. start and end are Unix seconds, the first and last packet
// seen inside the aggregation interval; every number is non-negative. The line has no line end.
// It allocates twice, nothing per field, and keeps fields but no reference to line.
//
// Parse returns a fault.Invalid error naming the column when a value does not fit its type, and when the
// line has more or fewer columns than fields.
//
// Source: VPC user guide, "Flow log records"
func Parse(fields []Field, line []byte) (Record, error) {
	r := Record{fields: fields, values: make([]Value, len(fields))}
	text := string(line)
	at, n := 0, 0
	for ; n < len(fields) && at <= len(text); n++ {
		end := at
		for end < len(text) && text[end] != ' ' {
			end++
		}
		column := text[at:end]
		at = end + 1
		if column == "-" {
			continue
		}
		v, ok := fields[n].value(column)
		if !ok {
			return Record{}, misfit(fields[n], column)
		}
		r.values[n] = v
	}
	if n < len(fields) || at <= len(text) {
		return Record{}, fault.Newf(fault.Invalid, "flow record", "it has %d columns, the format has %d",
			bytes.Count(line, []byte{' '})+1, len(fields))
	}
	return r, nil
}

func misfit(f Field, column string) error {
	if column == "" {
		return fault.Newf(fault.Invalid, f.describe(), "it is empty: two blanks in a row, or one at the line's end")
	}
	if len(column) > 64 {
		column = column[:61] + "…"
	}
	if f.Type == String {
		return fault.Newf(fault.Invalid, f.describe(), "%q has a line break", column)
	}
	return fault.Newf(fault.Invalid, f.describe(), "%q is not a number from 0 to %d, nor -", column, f.limit())
}

// limit is the greatest number that fits the field.
func (f Field) limit() int64 {
	if f.Type == Int32 {
		return math.MaxInt32
	}
	return math.MaxInt64
}

func (f Field) value(column string) (Value, bool) {
	if f.Type == String {
		for i := range len(column) {
			if column[i] == '\n' {
				return Value{}, false
			}
		}
		return Value{text: column, valid: true}, column != ""
	}
	if len(column) == 0 {
		return Value{}, false
	}
	var n int64
	limit := f.limit()
	for i := range len(column) {
		d := int64(column[i] - '0')
		if d > 9 || n > (limit-d)/10 {
			return Value{}, false
		}
		n = n*10 + d
	}
	return Value{num: n, valid: true}, true
}

// Fields returns the record's format. The slice is shared.
func (r Record) Fields() []Field { return r.fields }

// At returns the value of the i-th field.
func (r Record) At(i int) Value { return r.values[i] }

// Get returns the value of the field of that name, spelled either way; null if the format lacks it.
func (r Record) Get(name string) Value {
	f, ok := Lookup(name)
	if !ok {
		return Value{}
	}
	for i := range r.fields {
		if r.fields[i].Name == f.Name {
			return r.values[i]
		}
	}
	return Value{}
}

// Time returns the moment that the record belongs to: its start, or its end where the format has no
// start. ok is false when the record has neither.
func (r Record) Time() (t time.Time, ok bool) {
	for _, name := range [...]string{"start", "end"} {
		if v := r.Get(name); !v.Null() {
			return time.Unix(v.Int(), 0).UTC(), true
		}
	}
	return time.Time{}, false
}

// AppendText appends the record as a line without a line end, which Parse reads back to an equal record.
func (r Record) AppendText(dst []byte) []byte {
	for i, v := range r.values {
		if i > 0 {
			dst = append(dst, ' ')
		}
		switch {
		case !v.valid:
			dst = append(dst, '-')
		case r.fields[i].Type == String:
			dst = append(dst, v.text...)
		default:
			dst = strconv.AppendInt(dst, v.num, 10)
		}
	}
	return dst
}

// String returns the record as a line.
func (r Record) String() string { return string(r.AppendText(nil)) }

// Equal reports whether both records have the same fields with the same values.
func (r Record) Equal(other Record) bool {
	if len(r.fields) != len(other.fields) {
		return false
	}
	for i := range r.fields {
		if r.fields[i] != other.fields[i] || r.values[i] != other.values[i] {
			return false
		}
	}
	return true
}
