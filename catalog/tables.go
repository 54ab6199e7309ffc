package catalog

import (
	"context"
	"iter"
	"regexp"
	"strconv"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
)

// TableFilter chooses tables of one database.
type TableFilter struct {
	Database   string
	Expression string // a regular expression that the whole name must match; empty takes all
	After      string // a name: only tables behind it
	Max        int    // 0: all
}

// CreateTable makes a table or a view and returns it as it is stored. It returns fault.Exists when
// its database has one of that name, fault.NotFound when there is no such database.
func (k *Catalog) CreateTable(ctx context.Context, c access.Caller, t Table) (made Table, err error) {
	err = k.Edit(ctx, c, func(e *Edit) error { made, err = e.CreateTable(ctx, t); return err })
	return made, err
}

// EnsureTable makes a table where its database has none of that name, and reports whether it did.
// It returns the table that is there now.
func (k *Catalog) EnsureTable(ctx context.Context, c access.Caller, t Table) (there Table, created bool, err error) {
	err = k.Edit(ctx, c, func(e *Edit) error {
		there, err = e.CreateTable(ctx, t)
		created = err == nil
		if fault.Is(err, fault.Exists) {
			exists := err
			if there, err = e.Table(ctx, t.Database, t.Name); fault.Is(err, fault.NotFound) {
				err = exists // one that the caller may not know more of than that the name is taken
			}
		}
		return err
	})
	return there, created && err == nil, err
}

// Table returns a table or a view, or fault.NotFound (noun "database" when it is that which is missing).
func (k *Catalog) Table(ctx context.Context, c access.Caller, database, name string) (t Table, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error { t, err = s.Table(ctx, database, name); return err })
	return t, err
}

// Tables returns the tables that f chooses, in the order of their names, and the name to go on
// after, empty at the end.
func (k *Catalog) Tables(ctx context.Context, c access.Caller, f TableFilter) (page []Table, next string, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error {
		for t, err := range s.Tables(ctx, f) {
			if err != nil {
				return err
			}
			if f.Max > 0 && len(page) == f.Max {
				next = page[len(page)-1].Name
				return nil
			}
			page = append(page, t)
		}
		return nil
	})
	return page, next, err
}

// UpdateTable replaces a table's definition and returns it with its new version. With a version that
// is not empty the table must still have it: otherwise fault.Conflict. Partitions stay; while there are any, the
// number of partition keys cannot change, because their values would belong to no key.
func (k *Catalog) UpdateTable(ctx context.Context, c access.Caller, t Table, version string) (now Table, err error) {
	err = k.Edit(ctx, c, func(e *Edit) error { now, err = e.UpdateTable(ctx, t, version); return err })
	return now, err
}

// DeleteTable removes a table with its partitions. The objects stay.
func (k *Catalog) DeleteTable(ctx context.Context, c access.Caller, database, name string) error {
	return k.Edit(ctx, c, func(e *Edit) error { return e.DeleteTable(ctx, database, name) })
}

// DeleteTables removes tables with their partitions, each that it can: the failures have the names
// of the others.
func (k *Catalog) DeleteTables(ctx context.Context, c access.Caller, database string, names []string) (failures []TableError, err error) {
	err = k.Edit(ctx, c, func(e *Edit) error {
		if _, err := e.seesDatabase(ctx, strings.ToLower(database)); err != nil {
			return err
		}
		for _, n := range names {
			// DeleteTable checks before it changes: a refused table leaves nothing half-done.
			if err := e.deleteTable(ctx, "BatchDeleteTable", database, n); err != nil {
				if kind := fault.KindOf(err); kind == fault.Internal || kind == fault.Unavailable {
					return err
				}
				failures = append(failures, TableError{Name: n, Err: err})
			}
		}
		return nil
	})
	return failures, err
}

// TableError is what kept one table of a batch from its change.
type TableError struct {
	Name string
	Err  error
}

func tableKey(database, table string) string { return database + separator + table }

func tableSubject(database, table string) string { return "table " + database + "." + table }

// Table returns a table or a view with the columns that the caller may know of, or fault.NotFound (noun "database" when
// it is that which is missing).
func (s *Snapshot) Table(ctx context.Context, database, name string) (Table, error) {
	database, name = strings.ToLower(database), strings.ToLower(name)
	if err := s.allowTable(ctx, "GetTable", database, name); err != nil {
		return Table{}, err
	}
	t, a, err := s.seesTable(ctx, database, name)
	if err == nil {
		t, err = s.shown(ctx, t, a)
	}
	if err != nil {
		return Table{}, err
	}
	return t, nil
}

func (s *Snapshot) table(database, name string) (Table, error) {
	var t Table
	_, err := s.tx.Get(s.id(kindTable, tableKey(database, name)), &t)
	if fault.Is(err, fault.NotFound) {
		if _, err := s.database(database); err != nil {
			return Table{}, err
		}
		return Table{}, fault.Newf(fault.NotFound, tableSubject(database, name), "not found")
	}
	return t, err
}

