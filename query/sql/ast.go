// Package sql reads the SQL that Athena takes: Hive's DDL and Trino's queries. It turns one
// statement into a tree whose nodes say which bytes of the text they stand for, or into an error
// that points at the place and, where the mistake is a common one, shows the right spelling.
//
// It never executes anything, never looks into the catalogue and never decides what a name means.
package sql

import "strings"

// Span is a range of byte offsets in the text that was parsed: Start is the first byte of a node,
// End the one after its last. Neither ever lies inside white space or a comment.
type Span struct{ Start, End int }

// Bounds returns the span itself: every node embeds one.
func (s Span) Bounds() Span { return s }

// Of returns the part of text that the span covers.
func (s Span) Of(text string) string { return text[s.Start:s.End] }

// Covers reports whether inner lies within s.
func (s Span) Covers(inner Span) bool { return s.Start <= inner.Start && inner.End <= s.End }

// Node is any part of a statement.
type Node interface{ Bounds() Span }

// Statement is one whole statement: *Query or one of the statements in this file.
type Statement interface {
	Node
	statement()
}

// Quote says how an identifier was written.
type Quote byte

// The ways to write an identifier.
const (
	Bare        Quote = 0
	DoubleQuote Quote = '"'
	Backtick    Quote = '`'
)

// Ident is one identifier. Name is what it says, without quotes, in its original case. Neither Hive
// nor Trino tells names apart by case, quoted or not: compare with Key.
type Ident struct {
	Span
	Name  string
	Quote Quote
}

// Key returns the name in lower case, as the catalogue spells it.
func (i Ident) Key() string { return strings.ToLower(i.Name) }

// Name is a dotted name: table, database.table or catalog.database.table.
type Name struct {
	Span
	Parts []Ident // never empty
}

// Last returns the last part: the table's, view's, database's or function's own name.
func (n Name) Last() Ident { return n.Parts[len(n.Parts)-1] }

// Qualifier returns the part before the last ("" when there is none), in lower case.
func (n Name) Qualifier() string {
	if len(n.Parts) < 2 {
		return ""
	}
	return n.Parts[len(n.Parts)-2].Key()
}

// String returns the parts in lower case with dots between them, unquoted: for messages and keys.
func (n Name) String() string {
	parts := make([]string, len(n.Parts))
	for i, p := range n.Parts {
		parts[i] = p.Key()
	}
	return strings.Join(parts, ".")
}

// Property is one 'key' = 'value' of TBLPROPERTIES, DBPROPERTIES or SERDEPROPERTIES.
type Property struct {
	Span
	Key, Value String
}

// ColumnDef is a column or a partition key of CREATE TABLE.
type ColumnDef struct {
	Span
	Name    Ident
	Type    *Type
	Comment *String
}

// CreateDatabase is CREATE {DATABASE|SCHEMA}.
type CreateDatabase struct {
	Span
	IfNotExists bool
	Name        Name
	Comment     *String
	Location    *String
	Properties  []Property
}

// DropDatabase is DROP {DATABASE|SCHEMA}. Without CASCADE a database that is not empty stays.
type DropDatabase struct {
	Span
	IfExists bool
	Name     Name
	Cascade  bool
}

// CreateTable is CREATE EXTERNAL TABLE.
type CreateTable struct {
	Span
	IfNotExists   bool
	Name          Name
	Columns       []ColumnDef
	Comment       *String
	PartitionedBy []ColumnDef
	Buckets       *Buckets
	RowFormat     *RowFormat
	StoredAs      *StoredAs
	Location      *String
	Properties    []Property
}

// Buckets is CLUSTERED BY (columns) INTO n BUCKETS.
type Buckets struct {
	Span
	Columns []Ident
	SortBy  []Ident
	Count   int
}

// RowFormat is ROW FORMAT DELIMITED or ROW FORMAT SERDE. The strings are as Hive means them: escapes
// such as \t are already resolved. Its span covers a STORED AS that stands before WITH SERDEPROPERTIES.
type RowFormat struct {
	Span
	SerDe       *String // the class; nil: DELIMITED
	Properties  []Property
	Fields      *String
	Escaped     *String
	Collections *String
	MapKeys     *String
	Lines       *String
	Null        *String
}

