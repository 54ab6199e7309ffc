package s3

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

func listBuckets(ctx context.Context, q *request) error {
	const most = 10000
	max, err := q.number("max-buckets", most)
	if err != nil {
		return err
	}
	if max < 1 || max > most {
		return invalid("max-buckets", q.query.Get("max-buckets"), "Argument max-buckets must be an integer between 1 and 10000")
	}
	after, err := untoken(q.query.Get("continuation-token"))
	if err != nil {
		return err
	}
	all, err := q.lake.Buckets(ctx, q.Caller)
	if err != nil {
		return err
	}
	prefix, region := q.query.Get("prefix"), q.query.Get("bucket-region")
	d := newDocument("ListAllMyBucketsResult")
	writeOwner(d, "Owner", q.Caller.Account)
	d.open("Buckets")
	n, last, more := 0, "", false
	for _, b := range all {
		if b.Name <= after || !strings.HasPrefix(b.Name, prefix) || region != "" && b.Region != region {
			continue
		}
		if more = n == max; more {
			break
		}
		n, last = n+1, b.Name
		d.open("Bucket")
		d.text("Name", b.Name)
		d.time("CreationDate", b.Created)
		d.text("BucketRegion", b.Region)
		d.close("Bucket")
	}
	d.close("Buckets")
	d.some("Prefix", prefix)
	if more {
		d.text("ContinuationToken", token(last))
	}
	return d.send(q.Writer, "ListAllMyBucketsResult")
}

// token makes a continuation token of where a page ended.
func token(last string) string { return base64.RawURLEncoding.EncodeToString([]byte(last)) }

func untoken(token string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", invalid("continuation-token", token, "The continuation token provided is incorrect")
	}
	return string(b), nil
}

func writeOwner(d *document, name, account string) {
	d.open(name)
	d.text("ID", account)
	d.close(name)
}

func createBucket(ctx context.Context, q *request) error {
	root, err := readXML(q.Body, "CreateBucketConfiguration", 10)
	if err != nil {
		return err
	}
	acl, err := q.acl()
	if err != nil {
		return err
	}
	owner, err := ownership(q.header("x-amz-object-ownership"))
	if err != nil {
		return err
	}
	c, region := q.Caller, q.Caller.Region
	constraint := ""
	if root != nil {
		if err := root.fields(map[string]func(*element) error{"LocationConstraint": into(&constraint)}); err != nil {
			return err
		}
	}
	if constraint == "EU" {
		constraint = "eu-west-1"
	}
	switch {
	case constraint != "" && !wire.ValidRegion(constraint):
		return &wire.Error{Code: "InvalidLocationConstraint", Message: "The specified location-constraint is not valid",
			Fields: map[string]string{"LocationConstraint": constraint}}
	case constraint == c.Region || constraint == "" && c.Region == "us-east-1":
	case c.Region == "us-east-1": // its endpoint makes buckets anywhere
		region = constraint
	case constraint == "":
		return &wire.Error{Code: "IllegalLocationConstraintException",
			Message: "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to."}
	default:
		return &wire.Error{Code: "IllegalLocationConstraintException",
			Message: "The " + constraint + " location constraint is incompatible for the region specific endpoint this request was sent to."}
	}
	if constraint != "" {
		q.inBody = []policy.Entry{{Key: "s3:locationconstraint", Values: []string{constraint}}}
	}
	err = q.lake.MakeBucket(ctx, c, lake.NewBucket{Name: q.bucket, ACL: acl, Ownership: owner, Region: region})
	if fault.Is(err, fault.Exists) && region == "us-east-1" {
		// us-east-1 answers an owner's second creation there as it did the first.
		if b, berr := q.lake.Bucket(ctx, q.Caller, q.bucket); berr == nil && b.Region == region && b.Owner == c.Account {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	q.set("Location", "/"+q.bucket)
	return q.done(http.StatusOK)
}

func headBucket(ctx context.Context, q *request) error {
	b, err := q.lake.Bucket(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	q.set("x-amz-bucket-region", b.Region)
	q.set("x-amz-access-point-alias", "false")
	q.set("Content-Type", "application/xml")
	return q.done(http.StatusOK)
}

func bucketLocation(ctx context.Context, q *request) error {
	region, err := q.lake.Location(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	d := newDocument("LocationConstraint")
	if region != "us-east-1" { // it has the empty constraint
		d.escape(region)
	}
	return d.send(q.Writer, "LocationConstraint")
}

func deleteBucket(ctx context.Context, q *request) error {
	if err := q.lake.DeleteBucket(ctx, q.Caller, q.bucket); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}
