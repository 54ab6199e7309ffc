package query

import "flowlake/query/sql"

// substatement is Athena's SubstatementType, which clients such as PyAthena read.
func substatement(s sql.Statement) string {
	switch s.(type) {
	case *sql.Query:
		return "SELECT"
	case *sql.CreateDatabase:
		return "CREATE_DATABASE"
	case *sql.DropDatabase:
		return "DROP_DATABASE"
	case *sql.CreateTable:
		return "CREATE_TABLE"
	case *sql.DropTable:
		return "DROP_TABLE"
	case *sql.AddPartitions:
		return "ALTER_TABLE_ADD_PARTITION"
	case *sql.DropPartitions:
		return "ALTER_TABLE_DROP_PARTITION"
	case *sql.RepairTable:
		return "MSCK_REPAIR_TABLE"
	case *sql.CreateView:
		return "CREATE_VIEW"
	case *sql.DropView:
		return "DROP_VIEW"
	case *sql.ShowDatabases:
		return "SHOW_DATABASES"
	case *sql.ShowTables:
		return "SHOW_TABLES"
	case *sql.ShowViews:
		return "SHOW_VIEWS"
	case *sql.ShowPartitions:
		return "SHOW_PARTITIONS"
	case *sql.ShowColumns:
		return "SHOW_COLUMNS"
	case *sql.ShowCreateTable:
		return "SHOW_CREATE_TABLE"
	case *sql.ShowCreateView:
		return "SHOW_CREATE_VIEW"
	case *sql.ShowProperties:
		return "SHOW_TBLPROPERTIES"
	case *sql.Describe:
		return "DESC_TABLE"
	}
	return "UNKNOWN"
}