// Tables yields the tables that f chooses and the caller may know of, in the order of their names. f.Max is the caller's to keep.
func (s *Snapshot) Tables(ctx context.Context, f TableFilter) iter.Seq2[Table, error] {
	return func(yield func(Table, error) bool) {
		database := strings.ToLower(f.Database)
		match, err := wholeName(f.Expression)
		if err == nil {
			err = s.allow(ctx, "GetTables", "catalog", "database/"+database, "table/"+database+"/*")
		}
		if err == nil {
			_, err = s.seesDatabase(ctx, database)
		}
		if err != nil {
			yield(Table{}, err)
			return
		}
		after := ""
		if f.After != "" {
			after = tableKey(database, strings.ToLower(f.After))
		}
		for row, err := range s.tx.List(s.id(kindTable, database+separator), after) {
			var t Table
			if err == nil {
				if !match(strings.TrimPrefix(row.Key, database+separator)) {
					continue
				}
				err = row.Decode(&t)
			}
			if err == nil && s.lf != nil {
				var a formation.Access
				if a, err = s.access(ctx, t); err == nil {
					if !a.Describe {
						continue
					}
					t, err = s.shown(ctx, t, a)
				}
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// wholeName compiles a filter on names. As in Glue it is a regular expression, and "*" alone, which
// is none, is taken for "everything" because clients send it.
func wholeName(expression string) (func(string) bool, error) {
	if expression == "" || expression == "*" {
		return func(string) bool { return true }, nil
	}
	if len(expression) > 2048 {
		return nil, fault.Newf(fault.Invalid, "expression", "it has %d bytes; at most 2,048 are allowed", len(expression))
	}
	re, err := regexp.Compile("(?i)^(?:" + expression + ")$")
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "expression "+expression, "is not a regular expression: %v", err)
	}
	return re.MatchString, nil
}

// CreateTable makes a table or a view and returns it as it is stored.
func (e *Edit) CreateTable(ctx context.Context, t Table) (Table, error) {
	if err := tidy(&t); err != nil {
		return Table{}, err
	}
	if err := e.allowTable(ctx, "CreateTable", t.Database, t.Name); err != nil {
		return Table{}, err
	}
	d, err := e.seesDatabase(ctx, t.Database)
	if err == nil {
		err = e.checkDatabase(ctx, formation.CreateTable, t.Database)
	}
	if err == nil {
		err = e.mayPlace(ctx, t.Storage.Location, d.Location)
	}
	if err == nil {
		err = e.checkProperties(t, nil)
	}
	if err != nil {
		return Table{}, err
	}
	t.Created, t.Updated, t.CreatedBy, t.Version = e.now, e.now, e.c.Principal, 0
	err = e.tx.Create(e.id(kindTable, tableKey(t.Database, t.Name)), t)
	if fault.Is(err, fault.Exists) {
		return Table{}, fault.Newf(fault.Exists, tableSubject(t.Database, t.Name), "already exists")
	}
	if err == nil && e.lf != nil {
		err = e.lf.TableCreated(ctx, t.Database, t.Name, !d.Closed)
	}
	return t, err
}

// UpdateTable replaces a table's definition; see Catalog.UpdateTable.
func (e *Edit) UpdateTable(ctx context.Context, t Table, version string) (Table, error) {
	if err := tidy(&t); err != nil {
		return Table{}, err
	}
	if err := e.allowTable(ctx, "UpdateTable", t.Database, t.Name); err != nil {
		return Table{}, err
	}
	old, a, err := e.seesTable(ctx, t.Database, t.Name)
	if err == nil {
		err = e.check(ctx, old, a, formation.Alter)
	}
	if err == nil && t.Storage.Location != old.Storage.Location {
		var d Database
		if d, err = e.database(t.Database); err == nil {
			err = e.mayPlace(ctx, t.Storage.Location, d.Location)
		}
	}
	if err != nil {
		return Table{}, err
	}
	if version != "" && version != strconv.FormatInt(old.Version, 10) {
		return Table{}, fault.Newf(fault.Conflict, tableSubject(t.Database, t.Name),
			"its version is %d, not %s: another change came first", old.Version, version)
	}
	if len(t.PartitionKeys) != len(old.PartitionKeys) {
		for _, err := range e.tx.List(e.id(kindPartition, partitionKey(old, nil)), "") {
			if err != nil {
				return Table{}, err
			}
			return Table{}, fault.Newf(fault.Invalid, tableSubject(t.Database, t.Name),
				"it has partitions of %d keys: delete them before it gets %d", len(old.PartitionKeys), len(t.PartitionKeys))
		}
	}
	if err := e.checkProperties(t, old.Parameters); err != nil {
		return Table{}, err
	}
	t.Created, t.CreatedBy, t.Updated, t.Version = old.Created, old.CreatedBy, e.now, old.Version+1
	return t, e.tx.Put(e.id(kindTable, tableKey(t.Database, t.Name)), t)
}

// DeleteTable removes a table with its partitions. It changes nothing when it fails on what it checks.
func (e *Edit) DeleteTable(ctx context.Context, database, name string) error {
	return e.deleteTable(ctx, "DeleteTable", database, name)
}

func (e *Edit) deleteTable(ctx context.Context, action, database, name string) error {
	database, name = strings.ToLower(database), strings.ToLower(name)
	if err := e.allowTable(ctx, action, database, name); err != nil {
		return err
	}
	t, a, err := e.seesTable(ctx, database, name)
	if err == nil {
		err = e.check(ctx, t, a, formation.Drop)
	}
	if err != nil {
		return err
	}
	key := tableKey(database, name)
	clear(e.stored)
	for _, kind := range []string{kindPartition, kindShape, kindStatistics} {
		if err := e.deleteAll(kind, key+separator); err != nil {
			return err
		}
	}
	if e.lf != nil {
		if err := e.lf.TableDropped(ctx, database, name); err != nil {
			return err
		}
	}
	return e.tx.Delete(e.id(kindTable, key))
}
