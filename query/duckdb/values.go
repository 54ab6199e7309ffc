//go:build duckdb_arrow

package duckdb

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"flowlake/query"
)

// cell prints the values of one column of a batch as Athena spells them.
type cell struct {
	array  arrow.Array
	print  func(b []byte, row int) []byte // row is not NULL
	quotes bool                           // values may contain quotes
}

// cellOf prepares a column. athena is the column's type by name, which tells apart what Arrow does not.
func cellOf(a arrow.Array, athena string) cell {
	switch a := a.(type) {
	case *array.String:
		return cell{a, func(b []byte, i int) []byte { return append(b, a.Value(i)...) }, true}
	case *array.LargeString:
		return cell{a, func(b []byte, i int) []byte { return append(b, a.Value(i)...) }, true}
	case *array.Boolean:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendBool(b, a.Value(i)) }, false}
	case *array.Int8:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(a.Value(i)), 10) }, false}
	case *array.Int16:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(a.Value(i)), 10) }, false}
	case *array.Int32:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(a.Value(i)), 10) }, false}
	case *array.Int64:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendInt(b, a.Value(i), 10) }, false}
	case *array.Uint8:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64(a.Value(i)), 10) }, false}
	case *array.Uint16:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64(a.Value(i)), 10) }, false}
	case *array.Uint32:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64(a.Value(i)), 10) }, false}
	case *array.Uint64:
		return cell{a, func(b []byte, i int) []byte { return strconv.AppendUint(b, a.Value(i), 10) }, false}
	case *array.Float32:
		return cell{a, func(b []byte, i int) []byte { return appendJavaFloat(b, float64(a.Value(i)), 32) }, false}
	case *array.Float64:
		return cell{a, func(b []byte, i int) []byte { return appendJavaFloat(b, a.Value(i), 64) }, false}
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		return cell{a, func(b []byte, i int) []byte { return append(b, a.Value(i).ToString(scale)...) }, false}
	case *array.Date32:
		return cell{a, func(b []byte, i int) []byte { return appendDate(b, int64(a.Value(i))) }, false}
	case *array.Timestamp:
		return timestampCell(a)
	case *array.Time64:
		return cell{a, func(b []byte, i int) []byte { return appendClock(b, int64(a.Value(i))/1000) }, false}
	case *array.Binary:
		return cell{a, func(b []byte, i int) []byte { return appendHex(b, a.Value(i)) }, false}
	case *array.LargeBinary:
		return cell{a, func(b []byte, i int) []byte { return appendHex(b, a.Value(i)) }, false}
	case *array.MonthDayNanoInterval:
		return cell{a, func(b []byte, i int) []byte { return appendInterval(b, a.Value(i), athena) }, false}
	case *array.Map: // before List, of which it is made
		return mapCell(a)
	case *array.List:
		item := cellOf(a.ListValues(), "")
		return cell{a, func(b []byte, i int) []byte {
			from, to := a.ValueOffsets(i)
			return appendList(b, item, int(from), int(to))
		}, true}
	case *array.FixedSizeList:
		item := cellOf(a.ListValues(), "")
		return cell{a, func(b []byte, i int) []byte {
			from, to := a.ValueOffsets(i)
			return appendList(b, item, int(from), int(to))
		}, true}
	case *array.Struct:
		return structCell(a)
	case *array.Dictionary:
		item := cellOf(a.Dictionary(), athena)
		return cell{a, func(b []byte, i int) []byte { return item.print(b, a.GetValueIndex(i)) }, true}
	case array.ExtensionArray:
		inner := cellOf(a.Storage(), athena)
		return cell{a, inner.print, inner.quotes}
	}
	return cell{a, func(b []byte, i int) []byte { return append(b, a.ValueStr(i)...) }, true}
}

// appendItem prints a value inside another, where NULL is a word.
func appendItem(b []byte, c cell, i int) []byte {
	if c.array.IsNull(i) {
		return append(b, "null"...)
	}
	return c.print(b, i)
}

func appendList(b []byte, item cell, from, to int) []byte {
	b = append(b, '[')
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ", "...)
		}
		b = appendItem(b, item, i)
	}
	return append(b, ']')
}

func mapCell(a *array.Map) cell {
	keys, items := cellOf(a.Keys(), ""), cellOf(a.Items(), "")
	return cell{a, func(b []byte, i int) []byte {
		from, to := a.ValueOffsets(i)
		b = append(b, '{')
		for j := int(from); j < int(to); j++ {
			if j > int(from) {
				b = append(b, ", "...)
			}
			b = append(appendItem(b, keys, j), '=')
			b = appendItem(b, items, j)
		}
		return append(b, '}')
	}, true}
}

func structCell(a *array.Struct) cell {
	t := a.DataType().(*arrow.StructType)
	fields := make([]cell, a.NumField())
	names := make([]string, a.NumField())
	for i := range fields {
		fields[i] = cellOf(a.Field(i), "")
		if names[i] = t.Field(i).Name; names[i] == "" {
			names[i] = "field" + strconv.Itoa(i) // Athena's name for a field without one
		}
	}
	return cell{a, func(b []byte, row int) []byte {
		b = append(b, '{')
		for i, f := range fields {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(append(b, names[i]...), '=')
			b = appendItem(b, f, row)
		}
		return append(b, '}')
	}, true}
}

