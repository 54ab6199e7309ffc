package query

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
)

// MaxPage is the most rows that a page of results holds.
const MaxPage = 1000

// maxPageBytes ends a page early: rows may be long.
const maxPageBytes = 4 << 20

// metadata is what the .metadata object beside a result says. Differs from AWS: theirs is an
// undocumented binary form that only its own drivers read; ours is JSON.
type metadata struct {
	QueryExecutionID string         `json:"queryExecutionId"`
	Columns          []ResultColumn `json:"columns"`
	Rows             int64          `json:"rows"`
}

// putResult writes the result object and its metadata; they are there at one moment.
func (q *Queries) putResult(ctx context.Context, e *Execution, out outcome) error {
	in, err := e.resultObject()
	if err != nil {
		return err
	}
	key := in.Key
	f, err := os.Open(out.file)
	if err != nil {
		return fault.Newf(fault.Unavailable, "query result", "%w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fault.Newf(fault.Unavailable, "query result", "%w", err)
	}
	in.Body, in.Size = f, st.Size()
	if out.table {
		in.ContentType = "text/csv"
	}
	puts := []lake.PutInput{in}
	if len(out.columns) > 0 {
		doc, err := json.Marshal(metadata{QueryExecutionID: e.ID, Columns: out.columns, Rows: out.rows})
		if err != nil {
			return fault.Newf(fault.Internal, "query", "%w", err)
		}
		in.Key, in.Body, in.Size, in.ContentType = key+metadataSuffix, bytes.NewReader(doc), int64(len(doc)), "application/json"
		puts = append(puts, in)
	}
	if err := q.publish(ctx, e.as(), puts); fault.Is(err, fault.Denied) {
		return e.unwritable(err) // since it began
	} else if err != nil {
		return fault.Newf(fault.KindOf(err), "output location "+e.Output.Location, "result not written: %w", err)
	}
	return nil
}

// resultObject is the execution's result object, without its bytes.
func (e *Execution) resultObject() (in lake.PutInput, err error) {
	in.Headers = lake.Headers{ContentType: "text/plain"}
	if in.Bucket, in.Key, err = lake.ParseURL(e.Output.Location); err != nil {
		return in, err
	}
	if e.Output.Encryption == "SSE_S3" {
		in.Encryption = "AES256"
	}
	if e.Output.ACL == "BUCKET_OWNER_FULL_CONTROL" {
		in.ACL = "bucket-owner-full-control"
	}
	return in, nil
}

// publish writes objects that are seen all at once or not at all.
func (q *Queries) publish(ctx context.Context, c access.Caller, puts []lake.PutInput) error {
	var staged []*lake.Staged
	defer func() {
		for _, s := range staged {
			s.Discard() // of what was committed, nothing
		}
	}()
	for _, in := range puts {
		s, err := q.lake.Stage(ctx, c, in)
		if err != nil {
			return err
		}
		staged = append(staged, s)
	}
	return q.lake.Commit(ctx, c, staged, nil)
}

// checkOutput refuses a result's place that nothing could be written to. The bucket of DefaultLocation
// is made when it is first needed; any other is its owner's to make.
func (q *Queries) checkOutput(ctx context.Context, c access.Caller, out ResultConfig) error {
	bucket, key, err := lake.ParseURL(out.Location)
	if err != nil {
		return err
	}
	_, err = q.lake.Location(ctx, c, bucket)
	if fault.Is(err, fault.NotFound) && bucket == defaultBucket(c) {
		if err = q.lake.CreateBucket(ctx, c, bucket); fault.Is(err, fault.Exists) {
			err = nil
		}
	}
	owner := ""
	if err == nil {
		owner, err = q.lake.Owner(bucket)
	}
	switch {
	case err != nil:
		return fault.Newf(fault.KindOf(err), "output bucket "+bucket, "Unable to verify/create output bucket %s: %w", bucket, err)
	case out.ExpectedBucketOwner != "" && owner != out.ExpectedBucketOwner:
		return fault.Newf(fault.Denied, "output bucket "+bucket, "is not owned by account %s", out.ExpectedBucketOwner)
	}
	return lake.CheckKey(key + metadataSuffix)
}

const metadataSuffix = ".metadata"

// Page is a part of a result.
type Page struct {
	Columns []ResultColumn
	Rows    [][]*string // nil is NULL
	Utility bool        // a DDL or utility statement's lines, without a row of labels
	Next    string      // the token of the next page, "" at the end
}

// place is where a page begins; its encoding is a client's NextToken.
type place struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"` // in the result object
	ETag   string `json:"etag"`   // of the object that Offset is meant for
	Sum    uint32 `json:"sum"`    // of the above: a token that was changed on its way is none
}

