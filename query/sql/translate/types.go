package translate

import (
	"fmt"
	"strconv"
	"strings"

	"flowlake/columnar"
)

// kind is the constructor of a Trino type. The order of the numeric kinds is that of their coercion.
type kind uint8

const (
	unknown kind = iota // the type of NULL
	boolean
	tinyint
	smallint
	integer
	bigint
	decimal
	real
	double
	varchar
	char
	varbinary
	date
	clock // time
	timestamp
	timestampTZ
	dayTime   // interval day to second
	yearMonth // interval year to month
	array
	mapping
	row
	jsonType
	ipaddress
	function // a lambda's
)

var kindNames = [...]string{"unknown", "boolean", "tinyint", "smallint", "integer", "bigint", "decimal", "real", "double",
	"varchar", "char", "varbinary", "date", "time", "timestamp", "timestamp with time zone",
	"interval day to second", "interval year to month", "array", "map", "row", "json", "ipaddress", "function"}

// unbounded is the length of a varchar without one.
const unbounded = -1

// typ is a Trino type.
type typ struct {
	k      kind
	p, s   int    // decimal: precision, scale; varchar, char: p is the length; time, timestamp: p is the precision
	zone   string // timestampTZ: the zone that all values have, see zone.go
	key    *typ   // mapping
	elem   *typ   // array's element, mapping's value
	fields []rowField
}

type rowField struct {
	name string // lower case; "" for an anonymous field
	t    typ
}

var (
	tUnknown   = typ{k: unknown}
	tBoolean   = typ{k: boolean}
	tTinyint   = typ{k: tinyint}
	tSmallint  = typ{k: smallint}
	tInteger   = typ{k: integer}
	tBigint    = typ{k: bigint}
	tReal      = typ{k: real}
	tDouble    = typ{k: double}
	tVarchar   = typ{k: varchar, p: unbounded}
	tVarbinary = typ{k: varbinary}
	tDate      = typ{k: date}
	tTimestamp = typ{k: timestamp, p: 3}
	tDayTime   = typ{k: dayTime}
	tYearMonth = typ{k: yearMonth}
	tJSON      = typ{k: jsonType}
	tIP        = typ{k: ipaddress}
)

func varcharOf(n int) typ       { return typ{k: varchar, p: n} }
func decimalOf(p, s int) typ    { return typ{k: decimal, p: p, s: s} }
func arrayOf(t typ) typ         { return typ{k: array, elem: &t} }
func mapOf(k, v typ) typ        { return typ{k: mapping, key: &k, elem: &v} }
func timestampOf(p int) typ     { return typ{k: timestamp, p: p} }
func zoned(p int, z string) typ { return typ{k: timestampTZ, p: p, zone: z} }

func (t typ) integral() bool { return t.k >= tinyint && t.k <= bigint }
func (t typ) exact() bool    { return t.k >= tinyint && t.k <= decimal }
func (t typ) floating() bool { return t.k == real || t.k == double }
func (t typ) numeric() bool  { return t.k >= tinyint && t.k <= double }
func (t typ) text() bool     { return t.k == varchar || t.k == char }
func (t typ) nested() bool   { return t.k == array || t.k == mapping || t.k == row }
func (t typ) dateTime() bool { return t.k >= date && t.k <= timestampTZ }

// String is Trino's spelling of the type.
func (t typ) String() string {
	switch t.k {
	case decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.p, t.s)
	case varchar:
		if t.p == unbounded {
			return "varchar"
		}
		return fmt.Sprintf("varchar(%d)", t.p)
	case char:
		return fmt.Sprintf("char(%d)", t.p)
	case clock:
		return fmt.Sprintf("time(%d)", t.p)
	case timestamp:
		return fmt.Sprintf("timestamp(%d)", t.p)
	case timestampTZ:
		return fmt.Sprintf("timestamp(%d) with time zone", t.p)
	case array:
		return "array(" + t.elem.String() + ")"
	case mapping:
		return "map(" + t.key.String() + ", " + t.elem.String() + ")"
	case row:
		parts := make([]string, len(t.fields))
		for i, f := range t.fields {
			parts[i] = f.t.String()
			if f.name != "" {
				parts[i] = f.name + " " + parts[i]
			}
		}
		return "row(" + strings.Join(parts, ", ") + ")"
	default:
		return kindNames[t.k]
	}
}

