package lake

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/state"
)

// Bucket is a named set of objects. Names are global: one bucket of a name over all accounts and regions.
type Bucket struct {
	Name    string    `json:"name"`
	Owner   string    `json:"owner"`  // account id
	Region  string    `json:"region"` // where it was created; any region's callers reach it
	Created time.Time `json:"created"`
	ACL     string    `json:"acl,omitempty"` // the canned ACL as it was given
}

func bucketID(name string) state.ID { return state.ID{Kind: "bucket", Key: name} }

// CheckBucketName returns a fault.Invalid error about "bucket name" when S3 would not take the name:
// 3 to 63 of a–z, 0–9, "-" and ".", a letter or digit at both ends, no "..", not an IPv4 address, and
// none of the prefixes and suffixes that S3 keeps for itself.
//
// Source: S3 user guide, "Bucket naming rules"
func CheckBucketName(name string) error {
	bad := func(format string, args ...any) error {
		return fault.Newf(fault.Invalid, "bucket name "+name, format, args...)
	}
	if len(name) < 3 || len(name) > 63 {
		return bad("has %d characters; 3 to 63 are allowed", len(name))
	}
	alnum := func(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' }
	for i := range len(name) {
		if b := name[i]; !alnum(b) && b != '-' && b != '.' {
			return bad("may hold only lower-case letters, digits, '-' and '.'")
		}
	}
	if !alnum(name[0]) || !alnum(name[len(name)-1]) {
		return bad("must begin and end with a letter or a digit")
	}
	if strings.Contains(name, "..") {
		return bad("may not hold two adjacent dots")
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.Is4() {
		return bad("may not look like an IP address")
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, p) {
			return bad("may not begin with %q", p)
		}
	}
	for _, s := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, s) {
			return bad("may not end with %q", s)
		}
	}
	return nil
}

// NewBucket is a bucket to be made.
type NewBucket struct {
	Name      string
	ACL       string    // a canned ACL, or "": private
	Ownership Ownership // "": BucketOwnerEnforced
	Region    string    // "": the caller's
}

// CreateBucket makes an empty bucket in the caller's region. It returns fault.Exists about "bucket" when
// the caller's account has it already, and about "bucket name" when another account does.
func (s *Store) CreateBucket(ctx context.Context, c access.Caller, name string) error {
	return s.MakeBucket(ctx, c, NewBucket{Name: name})
}

// MakeBucket is CreateBucket with settings. The new bucket blocks all public access, as S3's do; who gives an ACL needs
// s3:PutBucketAcl, who gives an ownership s3:PutBucketOwnershipControls. Beside CreateBucket's errors it returns
// fault.Invalid about "bucket acl" for an ACL that the ownership does not allow, and about "public acl" for one that the
// new bucket's block prevents.
func (s *Store) MakeBucket(ctx context.Context, c access.Caller, in NewBucket) error {
	if err := CheckBucketName(in.Name); err != nil {
		return err
	}
	set := defaultSettings()
	if in.Ownership != "" {
		set.Ownership = in.Ownership
	}
	if err := set.checkNew(in.ACL); err != nil {
		return err
	}
	arn, keys := ARN(in.Name, ""), aclKeys(in.ACL)
	if err := s.allow(ctx, c, "s3:CreateBucket", arn, keys...); err != nil {
		return err
	}
	if in.ACL != "" {
		if err := s.allow(ctx, c, "s3:PutBucketAcl", arn, keys...); err != nil {
			return err
		}
	}
	if in.Ownership != "" {
		if err := s.allow(ctx, c, "s3:PutBucketOwnershipControls", arn); err != nil {
			return err
		}
	}
	if public(in.ACL) { // S3 words this otherwise than PutBucketAcl's refusal
		return fault.Newf(fault.Invalid, "public acl of "+in.Name, "Bucket cannot have public ACLs set with BlockPublicAccess enabled")
	}
	if err := s.room(0); err != nil {
		return err
	}
	b := &bucketDoc{Bucket: Bucket{Name: in.Name, Owner: c.Account, Region: cmp.Or(in.Region, c.Region), Created: time.Now().UTC().Truncate(time.Second), ACL: in.ACL}, Settings: &set}
	s.buckets.change.Lock()
	defer s.buckets.change.Unlock()
	if old, ok := s.buckets.get(in.Name); ok {
		if old.Owner != c.Account {
			return fault.Newf(fault.Exists, "bucket name "+in.Name, "is taken by another account")
		}
		return fault.Newf(fault.Exists, "bucket "+in.Name, "exists already, and is yours")
	}
	if err := b.compile(); err != nil {
		return err
	}
	if err := s.state.Update(ctx, func(tx *state.Tx) error { return tx.Create(bucketID(in.Name), b) }); err != nil {
		s.reread(ctx, in.Name)
		return err
	}
	s.buckets.put(b)
	return nil
}

