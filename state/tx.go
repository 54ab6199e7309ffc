package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"

	"flowlake/fault"
)

// ID names a document. Kind is the noun in the user's words ("log group", "crawler"): it is the noun
// of the faults about it. Region is empty for what is global.
type ID struct {
	Kind, Account, Region, Key string
}

func (id ID) subject() string { return id.Kind + " " + id.Key }

// Tx is one transaction. It is used by one goroutine, inside the function that it was given to.
type Tx struct {
	ctx context.Context
	tx  *sql.Tx
}

// Row is a document as it is listed.
type Row struct {
	ID
	Version int64
	Data    []byte // JSON
}

// Decode reads the document into v.
func (r Row) Decode(v any) error { return decode(r.ID, r.Data, v) }

// Get reads the document into v and returns its version, or fault.NotFound.
func (t *Tx) Get(id ID, v any) (version int64, err error) {
	var data []byte
	err = t.tx.QueryRowContext(t.ctx,
		"SELECT version, data FROM documents WHERE kind=? AND account=? AND region=? AND key=?",
		id.Kind, id.Account, id.Region, id.Key).Scan(&version, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fault.Newf(fault.NotFound, id.subject(), "does not exist")
	}
	if err != nil {
		return 0, failed(id.subject(), err)
	}
	return version, decode(id, data, v)
}

// Exists reports whether the document is there.
func (t *Tx) Exists(id ID) (bool, error) {
	var raw json.RawMessage
	_, err := t.Get(id, &raw)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Create writes a new document, or returns fault.Exists.
func (t *Tx) Create(id ID, v any) error {
	n, err := t.exec(id, v, "INSERT INTO documents (data, kind, account, region, key, version) VALUES (?,?,?,?,?,1) ON CONFLICT DO NOTHING")
	if err == nil && n == 0 {
		return fault.Newf(fault.Exists, id.subject(), "exists already")
	}
	return err
}

// Put writes the document, new or not.
func (t *Tx) Put(id ID, v any) error {
	_, err := t.exec(id, v, `INSERT INTO documents (data, kind, account, region, key, version) VALUES (?,?,?,?,?,1)
		ON CONFLICT DO UPDATE SET data=excluded.data, version=version+1`)
	return err
}

// Replace writes the document if it still has that version, or returns fault.Conflict.
func (t *Tx) Replace(id ID, version int64, v any) error {
	n, err := t.exec(id, v, "UPDATE documents SET data=?, version=version+1 WHERE kind=? AND account=? AND region=? AND key=? AND version=?", version)
	if err == nil && n == 0 {
		return fault.Newf(fault.Conflict, id.subject(), "was changed by another request")
	}
	return err
}

func (t *Tx) exec(id ID, v any, statement string, more ...any) (int64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, fault.Newf(fault.Internal, id.subject(), "encode: %w", err)
	}
	res, err := t.tx.ExecContext(t.ctx, statement, append([]any{data, id.Kind, id.Account, id.Region, id.Key}, more...)...)
	if err != nil {
		return 0, failed(id.subject(), err)
	}
	return res.RowsAffected()
}

// Delete removes the document, or returns fault.NotFound.
func (t *Tx) Delete(id ID) error {
	res, err := t.tx.ExecContext(t.ctx, "DELETE FROM documents WHERE kind=? AND account=? AND region=? AND key=?",
		id.Kind, id.Account, id.Region, id.Key)
	if err != nil {
		return failed(id.subject(), err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fault.Newf(fault.NotFound, id.subject(), "does not exist")
	}
	return nil
}

// List yields the documents of the scope's kind, account and region whose key starts with the scope's
// Key and is greater than after, in key order by bytes. The transaction may write while it iterates:
// rows are read in pages. The caller stops by leaving the loop.
func (t *Tx) List(scope ID, after string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		const page = 500
		for {
			// One bound, not two: SQLite would seek to the first and walk to the other.
			bound, from := "key>=?", scope.Key
			if after >= scope.Key {
				bound, from = "key>?", after
			}
			rows, err := t.page(`SELECT kind, account, region, key, version, data FROM documents
				WHERE kind=? AND account=? AND region=? AND `+bound+` ORDER BY key LIMIT ?`,
				scope.Kind, scope.Account, scope.Region, from, page)
			if err != nil {
				yield(Row{}, failed(scope.subject(), err))
				return
			}
			for _, r := range rows {
				if len(r.Key) < len(scope.Key) || r.Key[:len(scope.Key)] != scope.Key {
					return
				}
				if !yield(r, nil) {
					return
				}
				after = r.Key
			}
			if len(rows) < page {
				return
			}
		}
	}
}

// All yields every document of a kind over all accounts and regions: what a room resumes at its start.
func (t *Tx) All(kind string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows, err := t.page("SELECT kind, account, region, key, version, data FROM documents WHERE kind=? ORDER BY account, region, key", kind)
		if err != nil {
			yield(Row{}, failed(kind, err))
			return
		}
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (t *Tx) page(query string, args ...any) ([]Row, error) {
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		var r Row
		if err := rows.Scan(&r.Kind, &r.Account, &r.Region, &r.Key, &r.Version, &r.Data); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
