package catalog

import (
	"context"
	"iter"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
)

// maxDatabases is Glue's quota of databases for each account and region.
const maxDatabases = 10_000

// CreateDatabase makes a database. It returns fault.Exists when there is one of that name.
func (k *Catalog) CreateDatabase(ctx context.Context, c access.Caller, d Database) error {
	return k.Edit(ctx, c, func(e *Edit) error { return e.CreateDatabase(ctx, d) })
}

// EnsureDatabase makes a database where there is none of that name, and reports whether it did.
func (k *Catalog) EnsureDatabase(ctx context.Context, c access.Caller, d Database) (created bool, err error) {
	err = k.CreateDatabase(ctx, c, d)
	if fault.Is(err, fault.Exists) {
		return false, nil
	}
	return err == nil, err
}

// Database returns a database, or fault.NotFound.
func (k *Catalog) Database(ctx context.Context, c access.Caller, name string) (d Database, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error { d, err = s.Database(ctx, name); return err })
	return d, err
}

// Databases returns up to max databases (0: all) in the order of their names, those after the name
// after, and the name to go on after, empty at the end.
func (k *Catalog) Databases(ctx context.Context, c access.Caller, after string, max int) (page []Database, next string, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error {
		for d, err := range s.Databases(ctx, after) {
			if err != nil {
				return err
			}
			if max > 0 && len(page) == max {
				next = page[len(page)-1].Name
				return nil
			}
			page = append(page, d)
		}
		return nil
	})
	return page, next, err
}

// UpdateDatabase replaces what a database says of itself; its name stays.
func (k *Catalog) UpdateDatabase(ctx context.Context, c access.Caller, name string, d Database) error {
	return k.Edit(ctx, c, func(e *Edit) error { return e.UpdateDatabase(ctx, name, d) })
}

// DeleteDatabase removes a database with its tables and their partitions. The objects stay.
func (k *Catalog) DeleteDatabase(ctx context.Context, c access.Caller, name string) error {
	return k.Edit(ctx, c, func(e *Edit) error { return e.DeleteDatabase(ctx, name) })
}

// Database returns a database, or fault.NotFound.
func (s *Snapshot) Database(ctx context.Context, name string) (Database, error) {
	name = strings.ToLower(name)
	if err := s.allowDatabase(ctx, "GetDatabase", name); err != nil {
		return Database{}, err
	}
	return s.seesDatabase(ctx, name)
}

func (s *Snapshot) database(name string) (Database, error) {
	var d Database
	_, err := s.tx.Get(s.id(kindDatabase, name), &d)
	if fault.Is(err, fault.NotFound) {
		return Database{}, noDatabase(name)
	}
	return d, err
}