// duck is the DuckDB type that holds the values:
// a timestamp with time zone is its instant in UTC as a TIMESTAMP, a day-time interval is milliseconds and a
// year-month interval is months, an ipaddress is 16 bytes, json is its text.
func (t typ) duck() string {
	switch t.k {
	case unknown:
		return "INTEGER"
	case boolean, tinyint, smallint, integer, bigint, double, date:
		return strings.ToUpper(kindNames[t.k])
	case decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.p, t.s)
	case real:
		return "FLOAT"
	case varchar, char, jsonType:
		return "VARCHAR"
	case varbinary, ipaddress:
		return "BLOB"
	case clock:
		return "TIME"
	case timestamp, timestampTZ:
		return "TIMESTAMP"
	case dayTime:
		return "BIGINT"
	case yearMonth:
		return "INTEGER"
	case array:
		return t.elem.duck() + "[]"
	case mapping:
		return "MAP(" + t.key.duck() + ", " + t.elem.duck() + ")"
	case row:
		parts := make([]string, len(t.fields))
		for i, f := range t.fields {
			parts[i] = quoteIdent(fieldName(f.name, i)) + " " + f.t.duck()
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	}
	panic("no engine type for " + t.String())
}

// fieldName names the i-th field of a row in the engine, where every field has a name.
func fieldName(name string, i int) string {
	if name == "" {
		return "field" + strconv.Itoa(i)
	}
	return name
}

func (t typ) equal(o typ) bool {
	if t.k != o.k {
		return false
	}
	switch t.k {
	case decimal:
		return t.p == o.p && t.s == o.s
	case varchar, char, clock, timestamp:
		return t.p == o.p
	case timestampTZ:
		return t.p == o.p && t.zone == o.zone
	case array:
		return t.elem.equal(*o.elem)
	case mapping:
		return t.key.equal(*o.key) && t.elem.equal(*o.elem)
	case row:
		if len(t.fields) != len(o.fields) {
			return false
		}
		for i := range t.fields {
			if t.fields[i].name != o.fields[i].name || !t.fields[i].t.equal(o.fields[i].t) {
				return false
			}
		}
	}
	return true
}

// comparable reports whether = works on the type; ordered, whether < does.
func (t typ) comparable() bool {
	switch t.k {
	case function:
		return false
	case array:
		return t.elem.comparable()
	case mapping:
		return t.key.comparable() && t.elem.comparable()
	case row:
		for _, f := range t.fields {
			if !f.t.comparable() {
				return false
			}
		}
	}
	return true
}

func (t typ) ordered() bool {
	switch t.k {
	case mapping, jsonType, function:
		return false
	case array:
		return t.elem.ordered()
	case row:
		for _, f := range t.fields {
			if !f.t.ordered() {
				return false
			}
		}
	}
	return true
}

// athena is the name in Athena's ResultSetMetadata, with precision and scale.
func (t typ) athena() (name string, precision, scale int32) {
	switch t.k {
	case tinyint:
		return "tinyint", 3, 0
	case smallint:
		return "smallint", 5, 0
	case integer:
		return "integer", 10, 0
	case bigint:
		return "bigint", 19, 0
	case real:
		return "float", 17, 0
	case double:
		return "double", 17, 0
	case decimal:
		return "decimal", int32(t.p), int32(t.s)
	case varchar, char:
		if t.p == unbounded {
			return kindNames[t.k], 1<<31 - 1, 0
		}
		return kindNames[t.k], int32(t.p), 0
	case timestamp, timestampTZ, clock:
		return kindNames[t.k], 3, 0
	case varbinary:
		return "varbinary", 1 << 30, 0
	}
	return kindNames[t.k], 0, 0
}

// TypeName is Trino's spelling of a column's type: varchar for string, array(row(a integer)) for array<struct<a:int>>. A type that
// is not known here keeps the spelling it has.
func TypeName(hive string) string {
	t, err := fromHive(hive)
	if err != nil {
		return hive
	}
	return t.String()
}

// fromHive is the Trino type of a Hive column.
func fromHive(text string) (typ, error) {
	h, err := columnar.ParseType(text)
	if err != nil {
		return typ{}, err
	}
	return fromColumnar(h), nil
}

