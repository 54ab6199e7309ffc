// Package formation keeps what Lake Formation knows of the data lake: who administers it, which places in S3 belong to
// it and with which role they are read, who was granted what on databases, tables, columns, cells and places, and the
// LF-tags that grants may speak of. It answers which columns and rows a principal may see.
//
// It never reads an object nor a policy: IAM's half of a decision is access.Guard's, and both must say yes. A thing that
// a caller was granted nothing on is, for that caller, not there.
package formation

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/state"
)

// Store is the data lake's permissions of every account and region. It is safe for concurrent use.
type Store struct {
	st         *state.Store
	guard      *access.Guard
	log        *slog.Logger
	identities *identity.Store // nil in a house without
	catalogue  Catalogue       // nil: nothing exists
	rowFilter  func(expression string, t Table) error
	find       func(ctx context.Context, arn, region string) (access.Caller, error)
	now        func() time.Time
}

// Open returns the permissions that are kept in st. It starts nothing.
func Open(st *state.Store, guard *access.Guard, log *slog.Logger) *Store {
	return &Store{st: st, guard: guard, log: log, find: guard.CallerOf, now: time.Now,
		rowFilter: func(string, Table) error { return nil }}
}

// SetIdentities tells the store who makes service-linked roles and credentials. It is called once, before the first request.
func (s *Store) SetIdentities(ids *identity.Store) {
	s.identities = ids
	ids.SetLinkedUse(Service, s.linkedUses)
}

// Column is a column of a table with its Hive type.
type Column struct{ Name, Type string }

// Table is a table or view of the catalogue as far as permissions go. Names are lower case.
type Table struct {
	Database string
	Name     string
	Columns  []Column // all of them, partition keys last
	Location string   // s3://bucket/prefix/; "" for a view
}

// Database is a database as far as permissions go.
type Database struct {
	Name     string
	Location string // s3://bucket/prefix/; "" for none
}

// Catalogue is what exists, whoever asks; catalog meets it. It reads in the transaction it is handed, and never asks back.
type Catalogue interface {
	// LakeDatabase returns a database, or fault.NotFound with the noun "database".
	LakeDatabase(tx *state.Tx, account, region, name string) (Database, error)
	// LakeTable returns a table, or fault.NotFound with the noun "table", or "database" where it is that which is missing.
	LakeTable(tx *state.Tx, account, region, database, name string) (Table, error)
	// LakeDatabases yields all databases by name.
	LakeDatabases(tx *state.Tx, account, region string) iter.Seq2[Database, error]
	// LakeTables yields a database's tables by name.
	LakeTables(tx *state.Tx, account, region, database string) iter.Seq2[Table, error]
}

// SetCatalogue tells the store what exists. It is called once, before the first question.
func (s *Store) SetCatalogue(c Catalogue) { s.catalogue = c }

// SetRowFilterCheck sets what checks the expression of a row filter against its table: fault.Invalid for one that no
// query could run. It is called once, before the first filter is made.
func (s *Store) SetRowFilterCheck(check func(expression string, t Table) error) { s.rowFilter = check }

// View answers one caller's questions at one moment. It is used by one goroutine, inside the transaction that it reads.
type View struct {
	s        *Store
	tx       *state.Tx
	c        access.Caller
	settings *Settings              // read once
	known    map[state.ID]*document // read once, but for what is kept below
	policies []*document            // of LF-tags, read once
}

// At returns what c may do as of tx, a transaction that the caller has open. The methods that change something need one
// of state.Store.Update.
func (s *Store) At(tx *state.Tx, c access.Caller) *View {
	return &View{s: s, tx: tx, c: c, known: map[state.ID]*document{}}
}

// View runs do on one consistent snapshot. do must not open another.
func (s *Store) View(ctx context.Context, c access.Caller, do func(*View) error) error {
	return s.st.View(ctx, func(tx *state.Tx) error { return do(s.At(tx, c)) })
}

// edit runs do in one transaction that changes something.
func (s *Store) edit(ctx context.Context, c access.Caller, do func(*View) error) error {
	return s.st.Update(ctx, func(tx *state.Tx) error { return do(s.At(tx, c)) })
}
