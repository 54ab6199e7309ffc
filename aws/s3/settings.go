package s3

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

// body reads a body that must be there.
func (q *request) body(root string, maxElements int) (*element, error) {
	e, err := readXML(q.Body, root, maxElements)
	if err == nil && e == nil {
		err = malformed()
	}
	return e, err
}

// flag returns a reader of an element that is true or false.
func flag(to *bool) func(*element) error {
	return func(e *element) error {
		text := strings.ToLower(strings.TrimSpace(e.text.String()))
		if len(e.children) > 0 || text != "true" && text != "false" {
			return malformed()
		}
		*to = text == "true"
		return nil
	}
}

func getPublicAccess(ctx context.Context, q *request) error {
	p, err := q.lake.PublicAccess(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	const root = "PublicAccessBlockConfiguration"
	d := newDocument(root)
	d.flag("BlockPublicAcls", p.BlockPublicACLs)
	d.flag("IgnorePublicAcls", p.IgnorePublicACLs)
	d.flag("BlockPublicPolicy", p.BlockPublicPolicy)
	d.flag("RestrictPublicBuckets", p.RestrictPublicBuckets)
	return d.send(q.Writer, root)
}

func putPublicAccess(ctx context.Context, q *request) error {
	root, err := q.body("PublicAccessBlockConfiguration", 10)
	if err != nil {
		return err
	}
	var p lake.PublicAccess
	if err := root.fields(map[string]func(*element) error{"BlockPublicAcls": flag(&p.BlockPublicACLs), "IgnorePublicAcls": flag(&p.IgnorePublicACLs),
		"BlockPublicPolicy": flag(&p.BlockPublicPolicy), "RestrictPublicBuckets": flag(&p.RestrictPublicBuckets)}); err != nil {
		return err
	}
	if err := q.lake.PutPublicAccess(ctx, q.Caller, q.bucket, &p); err != nil {
		return err
	}
	return q.done(http.StatusOK)
}

func deletePublicAccess(ctx context.Context, q *request) error {
	if err := q.lake.PutPublicAccess(ctx, q.Caller, q.bucket, nil); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}

func getOwnership(ctx context.Context, q *request) error {
	o, err := q.lake.Ownership(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	const root = "OwnershipControls"
	d := newDocument(root)
	d.open("Rule")
	d.text("ObjectOwnership", string(o))
	d.close("Rule")
	return d.send(q.Writer, root)
}

// ownership reads an ownership; "" is given back as it is.
func ownership(text string) (lake.Ownership, error) {
	switch o := lake.Ownership(text); o {
	case "", lake.BucketOwnerEnforced, lake.BucketOwnerPreferred, lake.ObjectWriter:
		return o, nil
	}
	return "", invalid("x-amz-object-ownership", text, "Invalid x-amz-object-ownership header: "+text)
}

func putOwnership(ctx context.Context, q *request) error {
	root, err := q.body("OwnershipControls", 10)
	if err != nil {
		return err
	}
	text := ""
	err = root.fields(map[string]func(*element) error{"Rule": func(e *element) error {
		return e.fields(map[string]func(*element) error{"ObjectOwnership": into(&text)})
	}})
	if err != nil {
		return err
	}
	o, err := ownership(text)
	if err != nil || o == "" {
		return malformed()
	}
	if err := q.lake.PutOwnership(ctx, q.Caller, q.bucket, o); err != nil {
		return err
	}
	return q.done(http.StatusOK)
}

func deleteOwnership(ctx context.Context, q *request) error {
	if err := q.lake.PutOwnership(ctx, q.Caller, q.bucket, ""); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}

func getEncryption(ctx context.Context, q *request) error {
	e, err := q.lake.Encryption(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	const root = "ServerSideEncryptionConfiguration"
	d := newDocument(root)
	d.open("Rule")
	d.open("ApplyServerSideEncryptionByDefault")
	d.text("SSEAlgorithm", e.Algorithm)
	d.close("ApplyServerSideEncryptionByDefault")
	d.flag("BucketKeyEnabled", e.BucketKey)
	d.close("Rule")
	return d.send(q.Writer, root)
}

func putEncryption(ctx context.Context, q *request) error {
	root, err := q.body("ServerSideEncryptionConfiguration", 20)
	if err != nil {
		return err
	}
	var e lake.Encryption
	err = root.fields(map[string]func(*element) error{"Rule": func(rule *element) error {
		return rule.fields(map[string]func(*element) error{
			"BucketKeyEnabled": flag(&e.BucketKey),
			"ApplyServerSideEncryptionByDefault": func(by *element) error {
				return by.fields(map[string]func(*element) error{"SSEAlgorithm": into(&e.Algorithm), "KMSMasterKeyID": func(*element) error {
					return fault.Newf(fault.Unsupported, "KMSMasterKeyID", "is not supported: the algorithm is AES256")
				}})
			},
		})
	}})
	if err != nil {
		return err
	}
	if e.Algorithm == "" {
		return malformed()
	}
	if err := q.lake.PutEncryption(ctx, q.Caller, q.bucket, e); err != nil {
		return err
	}
	return q.done(http.StatusOK)
}

func deleteEncryption(ctx context.Context, q *request) error {
	if err := q.lake.PutEncryption(ctx, q.Caller, q.bucket, lake.Encryption{}); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}

func getBucketTagging(ctx context.Context, q *request) error {
	tags, err := q.lake.BucketTags(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	return writeTags(q, tags)
}

func writeTags(q *request, tags map[string]string) error {
	d := newDocument("Tagging")
	d.open("TagSet")
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		d.open("Tag")
		d.text("Key", name)
		d.text("Value", tags[name])
		d.close("Tag")
	}
	d.close("TagSet")
	return d.send(q.Writer, "Tagging")
}

// maxBucketTags bounds a bucket's tags. Source: S3 user guide, "Using cost allocation S3 bucket tags".
const maxBucketTags = 50

func putBucketTagging(ctx context.Context, q *request) error {
	root, err := q.body("Tagging", 3*maxBucketTags+10)
	if err != nil {
		return err
	}
	tags := map[string]string{}
	err = root.fields(map[string]func(*element) error{"TagSet": func(e *element) error {
		return e.fields(map[string]func(*element) error{"Tag": func(e *element) error {
			key, value := "", ""
			if err := e.fields(map[string]func(*element) error{"Key": into(&key), "Value": into(&value)}); err != nil {
				return err
			}
			if _, twice := tags[key]; twice {
				return &wire.Error{Code: "InvalidTag", Message: "Cannot provide multiple Tags with the same key"}
			}
			if n := utf8.RuneCountInString(key); n < 1 || n > 128 || utf8.RuneCountInString(value) > 256 || strings.HasPrefix(key, "aws:") {
				return &wire.Error{Code: "InvalidTag", Message: "The tag " + key + " is not valid: a key has 1 to 128 characters and does not begin with aws:, a value has at most 256"}
			}
			tags[key] = value
			return nil
		}}, "Tag")
	}})
	if err != nil {
		return err
	}
	if len(tags) > maxBucketTags {
		return &wire.Error{Code: "InvalidTag", Message: "A bucket has at most 50 tags"}
	}
	if err := q.lake.PutBucketTags(ctx, q.Caller, q.bucket, tags); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}

func deleteBucketTagging(ctx context.Context, q *request) error {
	if err := q.lake.PutBucketTags(ctx, q.Caller, q.bucket, nil); err != nil {
		return err
	}
	return q.done(http.StatusNoContent)
}