func timestampCell(a *array.Timestamp) cell {
	t := a.DataType().(*arrow.TimestampType)
	unit := int64(1)
	perMilli := int64(0)
	switch t.Unit {
	case arrow.Second:
		unit = 1000
	case arrow.Microsecond:
		perMilli = 1000
	case arrow.Nanosecond:
		perMilli = 1_000_000
	}
	zone := ""
	if t.TimeZone != "" {
		zone = " UTC"
	}
	return cell{a, func(b []byte, i int) []byte {
		v := int64(a.Value(i)) * unit
		if perMilli > 0 {
			v = floorDiv(v+perMilli/2, perMilli) // Athena's timestamps have milliseconds, rounded
		}
		days := floorDiv(v, 86400_000)
		b = append(appendDate(b, days), ' ')
		return append(appendClock(b, v-days*86400_000), zone...)
	}, false}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// appendDate prints days since 1970 as yyyy-mm-dd.
func appendDate(b []byte, days int64) []byte {
	t := time.Unix(days*86400, 0).UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		if year > 9999 {
			b = append(b, '+')
		}
		return fmt.Appendf(b, "%05d-%02d-%02d", year, month, day)
	}
	b = append(b, byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-')
	return append(b, byte('0'+month/10), byte('0'+month%10), '-', byte('0'+day/10), byte('0'+day%10))
}

// appendClock prints milliseconds of a day as hh:mm:ss.fff.
func appendClock(b []byte, ms int64) []byte {
	two := func(v int64, end byte) { b = append(b, byte('0'+v/10), byte('0'+v%10), end) }
	two(ms/3600_000, ':')
	two(ms/60_000%60, ':')
	two(ms/1000%60, '.')
	ms %= 1000
	return append(b, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

// appendHex prints bytes as pairs with blanks between.
func appendHex(b, v []byte) []byte {
	for i, c := range v {
		if i > 0 {
			b = append(b, ' ')
		}
		b = hex.AppendEncode(b, []byte{c})
	}
	return b
}

func appendInterval(b []byte, v arrow.MonthDayNanoInterval, athena string) []byte {
	if athena == "interval year to month" || athena == "" && v.Months != 0 && v.Days == 0 && v.Nanoseconds == 0 {
		months := int64(v.Months)
		if months < 0 {
			b, months = append(b, '-'), -months
		}
		return fmt.Appendf(b, "%d-%d", months/12, months%12)
	}
	ms := int64(v.Months)*30*86400_000 + int64(v.Days)*86400_000 + v.Nanoseconds/1_000_000
	if ms < 0 {
		b, ms = append(b, '-'), -ms
	}
	b = append(strconv.AppendInt(b, ms/86400_000, 10), ' ')
	return appendClock(b, ms%86400_000)
}

// appendJavaFloat prints as Java's Double.toString and Float.toString do: plain from 0.001 up to ten million, with an
// exponent otherwise, and at least one digit behind the point.
func appendJavaFloat(b []byte, v float64, bits int) []byte {
	switch abs := math.Abs(v); {
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case math.IsInf(v, 1):
		return append(b, "Infinity"...)
	case math.IsInf(v, -1):
		return append(b, "-Infinity"...)
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		start := len(b)
		b = strconv.AppendFloat(b, v, 'f', -1, bits)
		for _, c := range b[start:] {
			if c == '.' {
				return b
			}
		}
		return append(b, ".0"...)
	}
	var digits [32]byte
	text := strconv.AppendFloat(digits[:0], v, 'e', -1, bits) // d.ddde±xx
	at := len(text) - 1
	for text[at] != 'e' {
		at--
	}
	b = append(b, text[:at]...)
	point := false
	for _, c := range text[:at] {
		point = point || c == '.'
	}
	if !point {
		b = append(b, ".0"...)
	}
	exponent, _ := strconv.Atoi(string(text[at+1:]))
	return strconv.AppendInt(append(b, 'E'), int64(exponent), 10)
}

// athenaColumn describes a column of the engine as Athena does.
func athenaColumn(f arrow.Field) query.ResultColumn {
	c := query.ResultColumn{Name: f.Name, Nullable: "UNKNOWN"}
	switch t := f.Type.(type) {
	case *arrow.BooleanType:
		c.Type = "boolean"
	case *arrow.Int8Type:
		c.Type, c.Precision = "tinyint", 3
	case *arrow.Int16Type, *arrow.Uint8Type:
		c.Type, c.Precision = "smallint", 5
	case *arrow.Int32Type, *arrow.Uint16Type:
		c.Type, c.Precision = "integer", 10
	case *arrow.Int64Type, *arrow.Uint32Type:
		c.Type, c.Precision = "bigint", 19
	case *arrow.Uint64Type:
		c.Type, c.Precision = "decimal", 20
	case *arrow.Float32Type:
		c.Type, c.Precision = "float", 17
	case *arrow.Float64Type:
		c.Type, c.Precision = "double", 17
	case *arrow.Decimal128Type:
		c.Type, c.Precision, c.Scale = "decimal", t.Precision, t.Scale
	case *arrow.Date32Type:
		c.Type = "date"
	case *arrow.TimestampType:
		c.Type, c.Precision = "timestamp", 3
		if t.TimeZone != "" {
			c.Type = "timestamp with time zone"
		}
	case *arrow.Time64Type:
		c.Type, c.Precision = "time", 3
	case *arrow.BinaryType, *arrow.LargeBinaryType:
		c.Type, c.Precision = "varbinary", 1073741824
	case *arrow.MonthDayNanoIntervalType:
		c.Type = "interval day to second"
	case *arrow.MapType:
		c.Type = "map"
	case *arrow.ListType, *arrow.FixedSizeListType:
		c.Type = "array"
	case *arrow.StructType:
		c.Type = "row"
	case *arrow.NullType:
		c.Type = "unknown"
	case arrow.ExtensionType:
		inner := athenaColumn(arrow.Field{Name: f.Name, Type: t.StorageType()})
		if t.ExtensionName() == "arrow.json" {
			inner.Type, inner.Precision = "json", 0
		}
		return inner
	default:
		c.Type, c.Precision = "varchar", 2147483647
	}
	return c
}
