package query

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// MaxPage is the most rows that a page of results holds.
const MaxPage = 1000

// metadata is what the .metadata object beside a result says. Differs from AWS: theirs is an
// undocumented binary form that only its own drivers read; ours is JSON.
type metadata struct {
	QueryExecutionID string         `json:"queryExecutionId"`
	Columns          []ResultColumn `json:"columns"`
	Rows             int64          `json:"rows"`
}

// putResult writes the result object and its metadata, metadata first: who finds the result finds both.
func (q *Queries) putResult(ctx context.Context, e *Execution, out outcome) error {
	bucket, key, err := lake.ParseURL(e.Output.Location)
	if err != nil {
		return err
	}
	c := e.as()
	if err := q.ensureDefaultBucket(ctx, c, bucket); err != nil {
		return err
	}
	if len(out.columns) > 0 {
		doc, err := json.Marshal(metadata{QueryExecutionID: e.ID, Columns: out.columns, Rows: out.rows})
		if err != nil {
			return fault.Newf(fault.Internal, "query", "%w", err)
		}
		if err := q.putObject(ctx, c, e, bucket, key+".metadata", bytesFile(doc), int64(len(doc)), "application/json"); err != nil {
			return err
		}
	}
	f, err := os.Open(out.file)
	if err != nil {
		return fault.Newf(fault.Unavailable, "query result", "%w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fault.Newf(fault.Unavailable, "query result", "%w", err)
	}
	kind := "text/plain"
	if out.table {
		kind = "text/csv"
	}
	return q.putObject(ctx, c, e, bucket, key, f, st.Size(), kind)
}

func (q *Queries) putObject(ctx context.Context, c access.Caller, e *Execution, bucket, key string, body io.Reader, size int64, kind string) error {
	in := lake.PutInput{Bucket: bucket, Key: key, Body: body, Size: size, Headers: lake.Headers{ContentType: kind}}
	if e.Output.Encryption == "SSE_S3" {
		in.Encryption = "AES256"
	}
	if e.Output.ACL == "BUCKET_OWNER_FULL_CONTROL" {
		in.ACL = "bucket-owner-full-control"
	}
	_, err := q.lake.Put(ctx, c, in)
	if err != nil {
		return fault.Newf(fault.KindOf(err), "output location "+lake.URL(bucket, key), "result not written: %w", err)
	}
	return nil
}

// ensureDefaultBucket makes the bucket of DefaultLocation; any other is its owner's to make.
func (q *Queries) ensureDefaultBucket(ctx context.Context, c access.Caller, bucket string) error {
	if bucket != defaultBucket(c) {
		return nil
	}
	if _, err := q.lake.Bucket(ctx, c, bucket); !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := q.lake.CreateBucket(ctx, c, bucket); err != nil && !fault.Is(err, fault.Exists) {
		return err
	}
	return nil
}

// Page is a part of a result.
type Page struct {
	Columns []ResultColumn
	Rows    [][]*string // nil is NULL
	Next    string      // the token of the next page, "" at the end
}

// place is where a page begins; its encoding is a client's NextToken.
type place struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"` // in the result object
	ETag   string `json:"etag"`   // of the object that Offset is meant for
}

// Results returns up to max rows of a finished execution's result, read from its object in the lake.
// The first row of a SELECT's first page holds the column labels. It returns fault.Invalid for an execution
// that has not succeeded and for a token that is not this execution's.
func (q *Queries) Results(ctx context.Context, c access.Caller, id, token string, max int) (p Page, err error) {
	if max < 1 || max > MaxPage {
		return p, fault.Newf(fault.Invalid, "max results", "%d is not between 1 and %d", max, MaxPage)
	}
	var e Execution
	if err := q.state.View(ctx, func(tx *state.Tx) error { e, err = getExecution(tx, c, id); return err }); err != nil {
		return p, err
	}
	switch {
	case e.State == Failed || e.State == Cancelled:
		return p, fault.Newf(fault.Invalid, "query execution "+id, "Query did not finish successfully. Final query state: %s", e.State)
	case e.State != Succeeded:
		return p, fault.Newf(fault.Invalid, "query execution "+id, "Query has not yet finished. Current state: %s", e.State)
	}
	p.Columns = e.Columns
	bucket, key, err := lake.ParseURL(e.Output.Location)
	if err != nil {
		return p, err
	}
	obj, err := q.lake.Open(ctx, c, bucket, key)
	if err != nil {
		return p, err
	}
	defer obj.Close()
	at, err := readPlace(token, id, obj.Object().ETag)
	if err != nil {
		return p, err
	}
	if _, err := obj.Seek(at.Offset, io.SeekStart); err != nil {
		return p, fault.Newf(fault.Invalid, "next token", "points outside the result")
	}
	rows := newRowReader(obj, e.Table, len(e.Columns))
	for len(p.Rows) < max {
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, fault.Newf(fault.Invalid, "result object "+e.Output.Location, "at byte %d: %w", at.Offset+rows.offset, err)
		}
		p.Rows = append(p.Rows, row)
	}
	if at.Offset += rows.offset; at.Offset < obj.Object().Size {
		p.Next, err = at.token()
	}
	return p, err
}

func (p place) token() (string, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return "", fault.Newf(fault.Internal, "next token", "%w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func readPlace(token, id, etag string) (place, error) {
	if token == "" {
		return place{ID: id, ETag: etag}, nil
	}
	var p place
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.ID != id || p.Offset < 0 {
		return p, fault.Newf(fault.Invalid, "next token", "is not one of this query execution")
	}
	if p.ETag != etag {
		return p, fault.Newf(fault.Invalid, "next token", "the result object was overwritten since the page before")
	}
	return p, nil
}
