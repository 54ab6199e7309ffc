package formation

import (
	"context"
	"strings"
)

// OpenByDefault says what the settings give to what is new: whether IAM_ALLOWED_PRINCIPALS have ALL on new databases, and
// on the tables of a new database whose creator did not say otherwise.
func (v *View) OpenByDefault(context.Context) (databases, tables bool, err error) {
	set, err := v.Settings()
	if err != nil {
		return false, false, err
	}
	return set.OpenDatabases, set.OpenTables, nil
}

// DatabaseCreated gives a new database its first permissions: ALL to IAM_ALLOWED_PRINCIPALS when it is open, and ALL with
// the grant option to its creator.
func (v *View) DatabaseCreated(_ context.Context, name string, open bool) error {
	return v.created(kindDatabase, lower(name), open)
}

// TableCreated gives a new table or view its first permissions, as DatabaseCreated. open is its database's default for
// tables.
func (v *View) TableCreated(_ context.Context, database, name string, open bool) error {
	return v.created(kindTable, tableKey(lower(database), lower(name)), open)
}

// created writes a thing's first document, but where it would say what is implied.
func (v *View) created(kind, key string, open bool) error {
	if open && v.c.IsRoot() {
		return v.forget(kind, key)
	}
	d := &document{}
	if open {
		d.Grants = append(d.Grants, openGrant())
	}
	if !v.c.IsRoot() && !v.c.IsService() {
		id, _, _ := strings.Cut(v.c.ID, ":")
		d.Grants = append(d.Grants, grant{Principal: who(v.c), ID: id, Permissions: []Permission{All}, Grantable: []Permission{All},
			By: v.c.Principal, At: v.s.now().UTC()})
	}
	return v.keep(kind, key, d)
}

// DatabaseDropped forgets all permissions, filters and tags of a database and of its tables.
func (v *View) DatabaseDropped(_ context.Context, name string) error {
	name = lower(name)
	var keys []string
	for row, err := range v.tx.List(v.id(kindTable, name+separator), "") {
		if err != nil {
			return err
		}
		keys = append(keys, row.Key)
	}
	for _, key := range keys {
		if err := v.forget(kindTable, key); err != nil {
			return err
		}
	}
	return v.forget(kindDatabase, name)
}

// TableDropped forgets all permissions, filters and tags of a table.
func (v *View) TableDropped(_ context.Context, database, name string) error {
	return v.forget(kindTable, tableKey(lower(database), lower(name)))
}
