package lake

import (
	"context"
	"sync"
	"sync/atomic"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/state"
)

// Ownership says who owns what is written into a bucket, and whether ACLs count.
//
// Source: S3 user guide, "Controlling ownership of objects and disabling ACLs for your bucket".
type Ownership string

// The ownerships. In a bucket of one account BucketOwnerPreferred and ObjectWriter are the same: ACLs count.
const (
	BucketOwnerEnforced  Ownership = "BucketOwnerEnforced"
	BucketOwnerPreferred Ownership = "BucketOwnerPreferred"
	ObjectWriter         Ownership = "ObjectWriter"
)

// PublicAccess is a bucket's public access block.
//
// Differs from AWS: nobody outside the account is ever let in, so RestrictPublicBuckets is kept and changes nothing.
type PublicAccess struct {
	BlockPublicACLs       bool `json:"blockPublicAcls"`
	IgnorePublicACLs      bool `json:"ignorePublicAcls"`
	BlockPublicPolicy     bool `json:"blockPublicPolicy"`
	RestrictPublicBuckets bool `json:"restrictPublicBuckets"`
}

// Encryption is how a bucket's objects are encrypted where a write does not say it.
//
// Differs from AWS: "AES256" is recorded, and the disk's own encryption is the operator's.
type Encryption struct {
	Algorithm string `json:"algorithm"` // "AES256"; there is no other
	BucketKey bool   `json:"bucketKey,omitempty"`
}

// settings are what a bucket's owner has set.
type settings struct {
	Ownership  Ownership         `json:"ownership,omitempty"`    // "": deleted, which counts as ObjectWriter
	Public     *PublicAccess     `json:"publicAccess,omitempty"` // nil: deleted, nothing is blocked
	Encryption Encryption        `json:"encryption"`
	Policy     string            `json:"policy,omitempty"`
	Principals map[string]string `json:"principals,omitempty"` // the users and roles that Policy names, with the unique ids that they had
	Tags       map[string]string `json:"tags,omitempty"`
}

// defaultSettings are a new bucket's, and those of buckets that were made before there were settings.
//
// Source: S3 user guide, "Default settings for new S3 buckets".
func defaultSettings() settings {
	return settings{Ownership: BucketOwnerEnforced, Public: &PublicAccess{true, true, true, true}, Encryption: Encryption{Algorithm: "AES256"}}
}

// bucketDoc is a bucket's document, with what follows from it.
type bucketDoc struct {
	Bucket
	Settings *settings `json:"settings,omitempty"` // nil in documents of before there were settings

	policy  *policy.Document            // as it was put; nil: none
	inForce *policy.Document            // with what the bucket's ACL grants
	objects map[string]*policy.Document // with what an object's canned ACL grants too, by ACL
	renamed sync.Map                    // documents in which who is gone has the unique id
	missing atomic.Pointer[missing]     // who is gone
}

// set returns the settings in force.
func (b *bucketDoc) set() settings {
	if b.Settings == nil {
		return defaultSettings()
	}
	return *b.Settings
}

// disabled reports whether ACLs do not count in the bucket.
func (s *settings) disabled() bool { return s.Ownership == BucketOwnerEnforced }

func (s *settings) blocks() PublicAccess {
	if s.Public == nil {
		return PublicAccess{}
	}
	return *s.Public
}

// change replaces a bucket's document: what edit makes of the settings and the canned ACL counts from then on, in
// every decision. The caller has asked.
func (s *Store) change(ctx context.Context, name string, edit func(b *Bucket, set *settings) error) error {
	s.buckets.change.Lock()
	defer s.buckets.change.Unlock()
	old, err := s.bucket(name)
	if err != nil {
		return err
	}
	b, set := &bucketDoc{Bucket: old.Bucket}, old.set()
	if err := edit(&b.Bucket, &set); err != nil {
		return err
	}
	b.Settings = &set
	if err := b.compile(); err != nil {
		return err
	}
	if err := s.state.Update(ctx, func(tx *state.Tx) error { return tx.Put(bucketID(name), b) }); err != nil {
		s.reread(ctx, name)
		return err
	}
	s.buckets.put(b)
	return nil
}

// reread takes a bucket's document from state after a change failed: what is on disk counts, and whether a commit that
// failed is there is not known. The caller holds change.
func (s *Store) reread(ctx context.Context, name string) {
	b := &bucketDoc{}
	err := s.state.View(context.WithoutCancel(ctx), func(tx *state.Tx) error {
		_, err := tx.Get(bucketID(name), b)
		return err
	})
	if err == nil {
		err = b.compile()
	}
	switch {
	case err == nil:
		s.buckets.put(b)
	case fault.Is(err, fault.NotFound):
		s.buckets.remove(name)
	default:
		s.log.Error("bucket document not read again", "bucket", name, "err", err)
	}
}

