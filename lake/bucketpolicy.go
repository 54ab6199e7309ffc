package lake

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
)

// maxPolicy bounds a bucket policy. Source: S3 user guide, "Bucket policies": 20 KB.
const maxPolicy = 20 << 10

var _ access.ResourcePolicies = (*Store)(nil)

// ResourcePolicy returns the owner and the policy in force of a bucket, or of an object in one: the bucket policy, and
// what ACLs grant where they count. It is access's question and asks no guard.
func (s *Store) ResourcePolicy(ctx context.Context, arn string) (owner string, document *policy.Document, err error) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:s3:::")
	if !ok {
		return "", nil, nil
	}
	name, key, object := strings.Cut(rest, "/")
	b, ok := s.buckets.get(name)
	if !ok {
		return "", nil, nil
	}
	document = b.inForce
	if object && len(b.objects) > 0 {
		o, found, err := s.entry(name, key)
		if err != nil {
			return "", nil, err
		}
		if doc := b.objects[o.ACL]; found && doc != nil {
			document = doc
		}
	}
	document, err = s.current(ctx, b, document)
	return b.Owner, document, err
}

// BucketPolicy returns the bucket's policy as it was put, or fault.NotFound about "bucket policy".
func (s *Store) BucketPolicy(ctx context.Context, c access.Caller, bucket string) (string, error) {
	b, err := s.look(ctx, c, "s3:GetBucketPolicy", bucket)
	if err != nil {
		return "", err
	}
	if b.policy == nil {
		return "", noPolicy(bucket)
	}
	return s.currentText(ctx, b)
}

func noPolicy(bucket string) error {
	return fault.Newf(fault.NotFound, "bucket policy of "+bucket, "The bucket policy does not exist")
}

// PolicyStatus reports whether the bucket's policy is public, as S3 means it. It returns fault.NotFound about "bucket policy".
func (s *Store) PolicyStatus(ctx context.Context, c access.Caller, bucket string) (public bool, err error) {
	b, err := s.look(ctx, c, "s3:GetBucketPolicyStatus", bucket)
	if err != nil {
		return false, err
	}
	if b.policy == nil {
		return false, noPolicy(bucket)
	}
	return b.policy.Public(), nil
}

// PutBucketPolicy sets the bucket's policy, which counts from the next decision on. It returns fault.TooLarge or fault.Invalid
// about "policy document" for a policy that S3 would not take, with the place; fault.Denied when the policy is public
// and the bucket blocks that.
//
// Differs from AWS: principals of other accounts are not looked up.
func (s *Store) PutBucketPolicy(ctx context.Context, c access.Caller, bucket, text string) error {
	b, err := s.look(ctx, c, "s3:PutBucketPolicy", bucket)
	if err != nil {
		return err
	}
	doc, ids, err := s.checkPolicy(ctx, b, text)
	if err != nil {
		return err
	}
	return s.change(ctx, bucket, func(_ *Bucket, set *settings) error {
		return s.setPolicy(ctx, c, bucket, set, text, doc, ids)
	})
}

// setPolicy puts a policy that was checked into settings that take it.
func (s *Store) setPolicy(ctx context.Context, c access.Caller, bucket string, set *settings, text string, doc *policy.Document, ids map[string]string) error {
	if set.blocks().BlockPublicPolicy && doc.Public() {
		return s.blocked(ctx, c, "s3:PutBucketPolicy", ARN(bucket, ""), "public policies", "BlockPublicPolicy")
	}
	set.Policy, set.Principals = text, ids
	return nil
}

// DeleteBucketPolicy removes the bucket's policy. To remove one that is not there is no error.
func (s *Store) DeleteBucketPolicy(ctx context.Context, c access.Caller, bucket string) error {
	if _, err := s.look(ctx, c, "s3:DeleteBucketPolicy", bucket); err != nil {
		return err
	}
	return s.change(ctx, bucket, func(_ *Bucket, set *settings) error { set.Policy, set.Principals = "", nil; return nil })
}

// Statement is one that is added to a bucket's policy.
type Statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal map[string]string
	Action    []string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// AddStatements puts statements behind those of the bucket's policy, as AWS's services do for those who may change
// it: it asks for s3:GetBucketPolicy and s3:PutBucketPolicy. A Sid that the policy has already gets a number. The
// errors are PutBucketPolicy's.
func (s *Store) AddStatements(ctx context.Context, c access.Caller, bucket string, add ...Statement) error {
	for _, action := range []string{"s3:GetBucketPolicy", "s3:PutBucketPolicy"} {
		if _, err := s.look(ctx, c, action, bucket); err != nil {
			return err
		}
	}
	return s.change(ctx, bucket, func(b *Bucket, set *settings) error {
		old := &bucketDoc{Bucket: *b, Settings: set}
		put, err := s.currentText(ctx, old)
		if err != nil {
			return err
		}
		doc, err := split(put)
		if err != nil {
			return err
		}
		text, err := doc.with(add)
		if err != nil {
			return err
		}
		checked, ids, err := s.checkPolicy(ctx, old, text)
		if err != nil {
			return err
		}
		return s.setPolicy(ctx, c, bucket, set, text, checked, ids)
	})
}

