// Package state keeps metadata: small JSON documents under (kind, account, region, key), each with
// a version, in one transactional store on local disk. A committed change survives power loss.
// It never holds events or object bytes, and it knows nothing of what the documents mean.
package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/mattn/go-sqlite3"

	"flowlake/fault"
)

// FormatVersion is the version of the data that this program writes. A program refuses data of a
// newer version; a change that an older program would misread raises it.
const FormatVersion = 1

// Store is the document store. It is safe for concurrent use.
type Store struct {
	write *sql.DB // one connection: SQLite has one writer
	read  *sql.DB
	look  *sql.DB // for what is asked within a View

	mu      sync.Mutex // guards queue, leading
	queue   []*change
	leading bool
}

type change struct {
	ctx  context.Context
	do   func(*Tx) error
	err  error
	done chan struct{}
	lead chan struct{} // closed when its caller is to commit the group that it is the first of
}

// maxGroup bounds how many concurrent changes share one fsync.
const maxGroup = 256

// Open opens the store in dir, making both when they are new. It returns fault.Conflict for data
// that a newer program wrote.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Newf(fault.Unavailable, "state folder "+dir, "%w", err)
	}
	path := filepath.Join(dir, "state.db")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite gives its own files this file's mode
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "state file "+path, "%w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fault.Newf(fault.Unavailable, "state file "+path, "%w", err)
	}
	for _, folder := range []string{dir, filepath.Dir(dir)} { // SQLite syncs what it writes, not the names it found
		if err := syncFolder(folder); err != nil {
			return nil, fault.Newf(fault.Unavailable, "state folder "+folder, "%w", err)
		}
	}
	s := &Store{}
	if s.write, err = connect(path, "_txlock=immediate", 1); err != nil {
		return nil, err
	}
	if err := s.prepare(path); err != nil {
		s.write.Close()
		return nil, err
	}
	if s.read, err = connect(path, "_query_only=true", 4); err != nil {
		s.write.Close()
		return nil, err
	}
	if s.look, err = connect(path, "_query_only=true", 2); err != nil {
		return nil, errors.Join(err, s.read.Close(), s.write.Close())
	}
	return s, nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func connect(path, option string, connections int) (*sql.DB, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(),
		RawQuery: "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&" + option}).String()
	db, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "state file "+path, "%w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (s *Store) prepare(path string) error {
	var version int
	if err := s.write.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return failed("state file "+path, err)
	}
	if version > FormatVersion {
		return fault.Newf(fault.Conflict, "state file "+path,
			"its data is of version %d, this program knows up to %d: use the newer flowlake", version, FormatVersion)
	}
	if version == FormatVersion {
		return nil
	}
	_, err := s.write.Exec(`BEGIN IMMEDIATE;
		CREATE TABLE documents (
			kind TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, key TEXT NOT NULL,
			version INTEGER NOT NULL, data BLOB NOT NULL,
			PRIMARY KEY (kind, account, region, key)
		) WITHOUT ROWID;
		PRAGMA user_version = 1;
		COMMIT`)
	if err != nil {
		return failed("state file "+path, err)
	}
	return nil
}

// Close waits for running transactions and closes the store.
func (s *Store) Close() error {
	return errors.Join(s.look.Close(), s.read.Close(), s.write.Close())
}

// View runs do on one consistent snapshot. What do writes fails. do must not call View itself: of the few connections
// each waiting one would hold another.
func (s *Store) View(ctx context.Context, do func(*Tx) error) error {
	return view(ctx, s.read, do)
}

// Look is View for what may be asked within a View or an Update, and of another moment: who a caller is. It has
// connections of its own, so that those who wait for one hold none of them; do must not call View or Look.
func (s *Store) Look(ctx context.Context, do func(*Tx) error) error {
	return view(ctx, s.look, do)
}

func view(ctx context.Context, db *sql.DB, do func(*Tx) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return failed("state", err)
	}
	defer tx.Rollback()
	return do(&Tx{ctx: ctx, tx: tx})
}

// Update runs do in a transaction and returns once its changes are on disk. When do returns an
// error nothing of it is kept, and that error is returned. Updates run one at a time, in order of
// arrival; those that wait share one fsync. do runs once, and must not call Update itself.
//
// A disk that is full or failing gives fault.Unavailable, and nothing was changed.
func (s *Store) Update(ctx context.Context, do func(*Tx) error) error {
	c := &change{ctx: ctx, do: do, done: make(chan struct{}), lead: make(chan struct{})}
	s.mu.Lock()
	s.queue = append(s.queue, c)
	if s.leading {
		s.mu.Unlock()
		select {
		case <-c.done: // its leader has worked: no change is ever abandoned half-way
			return c.err
		case <-c.lead:
		}
		s.mu.Lock()
	}
	s.leading = true
	group := s.queue[:min(len(s.queue), maxGroup)] // its own change is the first
	s.queue = append([]*change(nil), s.queue[len(group):]...)
	s.mu.Unlock()
	s.commit(group)
	s.mu.Lock()
	if len(s.queue) > 0 { // who leads commits one group: under load there is always another
		close(s.queue[0].lead)
	} else {
		s.leading = false
	}
	s.mu.Unlock()
	return c.err
}

// commit runs a group of changes in one SQLite transaction, each in a savepoint of its own.
func (s *Store) commit(group []*change) {
	err := func() error {
		tx, err := s.write.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for _, c := range group {
			if c.err = c.ctx.Err(); c.err != nil {
				continue
			}
			if _, err := tx.Exec("SAVEPOINT change"); err != nil {
				return err
			}
			if c.err = run(c, tx); c.err != nil {
				if _, err := tx.Exec("ROLLBACK TO change"); err != nil {
					return err
				}
			}
			if _, err := tx.Exec("RELEASE change"); err != nil {
				return err
			}
		}
		return tx.Commit()
	}()
	for _, c := range group {
		if err != nil && c.err == nil {
			c.err = failed("state", err)
		}
		close(c.done)
	}
}

// run turns a panic into an error: it must not unwind the goroutine of the change that leads.
func run(c *change, tx *sql.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("state: a change panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return c.do(&Tx{ctx: context.WithoutCancel(c.ctx), tx: tx})
}

// failed classifies an error of the store: what the disk did is Unavailable.
func failed(subject string, err error) error {
	var se sqlite3.Error
	if errors.As(err, &se) {
		switch se.Code {
		case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrBusy:
			return fault.Newf(fault.Unavailable, subject, "%w", err)
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Newf(fault.Internal, subject, "%w", err)
}

func decode(id ID, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fault.Newf(fault.Internal, id.subject(), "decode: %w", err)
	}
	return nil
}
