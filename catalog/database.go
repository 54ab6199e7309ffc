package catalog

import (
	"context"
	"iter"
	"strings"

	"flowlake/access"
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
	return s.database(name)
}

func (s *Snapshot) database(name string) (Database, error) {
	var d Database
	_, err := s.tx.Get(s.id(kindDatabase, name), &d)
	if fault.Is(err, fault.NotFound) {
		return Database{}, fault.Newf(fault.NotFound, "database "+name, "not found")
	}
	return d, err
}

// Databases yields the databases in the order of their names, those after the name after.
func (s *Snapshot) Databases(ctx context.Context, after string) iter.Seq2[Database, error] {
	return func(yield func(Database, error) bool) {
		if err := s.allow(ctx, "GetDatabases", "catalog", "database/*"); err != nil {
			yield(Database{}, err)
			return
		}
		for row, err := range s.tx.List(s.id(kindDatabase, ""), after) {
			var d Database
			if err == nil {
				err = row.Decode(&d)
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
	err = e.tx.Create(e.id(kindDatabase, d.Name), d)
	if fault.Is(err, fault.Exists) {
		return fault.Newf(fault.Exists, "database "+d.Name, "already exists")
	}
	return err
}

// UpdateDatabase replaces what a database says of itself; its name and time of creation stay.
func (e *Edit) UpdateDatabase(ctx context.Context, name string, d Database) error {
	name = strings.ToLower(name)
	if err := e.allowDatabase(ctx, "UpdateDatabase", name); err != nil {
		return err
	}
	old, err := e.database(name)
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
	return e.tx.Put(e.id(kindDatabase, name), d)
}

// DeleteDatabase removes a database with its tables and their partitions. The objects stay.
func (e *Edit) DeleteDatabase(ctx context.Context, name string) error {
	name = strings.ToLower(name)
	if err := e.allow(ctx, "DeleteDatabase", "catalog", "database/"+name, "table/"+name+"/*"); err != nil {
		return err
	}
	if _, err := e.database(name); err != nil {
		return err
	}
	clear(e.stored)
	for _, kind := range []string{kindTable, kindPartition, kindShape, kindStatistics} {
		if err := e.deleteAll(kind, name+separator); err != nil {
			return err
		}
	}
	return e.tx.Delete(e.id(kindDatabase, name))
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
	if len(d.Location) > 1024 {
		return fault.Newf(fault.Invalid, "database "+d.Name, "the location has %d bytes; at most 1,024 are allowed", len(d.Location))
	}
	return nil
}
