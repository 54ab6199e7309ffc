package lake

import (
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
)

// The canned ACLs. Others than these are not built: S3's aws-exec-read speaks of a service that is not here.
//
// Source: S3 user guide, "Access control list (ACL) overview", Canned ACL.
var cannedACLs = []string{"private", "public-read", "public-read-write", "authenticated-read",
	"bucket-owner-read", "bucket-owner-full-control", "log-delivery-write"}

// The groups that a grant can be to.
const (
	AllUsers           = "AllUsers"
	AuthenticatedUsers = "AuthenticatedUsers"
	LogDelivery        = "LogDelivery"
)

// Grant is one line of an ACL.
type Grant struct {
	Grantee    string // an account's id, or a group's name
	Permission string // "FULL_CONTROL", "READ", "WRITE", "READ_ACP" or "WRITE_ACP"
}

// Grants are what a canned ACL stands for on what owner owns. "" is "private".
func Grants(acl, owner string) []Grant {
	grants := []Grant{{owner, "FULL_CONTROL"}}
	switch acl {
	case "public-read":
		return append(grants, Grant{AllUsers, "READ"})
	case "public-read-write":
		return append(grants, Grant{AllUsers, "READ"}, Grant{AllUsers, "WRITE"})
	case "authenticated-read":
		return append(grants, Grant{AuthenticatedUsers, "READ"})
	case "log-delivery-write":
		return append(grants, Grant{LogDelivery, "WRITE"}, Grant{LogDelivery, "READ_ACP"})
	}
	return grants
}

// CannedFor returns the canned ACL that stands for just these grants, and whether there is one.
func CannedFor(grants []Grant, owner string) (acl string, ok bool) {
	for _, acl := range cannedACLs {
		want := Grants(acl, owner)
		if len(want) == len(grants) && !slices.ContainsFunc(want, func(g Grant) bool { return !slices.Contains(grants, g) }) {
			return acl, true
		}
	}
	return "", false
}

// CheckACL returns fault.Invalid about "canned acl" for a text that is no canned ACL, and fault.Unsupported for one that is
// not built.
func CheckACL(acl string) error {
	switch {
	case acl == "" || slices.Contains(cannedACLs, acl):
		return nil
	case acl == "aws-exec-read":
		return fault.Newf(fault.Unsupported, "canned acl "+acl, "is not supported")
	}
	return fault.Newf(fault.Invalid, "canned acl "+acl, "The canned ACL is unknown")
}

// public reports whether an ACL grants anything to a group of people outside the account.
func public(acl string) bool {
	return acl == "public-read" || acl == "public-read-write" || acl == "authenticated-read"
}

// own reports whether an ACL says no more than that the bucket's owner has it: a bucket without ACLs takes it.
func own(acl string) bool { return acl == "" || acl == "private" || acl == "bucket-owner-full-control" }

// noACLs is the refusal of a bucket in which ACLs do not count.
func noACLs(bucket string) error {
	return fault.Newf(fault.Invalid, "acl of bucket "+bucket, "The bucket does not allow ACLs")
}

// blocked is the refusal of a public access block.
func (s *Store) blocked(ctx context.Context, c access.Caller, action, arn, what, setting string) error {
	return s.guard.Refuse(ctx, &access.Refusal{Caller: c, Action: action, Resource: arn, Decision: policy.Decision{
		Reason: policy.NotAuthorizedOther, Detail: what + " are prevented by the " + setting + " setting in S3 Block Public Access"}})
}

// publicACLs are what BlockPublicAcls prevents.
const publicACLs = "public access control lists (ACLs)"

