package flowtext

import (
	"math"
	"strings"

	"flowlake/columnar"
	"flowlake/fault"
	"flowlake/flow"
)

// maxFields is above the number of fields that there are.
const maxFields = 128

// cell is a field's value in the line at hand.
type cell struct {
	from, to int   // its place in the buffer; to is 0 for NULL
	number   int64 // of a number
	value    int64 // what a conversion made: an integer, a float's bits, a decimal's lower half
	high     int64 // a decimal's upper half
}

// op puts a cell into a column.
type op struct {
	put    put
	column int
	field  int
}

// put is how.
type put uint8

const (
	putText    put = iota
	putNumber      // the number as it is
	putSeconds     // the number as a time
	putInt         // what a conversion made, as the others
	putMicros
	putFloat
	putDecimal
)

// plan is what a format means for the table's columns.
type plan struct {
	fields  []flow.Field
	limits  []int64 // the greatest number of each field, 0 for text
	ops     []op
	absent  []int   // columns without a field
	checks  []check // of cells whose column does not hold every value of the field
	start   int     // the fields that tell the record's time, -1 without
	end     int
	takes   bool // some field has a column
	numbers bool // some field is a number, so that no header line is a record
	header  []byte
}

// check converts a cell, or says that its column cannot hold it.
type check struct {
	field   int
	column  columnar.Column
	convert func(text []byte, c *cell) bool
}

func newPlan(columns []columnar.Column, fields []flow.Field, names map[string]string) (*plan, error) {
	p := &plan{fields: fields, start: -1, end: -1}
	place := map[string]int{}
	for i, f := range fields {
		place[f.Name] = i
		switch f.Type {
		case flow.Int32:
			p.limits = append(p.limits, math.MaxInt32)
		case flow.Int64:
			p.limits = append(p.limits, math.MaxInt64)
		default:
			p.limits = append(p.limits, 0)
		}
		p.numbers = p.numbers || f.Type != flow.String
		switch f.Name {
		case "start":
			p.start = i
		case "end":
			p.end = i
		}
	}
	cells := map[int]int{} // how many columns convert a field
	for i, col := range columns {
		if col.Type.Nested() {
			return nil, fault.Newf(fault.Unsupported, "column "+col.Name, "a flow log has no value of type %s", col.Type)
		}
		name := col.Name
		if other, ok := names[strings.ToLower(name)]; ok {
			name = other
		}
		f, known := flow.Lookup(name)
		at, has := place[f.Name]
		if !known || !has {
			p.absent = append(p.absent, i)
			continue
		}
		p.takes = true
		o := op{column: i, field: at}
		convert, err := o.choose(col, f)
		if err != nil {
			return nil, err
		}
		if convert != nil {
			if cells[at]++; cells[at] > 1 {
				return nil, fault.Newf(fault.Unsupported, "column "+col.Name, "another column takes field %s with a conversion already", f.Name)
			}
			p.checks = append(p.checks, check{at, col, convert})
		}
		p.ops = append(p.ops, o)
	}
	return p, nil
}

// choose finds how a field goes into a column; convert is nil where every value fits as it is.
func (o *op) choose(col columnar.Column, f flow.Field) (convert func([]byte, *cell) bool, err error) {
	t, number := col.Type, f.Type != flow.String
	switch t.Kind {
	case columnar.String, columnar.Varchar, columnar.Char, columnar.Binary:
		o.put = putText
		return nil, nil
	case columnar.TinyInt, columnar.SmallInt, columnar.Int, columnar.BigInt:
		limit := int64(math.MaxInt64)
		switch t.Kind {
		case columnar.TinyInt:
			limit = math.MaxInt8
		case columnar.SmallInt:
			limit = math.MaxInt16
		case columnar.Int:
			limit = math.MaxInt32
		}
		if !number {
			o.put = putInt
			return func(text []byte, c *cell) (ok bool) {
				c.value, ok = parseNumber(text, limit)
				return ok
			}, nil
		}
		o.put = putNumber
		if limit == math.MaxInt64 || f.Type == flow.Int32 && limit == math.MaxInt32 {
			return nil, nil
		}
		return func(_ []byte, c *cell) bool { return c.number <= limit }, nil
	case columnar.Timestamp:
		if number {
			o.put = putSeconds
			return func(_ []byte, c *cell) bool { return c.number <= latest }, nil
		}
		o.put = putMicros
		return func(text []byte, c *cell) (ok bool) {
			c.value, ok = columnar.ParseTimestamp(text)
			return ok
		}, nil
	case columnar.Date:
		if number && f.Name != "start" && f.Name != "end" {
			break
		}
		o.put = putInt
		return func(text []byte, c *cell) bool {
			if number {
				c.value = micros(c.number) / 86400e6
				return c.number <= latest
			}
			days, ok := columnar.ParseDate(text)
			c.value = int64(days)
			return ok
		}, nil
	case columnar.Float, columnar.Double:
		o.put = putFloat
		return func(text []byte, c *cell) bool {
			v, ok := columnar.ParseFloat(text, 64)
			c.value = int64(math.Float64bits(v))
			return ok
		}, nil
	case columnar.Decimal:
		o.put = putDecimal
		return func(text []byte, c *cell) bool {
			v, ok := columnar.ParseDecimal(text, t.Precision, t.Scale)
			c.value, c.high = int64(v.LowBits()), v.HighBits()
			return ok
		}, nil
	}
	return nil, fault.Newf(fault.Invalid, "column "+col.Name, "no value of field %s, %s, is of type %s", f.Name, f.Type, t)
}

// millis is where epoch seconds end and milliseconds begin: seconds reach it in the year 5138. latest is the last
// millisecond that a timestamp holds.
const (
	millis = 100_000_000_000
	latest = math.MaxInt64 / 1000
)

// micros reads epoch seconds or milliseconds up to latest.
func micros(n int64) int64 {
	if n < millis {
		return n * 1e6
	}
	return n * 1000
}

// parseNumber reads digits up to a limit.
func parseNumber(text []byte, limit int64) (int64, bool) {
	var n int64
	for _, ch := range text {
		d := int64(ch) - '0'
		if d < 0 || d > 9 || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(text) > 0
}
