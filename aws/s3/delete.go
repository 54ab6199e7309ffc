package s3

import (
	"context"
	"net/http"
	"strings"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

func deleteObject(ctx context.Context, q *request) error {
	ref := lake.Ref{Bucket: q.bucket, Key: q.key, IfMatch: q.header("if-match")}
	if err := q.lake.Commit(ctx, q.Caller, nil, []lake.Ref{ref}); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}

func deleteObjects(ctx context.Context, q *request) error {
	root, err := readXML(q.Body, "Delete", 6000)
	if err != nil {
		return err
	}
	if root == nil {
		return malformed()
	}
	if len(q.Checksums()) == 0 && q.header("Content-MD5") == "" {
		return &wire.Error{Code: "InvalidRequest", Message: "Missing required header for this request: Content-MD5"}
	}
	var refs []lake.Ref
	quiet := ""
	err = root.fields(map[string]func(*element) error{
		"Quiet": into(&quiet),
		"Object": func(e *element) error {
			ref, version := lake.Ref{Bucket: q.bucket}, ""
			err := e.fields(map[string]func(*element) error{"Key": into(&ref.Key), "ETag": into(&ref.IfMatch), "VersionId": into(&version)})
			if err == nil && ref.Key == "" {
				err = malformed()
			}
			if version != "" && version != "null" {
				err = fault.Newf(fault.Unsupported, "version "+version, "is not supported: buckets have no versions")
			}
			refs = append(refs, ref)
			return err
		},
	}, "Object")
	if err != nil {
		return err
	}
	if len(refs) == 0 || len(refs) > 1000 {
		return malformed()
	}
	if _, err := q.lake.Owner(q.bucket); err != nil {
		return err
	}
	errs := q.deleteAll(ctx, refs)
	d := newDocument("DeleteResult")
	for i, ref := range refs {
		if errs[i] != nil {
			e := inAnswer.Explain(errs[i])
			d.open("Error")
			d.text("Key", ref.Key)
			d.text("Code", e.Code)
			d.text("Message", e.Message)
			d.close("Error")
		} else if !strings.EqualFold(quiet, "true") {
			d.open("Deleted")
			d.text("Key", ref.Key)
			d.close("Deleted")
		}
	}
	return d.send(q.Writer, "DeleteResult")
}

// deleteAll removes all objects that the caller may remove, in one commit where that goes, and otherwise each for
// itself: one that cannot be removed must not keep the others.
func (q *request) deleteAll(ctx context.Context, refs []lake.Ref) []error {
	errs := make([]error, len(refs))
	var may []lake.Ref
	for i, ref := range refs {
		if errs[i] = q.lake.MayRemove(ctx, q.Caller, ref); errs[i] == nil {
			may = append(may, ref)
		}
	}
	if len(may) == 0 || q.lake.Commit(ctx, q.Caller, nil, may) == nil {
		return errs
	}
	for i, ref := range refs {
		if errs[i] == nil {
			errs[i] = q.lake.Commit(ctx, q.Caller, nil, []lake.Ref{ref})
		}
	}
	return errs
}