func (p place) sum() uint32 {
	return crc32.ChecksumIEEE(fmt.Appendf(nil, "%s %d %s", p.ID, p.Offset, p.ETag))
}

// Results returns up to max rows, and of long rows fewer, of a finished execution's result, read from its object in the lake.
// The first row of a SELECT's first page holds the column labels. It returns fault.Conflict about the "query state" for an
// execution that has not succeeded, fault.NotFound about the "query result" for one that was cancelled or whose
// object is gone, and fault.Invalid about the "next token" for a token that is not this execution's.
//
// Differs from AWS: a full page has a token only when there is more behind it; there, the last page can be empty.
func (q *Queries) Results(ctx context.Context, c access.Caller, id, token string, max int) (p Page, err error) {
	if max < 1 || max > MaxPage {
		return p, fault.Newf(fault.Invalid, "max results", "%d is not between 1 and %d", max, MaxPage)
	}
	e, err := q.execution(ctx, c, "GetQueryResults", id)
	if err != nil {
		return p, err
	}
	switch e.State {
	case Succeeded:
	case Failed:
		return p, fault.Newf(fault.Conflict, "query state", "Query did not finish successfully. Final query state: %s", e.State)
	case Cancelled:
		return p, fault.Newf(fault.NotFound, "query result", "Could not find results")
	default:
		return p, fault.Newf(fault.Conflict, "query state", "Query has not yet finished. Current state: %s", e.State)
	}
	p.Utility = !e.Table
	p.Columns = e.Columns
	bucket, key, err := lake.ParseURL(e.Output.Location)
	if err != nil {
		return p, err
	}
	obj, err := q.lake.Open(ctx, e.via(c), bucket, key)
	if fault.Is(err, fault.Denied) {
		return Page{}, e.unreadable(err)
	}
	if fault.Is(err, fault.NotFound) {
		return p, fault.Newf(fault.NotFound, "query result", "Could not find results: %w", err)
	}
	if err != nil {
		return p, err
	}
	defer obj.Close()
	at, err := readPlace(token, id, obj.Object())
	if err != nil {
		return p, err
	}
	if _, err := obj.Seek(at.Offset, io.SeekStart); err != nil {
		return p, err
	}
	rows := newRowReader(obj, e.Table, len(e.Columns))
	for len(p.Rows) < max && rows.offset < maxPageBytes {
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
	p.Sum = p.sum()
	b, err := json.Marshal(p)
	if err != nil {
		return "", fault.Newf(fault.Internal, "next token", "%w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// readPlace reads a token that is about the result object of the execution with that id.
func readPlace(token, id string, obj lake.Object) (place, error) {
	if token == "" {
		return place{ID: id, ETag: obj.ETag}, nil
	}
	var p place
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.Sum != p.sum() || p.ID != id || p.Offset < 0 {
		return p, malformedToken(token)
	}
	if p.ETag != obj.ETag || p.Offset > obj.Size {
		return p, fault.Newf(fault.Invalid, "next token", "the result object was overwritten since the page before")
	}
	return p, nil
}

// malformedToken is the error of a token that was not made here, in Athena's words.
func malformedToken(token string) error {
	if len(token) > 200 {
		token = token[:200] + "…"
	}
	return fault.Newf(fault.Invalid, "next token", "Malformed nextPageToken %q", token)
}