// StoredAs is STORED AS format, or STORED AS INPUTFORMAT … OUTPUTFORMAT ….
type StoredAs struct {
	Span
	Format string // upper case; "" when the classes are given
	Input  *String
	Output *String
}

// DropTable is DROP TABLE.
type DropTable struct {
	Span
	IfExists bool
	Name     Name
}

// PartitionSpec is the (key = value, …) behind PARTITION.
type PartitionSpec struct {
	Span
	Keys []PartitionValue
}

// PartitionValue is one key = value of a PartitionSpec.
type PartitionValue struct {
	Span
	Name  Ident
	Value Expr // *String, *Number (possibly below *Unary), *Typed or *Boolean
}

// NewPartition is one PARTITION (…) [LOCATION '…'] of ADD PARTITION.
type NewPartition struct {
	Span
	Spec     PartitionSpec
	Location *String
}

// AddPartitions is ALTER TABLE … ADD PARTITION.
type AddPartitions struct {
	Span
	Table       Name
	IfNotExists bool
	Partitions  []NewPartition
}

// DropPartitions is ALTER TABLE … DROP PARTITION.
type DropPartitions struct {
	Span
	Table      Name
	IfExists   bool
	Partitions []PartitionSpec
}

// RepairTable is MSCK REPAIR TABLE.
type RepairTable struct {
	Span
	Table Name
}

// CreateView is CREATE [OR REPLACE] VIEW.
type CreateView struct {
	Span
	OrReplace bool
	Name      Name
	Columns   []Ident
	Comment   *String
	Query     *Query
}

// DropView is DROP VIEW.
type DropView struct {
	Span
	IfExists bool
	Name     Name
}

// ShowDatabases is SHOW {DATABASES|SCHEMAS} [LIKE 'regex'].
type ShowDatabases struct {
	Span
	Like *String
}

// ShowTables is SHOW TABLES [IN database] ['regex'].
type ShowTables struct {
	Span
	In   *Name
	Like *String
}

// ShowViews is SHOW VIEWS [IN database] [LIKE 'regex'].
type ShowViews struct {
	Span
	In   *Name
	Like *String
}

// ShowPartitions is SHOW PARTITIONS table [PARTITION (…)].
type ShowPartitions struct {
	Span
	Table Name
	Spec  *PartitionSpec
}

// ShowColumns is SHOW COLUMNS {FROM|IN} table [{FROM|IN} database]. Table carries the database
// when it was written with a dot, In when it was written behind.
type ShowColumns struct {
	Span
	Table Name
	In    *Name
}

// ShowCreateTable is SHOW CREATE TABLE.
type ShowCreateTable struct {
	Span
	Name Name
}

// ShowCreateView is SHOW CREATE VIEW.
type ShowCreateView struct {
	Span
	Name Name
}

// ShowProperties is SHOW TBLPROPERTIES table [('key')].
type ShowProperties struct {
	Span
	Table Name
	Key   *String
}

// DescribeMode is what DESCRIBE shows beyond the columns.
type DescribeMode string

// The modes of DESCRIBE.
const (
	DescribePlain     DescribeMode = ""
	DescribeExtended  DescribeMode = "EXTENDED"
	DescribeFormatted DescribeMode = "FORMATTED"
)

// Describe is DESCRIBE [EXTENDED|FORMATTED] table [PARTITION (…)] [column[.field…]].
type Describe struct {
	Span
	Mode   DescribeMode
	Table  Name
	Spec   *PartitionSpec
	Column []Ident
}

func (*CreateDatabase) statement()  {}
func (*DropDatabase) statement()    {}
func (*CreateTable) statement()     {}
func (*DropTable) statement()       {}
func (*AddPartitions) statement()   {}
func (*DropPartitions) statement()  {}
func (*RepairTable) statement()     {}
func (*CreateView) statement()      {}
func (*DropView) statement()        {}
func (*ShowDatabases) statement()   {}
func (*ShowTables) statement()      {}
func (*ShowViews) statement()       {}
func (*ShowPartitions) statement()  {}
func (*ShowColumns) statement()     {}
func (*ShowCreateTable) statement() {}
func (*ShowCreateView) statement()  {}
func (*ShowProperties) statement()  {}
func (*Describe) statement()        {}
func (*Query) statement()           {}