func fromColumnar(h columnar.Type) typ {
	switch h.Kind {
	case columnar.Boolean:
		return tBoolean
	case columnar.TinyInt:
		return tTinyint
	case columnar.SmallInt:
		return tSmallint
	case columnar.Int:
		return tInteger
	case columnar.BigInt:
		return tBigint
	case columnar.Float:
		return tReal
	case columnar.Double:
		return tDouble
	case columnar.Decimal:
		return decimalOf(h.Precision, h.Scale)
	case columnar.Varchar:
		return varcharOf(h.Length)
	case columnar.Char:
		return typ{k: char, p: h.Length}
	case columnar.Binary:
		return tVarbinary
	case columnar.Date:
		return tDate
	case columnar.Timestamp:
		return tTimestamp
	case columnar.Array:
		return arrayOf(fromColumnar(*h.Elem))
	case columnar.Map:
		return mapOf(fromColumnar(*h.Key), fromColumnar(*h.Elem))
	case columnar.Struct:
		t := typ{k: row}
		for _, f := range h.Fields {
			t.fields = append(t.fields, rowField{strings.ToLower(f.Name), fromColumnar(f.Type)})
		}
		return t
	default:
		return tVarchar
	}
}

// decimalDigits is the precision of an integer type as a decimal.
func decimalDigits(k kind) int {
	switch k {
	case tinyint:
		return 3
	case smallint:
		return 5
	case integer:
		return 10
	default:
		return 19
	}
}

// asDecimal is the decimal type that holds an exact number type.
func asDecimal(t typ) typ {
	if t.k == decimal {
		return t
	}
	return decimalOf(decimalDigits(t.k), 0)
}

// common is the type that both sides are coerced to when they meet in a comparison, a CASE, a UNION.
func common(a, b typ) (typ, bool) {
	if a.equal(b) {
		return a, true
	}
	if a.k == unknown {
		return b, true
	}
	if b.k == unknown {
		return a, true
	}
	if a.k > b.k {
		a, b = b, a
	}
	switch {
	case a.numeric() && b.numeric():
		if a.floating() || b.floating() || a.integral() && b.integral() {
			return b, true // the wider: they are ordered
		}
		x, y := asDecimal(a), asDecimal(b)
		s := max(x.s, y.s)
		return decimalOf(min(38, max(x.p-x.s, y.p-y.s)+s), s), true
	case a.k == varchar && b.k == varchar:
		if a.p == unbounded || b.p == unbounded {
			return tVarchar, true
		}
		return varcharOf(max(a.p, b.p)), true
	case a.k == char && b.k == char:
		return typ{k: char, p: max(a.p, b.p)}, true
	case a.k == varchar && b.k == char:
		if a.p == unbounded {
			return tVarchar, true // compared as the padded text
		}
		return typ{k: char, p: max(a.p, b.p)}, true
	case a.k == date && (b.k == timestamp || b.k == timestampTZ):
		return b, true
	case a.k == timestamp && b.k == timestamp, a.k == clock && b.k == clock:
		a.p = max(a.p, b.p)
		return a, true
	case a.k == timestamp && b.k == timestampTZ:
		b.p = max(a.p, b.p)
		return b, true
	case a.k == timestampTZ && b.k == timestampTZ:
		a.p = max(a.p, b.p)
		if a.zone != b.zone {
			a.zone = mixedZones
		}
		return a, true
	case a.k == array && b.k == array:
		e, ok := common(*a.elem, *b.elem)
		return arrayOf(e), ok
	case a.k == mapping && b.k == mapping:
		k, ok1 := common(*a.key, *b.key)
		v, ok2 := common(*a.elem, *b.elem)
		return mapOf(k, v), ok1 && ok2
	case a.k == row && b.k == row && len(a.fields) == len(b.fields):
		t := typ{k: row}
		for i := range a.fields {
			f, ok := common(a.fields[i].t, b.fields[i].t)
			if !ok {
				return typ{}, false
			}
			name := a.fields[i].name
			if name != b.fields[i].name {
				name = ""
			}
			t.fields = append(t.fields, rowField{name, f})
		}
		return t, true
	}
	return typ{}, false
}

// coercible reports whether a value of type from is taken without a cast where to is wanted.
func coercible(from, to typ) bool {
	if from.k == varchar && to.k == varchar || from.k == unknown {
		return to.p == unbounded || from.k == unknown || from.p != unbounded && from.p <= to.p
	}
	c, ok := common(from, to)
	if !ok {
		return false
	}
	if to.k == timestampTZ {
		return c.k == timestampTZ && c.p == to.p
	}
	return c.equal(to) || to.k == row && c.k == row && sameShape(c, to)
}

func sameShape(a, b typ) bool {
	for i := range a.fields {
		if !a.fields[i].t.equal(b.fields[i].t) {
			return false
		}
	}
	return len(a.fields) == len(b.fields)
}