// Owner returns the account that owns a bucket, or fault.NotFound. It asks no guard: who owns a bucket
// is part of the question whether a caller may use it.
func (s *Store) Owner(name string) (account string, err error) {
	b, err := s.bucket(name)
	if err != nil {
		return "", err
	}
	return b.Owner, nil
}

// Location returns the region that a bucket was made in, or fault.NotFound.
func (s *Store) Location(ctx context.Context, c access.Caller, name string) (region string, err error) {
	if err := s.allow(ctx, c, "s3:GetBucketLocation", ARN(name, "")); err != nil {
		return "", err
	}
	b, err := s.bucket(name)
	if err != nil {
		return "", err
	}
	return b.Region, nil
}

// Bucket returns the bucket, or fault.NotFound.
func (s *Store) Bucket(ctx context.Context, c access.Caller, name string) (Bucket, error) {
	if err := s.allow(ctx, c, "s3:ListBucket", ARN(name, "")); err != nil {
		return Bucket{}, err
	}
	b, err := s.bucket(name)
	if err != nil {
		return Bucket{}, err
	}
	return b.Bucket, nil
}

// bucket looks a bucket's document up. Nobody changes what it points to.
func (s *Store) bucket(name string) (*bucketDoc, error) {
	b, ok := s.buckets.get(name)
	if !ok {
		return nil, fault.Newf(fault.NotFound, "bucket "+name, "does not exist")
	}
	return b, nil
}

// Buckets returns the buckets of the caller's account in order of name, whatever their region.
func (s *Store) Buckets(ctx context.Context, c access.Caller) ([]Bucket, error) {
	if err := s.allow(ctx, c, "s3:ListAllMyBuckets", EveryBucket); err != nil {
		return nil, err
	}
	var out []Bucket
	s.buckets.mu.RLock()
	for _, b := range s.buckets.names {
		if b.Owner == c.Account {
			out = append(out, b.Bucket)
		}
	}
	s.buckets.mu.RUnlock()
	slices.SortFunc(out, func(a, b Bucket) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// DeleteBucket removes an empty bucket; multipart uploads under way in it are aborted. It returns
// fault.Conflict about "bucket" while there are objects.
func (s *Store) DeleteBucket(ctx context.Context, c access.Caller, name string) error {
	if err := s.allow(ctx, c, "s3:DeleteBucket", ARN(name, "")); err != nil {
		return err
	}
	s.buckets.change.Lock() // no commit runs: none can slip an object in behind the check
	defer s.buckets.change.Unlock()
	if _, err := s.bucket(name); err != nil {
		return err
	}
	empty, err := s.empty(name)
	if err != nil {
		return err
	}
	if !empty {
		return fault.Newf(fault.Conflict, "bucket "+name, "is not empty")
	}
	if err := s.abortAll(name); err != nil {
		return err
	}
	if err := s.state.Update(ctx, func(tx *state.Tx) error { return tx.Delete(bucketID(name)) }); err != nil {
		s.reread(ctx, name)
		return err
	}
	s.buckets.remove(name)
	return nil
}