// Databases yields the databases that the caller may know of, in the order of their names, those after the name after.
func (s *Snapshot) Databases(ctx context.Context, after string) iter.Seq2[Database, error] {
	return func(yield func(Database, error) bool) {
		if err := s.allow(ctx, "GetDatabases", "catalog", "database/*"); err != nil {
			yield(Database{}, err)
			return
		}
		for row, err := range s.tx.List(s.id(kindDatabase, ""), after) {
			var d Database
			visible := true
			if err == nil {
				err = row.Decode(&d)
			}
			if err == nil && s.lf != nil {
				visible, err = s.lf.Database(ctx, d.Name)
			}
			if err == nil && !visible {
				continue
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// CreateDatabase makes a database. It returns fault.Exists when there is one of that name.
func (e *Edit) CreateDatabase(ctx context.Context, d Database) (err error) {
	if d.Name, err = name(kindDatabase, d.Name); err != nil {
		return err
	}
	if err := e.allowDatabase(ctx, "CreateDatabase", d.Name); err != nil {
		return err
	}
	if err := checkDatabase(d); err != nil {
		return err
	}
	if e.lf != nil {
		if err := e.lf.Check(ctx, formation.CreateDatabase, formation.Catalog()); err != nil {
			return err
		}
	}
	if err := e.mayPlace(ctx, d.Location); err != nil {
		return err
	}
	count := 0
	for _, err := range e.tx.List(e.id(kindDatabase, ""), "") {
		if err != nil {
			return err
		}
		if count++; count >= maxDatabases {
			return fault.Newf(fault.Limit, "database "+d.Name, "there are %d databases, as many as an account may have", maxDatabases)
		}
	}
	d.Created = e.now
	openDatabase := true
	if e.lf != nil {
		var openTables bool
		if openDatabase, openTables, err = e.lf.OpenByDefault(ctx); err != nil {
			return err
		}
		if d.TableGrants == nil && openTables {
			d.TableGrants = []Grant{{Principal: AllowedPrincipals, Permissions: []string{string(formation.All)}}}
		}
		d.Closed = len(d.TableGrants) == 0
	}
	err = e.tx.Create(e.id(kindDatabase, d.Name), d)
	if fault.Is(err, fault.Exists) {
		return fault.Newf(fault.Exists, "database "+d.Name, "already exists")
	}
	if err == nil && e.lf != nil {
		err = e.lf.DatabaseCreated(ctx, d.Name, openDatabase)
	}
	return err
}

// UpdateDatabase replaces what a database says of itself; its name and time of creation stay.
func (e *Edit) UpdateDatabase(ctx context.Context, name string, d Database) error {
	name = strings.ToLower(name)
	if err := e.allowDatabase(ctx, "UpdateDatabase", name); err != nil {
		return err
	}
	old, err := e.seesDatabase(ctx, name)
	if err == nil {
		err = e.checkDatabase(ctx, formation.Alter, name)
	}
	if err == nil && d.Location != old.Location {
		err = e.mayPlace(ctx, d.Location)
	}
	if err != nil {
		return err
	}
	if d.Name != "" && strings.ToLower(d.Name) != name {
		return fault.Newf(fault.Invalid, "database "+name, "cannot be renamed to %s", d.Name)
	}
	if err := checkDatabase(d); err != nil {
		return err
	}
	d.Name, d.Created = name, old.Created
	if d.TableGrants == nil {
		d.TableGrants, d.Closed = old.TableGrants, old.Closed
	} else {
		d.Closed = len(d.TableGrants) == 0
	}
	return e.tx.Put(e.id(kindDatabase, name), d)
}

// DeleteDatabase removes a database with its tables and their partitions. The objects stay.
func (e *Edit) DeleteDatabase(ctx context.Context, name string) error {
	name = strings.ToLower(name)
	if err := e.allow(ctx, "DeleteDatabase", "catalog", "database/"+name, "table/"+name+"/*"); err != nil {
		return err
	}
	if _, err := e.seesDatabase(ctx, name); err != nil {
		return err
	}
	if err := e.checkDatabase(ctx, formation.Drop, name); err != nil {
		return err
	}
	clear(e.stored)
	for _, kind := range []string{kindTable, kindPartition, kindShape, kindStatistics} {
		if err := e.deleteAll(kind, name+separator); err != nil {
			return err
		}
	}
	if e.lf != nil {
		if err := e.lf.DatabaseDropped(ctx, name); err != nil {
			return err
		}
	}
	return e.tx.Delete(e.id(kindDatabase, name))
}

// Empty reports whether a database has no table, whoever may see those that it has.
func (s *Snapshot) Empty(database string) (bool, error) {
	for _, err := range s.tx.List(s.id(kindTable, strings.ToLower(database)+separator), "") {
		return false, err
	}
	return true, nil
}

// deleteAll removes the documents of a kind whose keys begin with prefix.
func (e *Edit) deleteAll(kind, prefix string) error {
	for row, err := range e.tx.List(e.id(kind, prefix), "") {
		if err != nil {
			return err
		}
		if err := e.tx.Delete(row.ID); err != nil {
			return err
		}
	}
	return nil
}

func checkDatabase(d Database) error {
	if len(d.Description) > 2048 {
		return fault.Newf(fault.Invalid, "database "+d.Name, "the description has %d bytes; at most 2,048 are allowed", len(d.Description))
	}
	for _, g := range d.TableGrants {
		if g.Principal != AllowedPrincipals || len(g.Permissions) != 1 || g.Permissions[0] != string(formation.All) {
			return fault.Newf(fault.Invalid, "database "+d.Name, "what new tables grant by default is ALL to %s, or nothing", AllowedPrincipals)
		}
	}
	if len(d.Location) > 1024 {
		return fault.Newf(fault.Invalid, "database "+d.Name, "the location has %d bytes; at most 1,024 are allowed", len(d.Location))
	}
	return nil
}
