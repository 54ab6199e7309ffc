package sql

// Kind is Athena's StatementType.
type Kind string

// Athena's statement types.
const (
	DDL     Kind = "DDL"
	DML     Kind = "DML"
	Utility Kind = "UTILITY"
)

// KindOf returns the statement type that Athena reports for s: queries are DML, SHOW and DESCRIBE
// are UTILITY, whatever changes the catalogue is DDL.
func KindOf(s Statement) Kind {
	switch s.(type) {
	case *Query:
		return DML
	case *ShowDatabases, *ShowTables, *ShowViews, *ShowPartitions, *ShowColumns, *ShowCreateTable,
		*ShowCreateView, *ShowProperties, *Describe:
		return Utility
	default:
		return DDL
	}
}