// look asks for action on a bucket and returns its document.
func (s *Store) look(ctx context.Context, c access.Caller, action, bucket string) (*bucketDoc, error) {
	if err := s.allow(ctx, c, action, ARN(bucket, "")); err != nil {
		return nil, err
	}
	return s.bucket(bucket)
}

// PublicAccess returns the bucket's public access block, or fault.NotFound about "public access block" once it was deleted.
func (s *Store) PublicAccess(ctx context.Context, c access.Caller, bucket string) (PublicAccess, error) {
	b, err := s.look(ctx, c, "s3:GetBucketPublicAccessBlock", bucket)
	if err != nil {
		return PublicAccess{}, err
	}
	if p := b.set().Public; p != nil {
		return *p, nil
	}
	return PublicAccess{}, fault.Newf(fault.NotFound, "public access block", "The public access block configuration was not found")
}

// PutPublicAccess sets the bucket's public access block; nil deletes it. Policies and ACLs that are there stay.
func (s *Store) PutPublicAccess(ctx context.Context, c access.Caller, bucket string, p *PublicAccess) error {
	if _, err := s.look(ctx, c, "s3:PutBucketPublicAccessBlock", bucket); err != nil {
		return err
	}
	return s.change(ctx, bucket, func(_ *Bucket, set *settings) error { set.Public = p; return nil })
}

// Ownership returns the bucket's ownership, or fault.NotFound about "ownership controls" once it was deleted.
func (s *Store) Ownership(ctx context.Context, c access.Caller, bucket string) (Ownership, error) {
	b, err := s.look(ctx, c, "s3:GetBucketOwnershipControls", bucket)
	if err != nil {
		return "", err
	}
	if o := b.set().Ownership; o != "" {
		return o, nil
	}
	return "", fault.Newf(fault.NotFound, "ownership controls", "The bucket ownership controls were not found")
}

// PutOwnership sets the bucket's ownership; "" deletes it, and ACLs count then. It returns fault.Invalid about
// "bucket acl" when ACLs are to be disabled while the bucket's own grants something.
func (s *Store) PutOwnership(ctx context.Context, c access.Caller, bucket string, o Ownership) error {
	if _, err := s.look(ctx, c, "s3:PutBucketOwnershipControls", bucket); err != nil {
		return err
	}
	return s.change(ctx, bucket, func(b *Bucket, set *settings) error {
		set.Ownership = o
		return set.checkNew(b.ACL)
	})
}

// Encryption returns the bucket's default encryption: there always is one.
func (s *Store) Encryption(ctx context.Context, c access.Caller, bucket string) (Encryption, error) {
	b, err := s.look(ctx, c, "s3:GetEncryptionConfiguration", bucket)
	if err != nil {
		return Encryption{}, err
	}
	return b.set().Encryption, nil
}

// PutEncryption sets the bucket's default encryption; the zero value is S3's default. It returns fault.Unsupported for
// an algorithm that is not AES256.
func (s *Store) PutEncryption(ctx context.Context, c access.Caller, bucket string, e Encryption) error {
	if _, err := s.look(ctx, c, "s3:PutEncryptionConfiguration", bucket); err != nil {
		return err
	}
	if e.Algorithm == "" {
		e = defaultSettings().Encryption
	}
	if err := checkEncryption(e.Algorithm); err != nil {
		return err
	}
	return s.change(ctx, bucket, func(_ *Bucket, set *settings) error { set.Encryption = e; return nil })
}

func checkEncryption(algorithm string) error {
	if algorithm != "AES256" {
		return fault.Newf(fault.Unsupported, "encryption "+algorithm, "is not supported: use AES256, or none")
	}
	return nil
}

// BucketTags returns the bucket's tags, or fault.NotFound about "tag set" when it has none.
func (s *Store) BucketTags(ctx context.Context, c access.Caller, bucket string) (map[string]string, error) {
	b, err := s.look(ctx, c, "s3:GetBucketTagging", bucket)
	if err != nil {
		return nil, err
	}
	if tags := b.set().Tags; len(tags) > 0 {
		return tags, nil
	}
	return nil, fault.Newf(fault.NotFound, "tag set", "The TagSet does not exist")
}

// PutBucketTags replaces the bucket's tags; none removes them. It keeps tags.
func (s *Store) PutBucketTags(ctx context.Context, c access.Caller, bucket string, tags map[string]string) error {
	if _, err := s.look(ctx, c, "s3:PutBucketTagging", bucket); err != nil {
		return err
	}
	return s.change(ctx, bucket, func(_ *Bucket, set *settings) error { set.Tags = tags; return nil })
}
