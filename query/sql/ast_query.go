package sql

// Query is a query with everything that may stand around its body. It is a statement, a view's
// definition, a common table expression and a subquery alike. A parenthesised subquery's span does
// not cover its parentheses: the node that holds it does.
type Query struct {
	Span
	With    *With
	Body    QueryBody
	OrderBy []SortItem
	Offset  *Offset
	Limit   *Limit
}

// With is WITH [RECURSIVE] and its tables.
type With struct {
	Span
	Recursive bool
	Tables    []CTE
}

// CTE is one name [(columns)] AS (query).
type CTE struct {
	Span
	Name    Ident
	Columns []Ident
	Query   *Query
}

// QueryBody is *Select, *Values, *TableBody, *SetOperation or *ParenQuery.
type QueryBody interface {
	Node
	queryBody()
}

// Select is SELECT … FROM … WHERE … GROUP BY … HAVING … WINDOW ….
type Select struct {
	Span
	Distinct bool
	Items    []SelectItem
	From     []Relation // separated by commas; empty without FROM
	Where    Expr       // nil when absent, as Having
	GroupBy  *GroupBy
	Having   Expr
	Windows  []NamedWindow
}

// SelectItem is an expression with its alias, * or base.*.
type SelectItem struct {
	Span
	Star        bool
	Expr        Expr    // of a star: what stands before .*, nil for a bare *
	Alias       *Ident  // AS alias
	StarAliases []Ident // base.* AS (a, b)
}

// GroupBy is GROUP BY [DISTINCT] elements.
type GroupBy struct {
	Span
	Distinct bool
	Elements []GroupingElement
}

// GroupingKind is the form of a GroupingElement.
type GroupingKind string

// The forms of a GroupingElement.
const (
	GroupSimple GroupingKind = ""
	GroupRollup GroupingKind = "ROLLUP"
	GroupCube   GroupingKind = "CUBE"
	GroupSets   GroupingKind = "GROUPING SETS"
)

// GroupingElement is one element of GROUP BY. A simple one has one set.
type GroupingElement struct {
	Span
	Kind GroupingKind
	Sets []GroupingSet
}

// GroupingSet is (a, b), () or a bare expression. A bare integer is the ordinal of a select item.
type GroupingSet struct {
	Span
	Paren bool // written in parentheses
	Exprs []Expr
}

// NamedWindow is name AS (specification) of the WINDOW clause.
type NamedWindow struct {
	Span
	Name   Ident
	Window *Window
}

// Values is VALUES row, row. A row that is not parenthesised is a single expression; one with
// several columns is a *Row.
type Values struct {
	Span
	Rows []Expr
}

// TableBody is TABLE name as a query's body.
type TableBody struct {
	Span
	Name Name
}

// SetOperator combines two query bodies.
type SetOperator string

// The set operators.
const (
	Union     SetOperator = "UNION"
	Intersect SetOperator = "INTERSECT"
	Except    SetOperator = "EXCEPT"
)

// SetOperation is Left op [ALL|DISTINCT] Right. INTERSECT binds tighter than the others.
type SetOperation struct {
	Span
	Op          SetOperator
	OpSpan      Span // the operator's word, without the quantifier
	All         bool
	Left, Right QueryBody
}

// ParenQuery is a query in parentheses as a body.
type ParenQuery struct {
	Span
	Query *Query
}

func (*Select) queryBody()       {}
func (*Values) queryBody()       {}
func (*TableBody) queryBody()    {}
func (*SetOperation) queryBody() {}
func (*ParenQuery) queryBody()   {}

// NullsOrder is where NULLs sort.
type NullsOrder string

// Where NULLs sort. Trino's default is last, for both directions.
const (
	NullsDefault NullsOrder = ""
	NullsFirst   NullsOrder = "FIRST"
	NullsLast    NullsOrder = "LAST"
)

// SortItem is one expression of ORDER BY.
type SortItem struct {
	Span
	Expr       Expr
	Descending bool
	Nulls      NullsOrder
}

// Offset is OFFSET count [ROW|ROWS]. Count is *Number or *Parameter.
type Offset struct {
	Span
	Count Expr
}

// Limit is LIMIT count, LIMIT ALL (Count nil) or FETCH FIRST [count] ROWS {ONLY|WITH TIES}
// (Count nil: one).
type Limit struct {
	Span
	Fetch    bool
	WithTies bool
	Count    Expr // *Number, *Parameter or nil
}

// Relation is *TableRef, *Subquery, *Lateral, *Unnest, *ParenRelation, *Aliased, *Sample or *Join.
type Relation interface {
	Node
	relation()
}

// TableRef is a table, a view or a common table expression by its name.
type TableRef struct {
	Span
	Name Name
}

// Subquery is (query) as a relation.
type Subquery struct {
	Span
	Query *Query
}

// Lateral is LATERAL (query).
type Lateral struct {
	Span
	Query *Query
}

// Unnest is UNNEST(expressions) [WITH ORDINALITY].
type Unnest struct {
	Span
	Exprs      []Expr
	Ordinality bool
}

// ParenRelation is a join in parentheses.
type ParenRelation struct {
	Span
	Relation Relation
}

// Aliased is relation [AS] alias [(columns)].
type Aliased struct {
	Span
	Relation Relation
	Alias    Ident
	Columns  []Ident
}

// Sample is relation TABLESAMPLE method (percentage).
type Sample struct {
	Span
	Relation Relation
	Method   string // BERNOULLI or SYSTEM
	Percent  Expr
}

// JoinKind is the kind of a join.
type JoinKind string

// The kinds of joins.
const (
	InnerJoin JoinKind = "INNER"
	LeftJoin  JoinKind = "LEFT"
	RightJoin JoinKind = "RIGHT"
	FullJoin  JoinKind = "FULL"
	CrossJoin JoinKind = "CROSS"
)

// Join is Left kind JOIN Right with its condition: one of Natural, On and Using, none for CROSS.
type Join struct {
	Span
	Kind        JoinKind
	Natural     bool
	Left, Right Relation
	On          Expr
	Using       []Ident
}

func (*TableRef) relation()      {}
func (*Subquery) relation()      {}
func (*Lateral) relation()       {}
func (*Unnest) relation()        {}
func (*ParenRelation) relation() {}
func (*Aliased) relation()       {}
func (*Sample) relation()        {}
func (*Join) relation()          {}