// checkNew refuses a bucket's ACL that its ownership does not allow.
func (s *settings) checkNew(acl string) error {
	if err := CheckACL(acl); err != nil {
		return err
	}
	if s.disabled() && !own(acl) && acl != "bucket-owner-read" {
		return fault.Newf(fault.Invalid, "bucket acl "+acl, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	}
	return nil
}

// checkWrite refuses an object's ACL that the bucket does not take.
func (s *Store) checkWrite(ctx context.Context, c access.Caller, b *bucketDoc, action, key, acl string) error {
	if acl == "" {
		return nil
	}
	if err := CheckACL(acl); err != nil {
		return err
	}
	set := b.set()
	if set.disabled() && !own(acl) {
		return noACLs(b.Name)
	}
	if set.blocks().BlockPublicACLs && public(acl) {
		return s.blocked(ctx, c, action, ARN(b.Name, key), publicACLs, "BlockPublicAcls")
	}
	return nil
}

// shown is what is shown of an ACL: where ACLs do not count there is the owner alone.
func (b *bucketDoc) shown(acl string) []Grant {
	if set := b.set(); set.disabled() {
		acl = ""
	}
	return Grants(acl, b.Owner)
}

// BucketACL returns the bucket's owner and the grants of its ACL.
func (s *Store) BucketACL(ctx context.Context, c access.Caller, bucket string) (owner string, grants []Grant, err error) {
	b, err := s.look(ctx, c, "s3:GetBucketAcl", bucket)
	if err != nil {
		return "", nil, err
	}
	return b.Owner, b.shown(b.ACL), nil
}

// PutBucketACL sets the bucket's canned ACL. It returns fault.Invalid about "acl" where ACLs do not count.
func (s *Store) PutBucketACL(ctx context.Context, c access.Caller, bucket, acl string) error {
	arn := ARN(bucket, "")
	if err := s.allow(ctx, c, "s3:PutBucketAcl", arn, aclKeys(acl)...); err != nil {
		return err
	}
	if err := CheckACL(acl); err != nil {
		return err
	}
	return s.change(ctx, bucket, func(b *Bucket, set *settings) error {
		if set.disabled() {
			return noACLs(bucket)
		}
		if set.blocks().BlockPublicACLs && public(acl) {
			return s.blocked(ctx, c, "s3:PutBucketAcl", arn, publicACLs, "BlockPublicAcls")
		}
		b.ACL = acl
		return nil
	})
}

// ObjectACL returns the bucket's owner, who owns the object, and the grants of the object's ACL.
func (s *Store) ObjectACL(ctx context.Context, c access.Caller, bucket, key string) (owner string, grants []Grant, err error) {
	o, _, err := s.find(ctx, c, "s3:GetObjectAcl", bucket, key, false)
	if err != nil {
		return "", nil, err
	}
	b, err := s.bucket(bucket)
	if err != nil {
		return "", nil, err
	}
	return b.Owner, b.shown(o.ACL), nil
}

// PutObjectACL sets the object's canned ACL and nothing else. It returns fault.Invalid about "acl" where ACLs do not count.
func (s *Store) PutObjectACL(ctx context.Context, c access.Caller, bucket, key, acl string) error {
	if err := s.allow(ctx, c, "s3:PutObjectAcl", ARN(bucket, key), aclKeys(acl)...); err != nil {
		return err
	}
	b, err := s.bucket(bucket)
	if err != nil {
		return err
	}
	if set := b.set(); set.disabled() {
		return noACLs(bucket)
	}
	if err := s.checkWrite(ctx, c, b, "s3:PutObjectAcl", key, acl); err != nil {
		return err
	}
	at := objectKey(bucket, key)
	return s.apply(commit{locks: [][]byte{at}, prepare: func(batch *pebble.Batch) ([]segment, error) {
		o, found, err := s.entry(bucket, key)
		if err == nil && !found {
			err = s.missing(ctx, c, bucket, key)
		}
		if err != nil {
			return nil, err
		}
		o.ACL = acl
		return nil, batch.Set(at, encodeEntry(&o), nil)
	}})
}

// aclKeys are the condition keys of a request that gives an ACL.
func aclKeys(acl string) []policy.Entry {
	if acl == "" {
		return nil
	}
	return []policy.Entry{{Key: "s3:x-amz-acl", Values: []string{acl}}}
}
