package formation

import "context"

// OpenByDefault says what the settings give to what is new: whether IAM_ALLOWED_PRINCIPALS have ALL on new databases, and
// on the tables of a new database whose creator did not say otherwise.
func (v *View) OpenByDefault(ctx context.Context) (databases, tables bool, err error) {
	return true, true, nil
}

// DatabaseCreated gives a new database its first permissions: ALL to IAM_ALLOWED_PRINCIPALS when it is open, and ALL with
// the grant option to its creator.
func (v *View) DatabaseCreated(ctx context.Context, name string, open bool) error { return nil }

// TableCreated gives a new table or view its first permissions, as DatabaseCreated. open is its database's default for
// tables.
func (v *View) TableCreated(ctx context.Context, database, name string, open bool) error { return nil }

// DatabaseDropped forgets all permissions, filters and tags of a database and of its tables.
func (v *View) DatabaseDropped(ctx context.Context, name string) error { return nil }

// TableDropped forgets all permissions, filters and tags of a table.
func (v *View) TableDropped(ctx context.Context, database, name string) error { return nil }
