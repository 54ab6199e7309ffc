package query

import (
	"context"

	"flowlake/access"
	"flowlake/catalog"
)

// These are what Athena tells of the data catalogue, read as the caller by way of Athena.

func viaAthena(c access.Caller) access.Caller {
	return c.Via("athena.amazonaws.com", c.ARN("athena", "datacatalog/"+CatalogName))
}

// Database returns a database, or fault.NotFound.
func (q *Queries) Database(ctx context.Context, c access.Caller, name string) (catalog.Database, error) {
	return q.catalog.Database(ctx, viaAthena(c), name)
}

// Databases returns up to max databases behind the name after, and the name to go on after, empty at the end.
func (q *Queries) Databases(ctx context.Context, c access.Caller, after string, max int) ([]catalog.Database, string, error) {
	return q.catalog.Databases(ctx, viaAthena(c), after, max)
}

// Table returns a table or a view, or fault.NotFound.
func (q *Queries) Table(ctx context.Context, c access.Caller, database, name string) (catalog.Table, error) {
	return q.catalog.Table(ctx, viaAthena(c), database, name)
}

// Tables returns the tables and views that f chooses, and the name to go on after, empty at the end.
func (q *Queries) Tables(ctx context.Context, c access.Caller, f catalog.TableFilter) ([]catalog.Table, string, error) {
	return q.catalog.Tables(ctx, viaAthena(c), f)
}
