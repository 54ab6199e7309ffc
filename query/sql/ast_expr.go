package sql

// Expr is an expression.
type Expr interface {
	Node
	expr()
}

// Reference is a bare name: a column, a lambda's parameter, or the table part of a Dereference.
type Reference struct {
	Span
	Name Ident
}

// Dereference is base.field: a qualified column or a row's field, which only scopes can tell apart.
type Dereference struct {
	Span
	Base  Expr
	Field Ident
}

// Subscript is base[index].
type Subscript struct {
	Span
	Base, Index Expr
}

// Paren is an expression in parentheses.
type Paren struct {
	Span
	X Expr
}

// Unparen returns e without the parentheses around it.
func Unparen(e Expr) Expr {
	for {
		p, ok := e.(*Paren)
		if !ok {
			return e
		}
		e = p.X
	}
}

// Null is NULL.
type Null struct{ Span }

// Boolean is TRUE or FALSE.
type Boolean struct {
	Span
	Value bool
}

// NumberKind is what type a numeric literal has.
type NumberKind string

// The kinds of numeric literals. In Trino 1.5 is a decimal and 1.5e0 a double.
const (
	Integer NumberKind = "integer"
	Decimal NumberKind = "decimal"
	Double  NumberKind = "double"
)

// Number is a numeric literal without a sign. Text is as written.
type Number struct {
	Span
	Kind NumberKind
	Text string
}

// String is a string literal. Value has the quotes removed and escapes resolved.
type String struct {
	Span
	Value   string
	Unicode bool // U&'…'
}

// Binary is X'…'.
type Binary struct {
	Span
	Value []byte
}

// Typed is a type's name before a string: DATE '2022-08-28', TIMESTAMP '…', IPADDRESS '…',
// DECIMAL '1.5', JSON '…'. Type is in lower case ("double precision" for two words).
type Typed struct {
	Span
	Type  string
	Value String
}

// Interval is INTERVAL [sign] 'value' from [TO to]. The units are upper case: YEAR, MONTH, DAY, HOUR,
// MINUTE, SECOND.
type Interval struct {
	Span
	Negative bool
	Value    String
	From, To string // To is "" without TO
}

// Parameter is ?. Position counts from 0.
type Parameter struct {
	Span
	Position int
}

// Current is a function that is called without parentheses: CURRENT_DATE, CURRENT_TIME,
// CURRENT_TIMESTAMP, LOCALTIME, LOCALTIMESTAMP, CURRENT_USER, CURRENT_CATALOG, CURRENT_SCHEMA,
// CURRENT_PATH. Precision is -1 when it is not given.
type Current struct {
	Span
	Name      string // lower case
	Precision int
}

// Unary is + or - before an expression.
type Unary struct {
	Span
	Op string
	X  Expr
}

// BinaryOp is arithmetic (+ - * / %), concatenation (||) or a comparison (= <> < <= > >=; != is
// spelled <> here). OpSpan is where the operator stands.
type BinaryOp struct {
	Span
	Op          string
	OpSpan      Span
	Left, Right Expr
}

// LogicalOp joins conditions.
type LogicalOp string

// The logical operators.
const (
	And LogicalOp = "AND"
	Or  LogicalOp = "OR"
)

// Logical is a chain a AND b AND c, or a OR b OR c, flat: two terms at least.
type Logical struct {
	Span
	Op    LogicalOp
	Terms []Expr
}

// Not is NOT x.
type Not struct {
	Span
	X Expr
}

// Between is x [NOT] BETWEEN low AND high.
type Between struct {
	Span
	Not          bool
	X, Low, High Expr
}

// InList is x [NOT] IN (a, b).
type InList struct {
	Span
	Not  bool
	X    Expr
	List []Expr
}

// InQuery is x [NOT] IN (query).
type InQuery struct {
	Span
	Not   bool
	X     Expr
	Query *Query
}

// Like is x [NOT] LIKE pattern [ESCAPE escape].
type Like struct {
	Span
	Not        bool
	X, Pattern Expr
	Escape     Expr // nil when absent
}

// IsNull is x IS [NOT] NULL.
type IsNull struct {
	Span
	Not bool
	X   Expr
}

// IsDistinct is left IS [NOT] DISTINCT FROM right.
type IsDistinct struct {
	Span
	Not         bool
	Left, Right Expr
}

// Quantified is left op {ALL|ANY|SOME} (query). SOME is spelled ANY here.
type Quantified struct {
	Span
	Op         string
	Quantifier string // ALL or ANY
	Left       Expr
	Query      *Query
}

// Exists is EXISTS (query).
type Exists struct {
	Span
	Query *Query
}

// ScalarQuery is (query) as a value.
type ScalarQuery struct {
	Span
	Query *Query
}

// Case is CASE [operand] WHEN … THEN … [ELSE …] END.
type Case struct {
	Span
	Operand Expr // nil in the searched form
	Whens   []When
	Else    Expr // nil when absent
}

// When is WHEN condition THEN result.
type When struct {
	Span
	Cond, Result Expr
}

// Cast is CAST(x AS type) or TRY_CAST(x AS type).
type Cast struct {
	Span
	Try  bool
	X    Expr
	Type *Type
}

// Extract is EXTRACT(field FROM x).
type Extract struct {
	Span
	Field Ident
	X     Expr
}

// Position is POSITION(needle IN haystack).
type Position struct {
	Span
	Needle, Haystack Expr
}