// compile makes the documents that decisions need. A stored policy that cannot be read is an error: to go on without
// it would let in whom it denies.
func (b *bucketDoc) compile() error {
	set := b.set()
	b.policy, b.inForce, b.objects = nil, nil, nil
	if set.Policy != "" {
		doc, err := policy.Parse(policy.Resource, set.Policy)
		if err != nil {
			return fault.Newf(fault.Internal, "bucket "+b.Name, "its policy cannot be read: %w", err)
		}
		b.policy, b.inForce = doc, doc
	}
	if set.disabled() {
		return nil
	}
	ignored := set.blocks().IgnorePublicACLs
	var granted []Statement // the statements of the bucket's own ACL
	if !ignored {
		granted = bucketStatements(b.ACL, b.Name)
	}
	var err error
	if len(granted) > 0 {
		if b.inForce, err = merge(set.Policy, granted); err != nil {
			return err
		}
	}
	if ignored {
		return nil
	}
	b.objects = map[string]*policy.Document{}
	for _, acl := range cannedACLs {
		if more := objectStatements(acl, b.Name); len(more) > 0 {
			if b.objects[acl], err = merge(set.Policy, append(granted[:len(granted):len(granted)], more...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucketStatements are what a bucket's canned ACL allows, as statements of a bucket policy: decisions know no other
// language, and explanations name the statement.
//
// Source: S3 user guide, "Access control list (ACL) overview", Mapping of ACL permissions and access policy permissions.
func bucketStatements(acl, bucket string) []Statement {
	var all []Statement
	for _, g := range Grants(acl, "") {
		switch {
		case g.Grantee != AllUsers && g.Grantee != AuthenticatedUsers:
		case g.Permission == "READ":
			all = append(all, aclStatement(acl, "Bucket", ARN(bucket, ""), "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"))
		case g.Permission == "WRITE":
			all = append(all, aclStatement(acl, "Bucket", ARN(bucket, "*"), "s3:PutObject"))
		}
	}
	return all
}

// objectStatements are what an object's canned ACL allows; WRITE means nothing for objects.
func objectStatements(acl, bucket string) []Statement {
	for _, g := range Grants(acl, "") {
		if g.Permission == "READ" && (g.Grantee == AllUsers || g.Grantee == AuthenticatedUsers) {
			return []Statement{aclStatement(acl, "Object", ARN(bucket, "*"), "s3:GetObject", "s3:GetObjectVersion")}
		}
	}
	return nil
}

func aclStatement(acl, of, arn string, actions ...string) Statement {
	sid := of + "Acl"
	for part := range strings.SplitSeq(acl, "-") {
		sid += strings.ToUpper(part[:1]) + part[1:]
	}
	return Statement{Sid: sid, Effect: "Allow", Principal: map[string]string{"AWS": "*"}, Action: actions, Resource: arn}
}

// document is a policy with its statements apart.
type document struct {
	Version   string
	ID        string `json:"Id,omitempty"`
	Statement []json.RawMessage
}

// split takes a policy apart; "" is one without statements.
func split(text string) (document, error) {
	doc := document{Version: "2012-10-17"}
	if text == "" {
		return doc, nil
	}
	var put struct {
		Version, ID string
		Statement   json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &put); err != nil {
		return doc, fault.Newf(fault.Internal, "bucket policy", "%w", err)
	}
	doc.Version, doc.ID = cmp.Or(put.Version, "2008-10-17"), put.ID
	if err := json.Unmarshal(put.Statement, &doc.Statement); err != nil { // one statement needs no list
		doc.Statement = []json.RawMessage{put.Statement}
	}
	return doc, nil
}

// with returns the policy with further statements behind its own, whose numbers stay what they are. A Sid that the
// policy has already gets a number.
func (d document) with(add []Statement) (string, error) {
	taken := map[string]bool{}
	for _, text := range d.Statement {
		var one struct{ Sid string }
		if err := json.Unmarshal(text, &one); err != nil {
			return "", fault.Newf(fault.Internal, "bucket policy", "%w", err)
		}
		taken[one.Sid] = true
	}
	for _, st := range add {
		for sid, n := st.Sid, 2; sid != "" && taken[st.Sid]; n++ {
			st.Sid = sid + strconv.Itoa(n)
		}
		taken[st.Sid] = true
		text, err := json.Marshal(st)
		if err != nil {
			return "", fault.Newf(fault.Internal, "bucket policy", "%w", err)
		}
		d.Statement = append(d.Statement, text)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return "", fault.Newf(fault.Internal, "bucket policy", "%w", err)
	}
	return string(text), nil
}

// merge returns the policy with further statements, compiled.
func merge(text string, add []Statement) (*policy.Document, error) {
	doc, err := split(text)
	if err != nil {
		return nil, err
	}
	if text, err = doc.with(add); err != nil {
		return nil, err
	}
	return policy.Parse(policy.Resource, text)
}