// Substring is SUBSTRING(x FROM from [FOR for]). With commas it is a Call.
type Substring struct {
	Span
	X, From Expr
	For     Expr // nil when absent
}

// Trim is TRIM([LEADING|TRAILING|BOTH] [chars] FROM x). trim(x) and trim(x, chars) are Calls.
type Trim struct {
	Span
	Side  string // LEADING, TRAILING, BOTH or ""
	Chars Expr   // nil when absent
	X     Expr
}

// Normalize is NORMALIZE(x [, form]).
type Normalize struct {
	Span
	X    Expr
	Form string // NFC when absent
}

// AtTimeZone is x AT TIME ZONE zone. Zone is *String or *Interval.
type AtTimeZone struct {
	Span
	X, Zone Expr
}

// Array is ARRAY[a, b].
type Array struct {
	Span
	Elements []Expr
}

// Row is ROW(a, b), or (a, b) with Implicit.
type Row struct {
	Span
	Implicit bool
	Fields   []Expr
}

// Lambda is x -> body or (x, y) -> body.
type Lambda struct {
	Span
	Params []Ident
	Body   Expr
}

// Grouping is GROUPING(a, b). The columns are *Reference or *Dereference.
type Grouping struct {
	Span
	Columns []Expr
}

// NullTreatment is IGNORE NULLS or RESPECT NULLS.
type NullTreatment string

// The null treatments.
const (
	NullsUnsaid  NullTreatment = ""
	IgnoreNulls  NullTreatment = "IGNORE"
	RespectNulls NullTreatment = "RESPECT"
)

// Call is a function call with all its clauses. IF, COALESCE, NULLIF and TRY are Calls too.
type Call struct {
	Span
	Name        Name
	Distinct    bool
	Star        bool // count(*)
	Args        []Expr
	OrderBy     []SortItem // inside the parentheses
	Overflow    *Overflow  // listagg only
	WithinGroup []SortItem
	Filter      Expr // nil when absent
	Nulls       NullTreatment
	Over        *Window
}

// Overflow is ON OVERFLOW {ERROR | TRUNCATE ['filler'] {WITH|WITHOUT} COUNT} of listagg.
type Overflow struct {
	Span
	Truncate bool
	Filler   *String
	Count    bool
}

// Window is a window specification. A bare name (OVER w) has Base only, and Named is true.
type Window struct {
	Span
	Named       bool
	Base        *Ident
	PartitionBy []Expr
	OrderBy     []SortItem
	Frame       *Frame
}

// Frame is {ROWS|RANGE|GROUPS} start, or BETWEEN start AND end.
type Frame struct {
	Span
	Unit  string
	Start FrameBound
	End   *FrameBound // nil without BETWEEN: the current row
}

// BoundKind is the form of a FrameBound.
type BoundKind string

// The forms of a FrameBound.
const (
	UnboundedPreceding BoundKind = "UNBOUNDED PRECEDING"
	Preceding          BoundKind = "PRECEDING"
	CurrentRow         BoundKind = "CURRENT ROW"
	Following          BoundKind = "FOLLOWING"
	UnboundedFollowing BoundKind = "UNBOUNDED FOLLOWING"
)

// FrameBound is one end of a Frame. X is set for Preceding and Following.
type FrameBound struct {
	Span
	Kind BoundKind
	X    Expr
}

// Type is a data type, of Hive (array<struct<a:int>>) or Trino (array(row(a integer))).
type Type struct {
	Span
	// Name is in lower case, several words with one space: "bigint", "array", "map", "struct", "row",
	// "double precision", "timestamp with time zone", "interval day to second".
	Name   string
	Params []int       // of decimal(p, s), varchar(n), char(n), timestamp(p)
	Elems  []*Type     // array: its element; map: key, value; uniontype: the choices
	Fields []TypeField // struct and row
}

// TypeField is a field of a struct or row. Trino's row fields may have no name.
type TypeField struct {
	Span
	Name    *Ident
	Type    *Type
	Comment *String
}

func (*Reference) expr()   {}
func (*Dereference) expr() {}
func (*Subscript) expr()   {}
func (*Paren) expr()       {}
func (*Null) expr()        {}
func (*Boolean) expr()     {}
func (*Number) expr()      {}
func (*String) expr()      {}
func (*Binary) expr()      {}
func (*Typed) expr()       {}
func (*Interval) expr()    {}
func (*Parameter) expr()   {}
func (*Current) expr()     {}
func (*Unary) expr()       {}
func (*BinaryOp) expr()    {}
func (*Logical) expr()     {}
func (*Not) expr()         {}
func (*Between) expr()     {}
func (*InList) expr()      {}
func (*InQuery) expr()     {}
func (*Like) expr()        {}
func (*IsNull) expr()      {}
func (*IsDistinct) expr()  {}
func (*Quantified) expr()  {}
func (*Exists) expr()      {}
func (*ScalarQuery) expr() {}
func (*Case) expr()        {}
func (*Cast) expr()        {}
func (*Extract) expr()     {}
func (*Position) expr()    {}
func (*Substring) expr()   {}
func (*Trim) expr()        {}
func (*Normalize) expr()   {}
func (*AtTimeZone) expr()  {}
func (*Array) expr()       {}
func (*Row) expr()         {}
func (*Lambda) expr()      {}
func (*Grouping) expr()    {}
func (*Call) expr()        {}
