package lake

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"flowlake/access"
	"flowlake/fault"
)

// Move gives an object another key in its bucket. No byte is copied.
type Move struct {
	Bucket  string
	From    string
	To      string // must not be there
	IfMatch string // the ETag that From must have; "" and "*": any
}

func (m Move) check() error {
	if err := CheckKey(m.From); err != nil {
		return err
	}
	if m.From == m.To {
		return fault.Newf(fault.Invalid, "object "+URL(m.Bucket, m.From), "is moved to its own key")
	}
	return CheckKey(m.To)
}

// Move renames objects and removes others in one index batch: all of it is done afterwards, or, on an error, nothing.
// A client that may not hold a server's staged bytes writes objects under keys that no reader of tables looks at
// (catalog.IsData), and moves them all to where they are seen at once: Move is its commit point. Who reads an object
// reads it to its end. An object's time is that of its move.
//
// It returns fault.NotFound when an object to be moved is not there, and fault.Precondition when one is another than
// IfMatch says, when there is an object under a To, or when a removed one's IfMatch does not hold. A key may
// occur once. It asks for s3:GetObject and s3:DeleteObject of what is moved, for s3:PutObject of its new key, and
// for s3:DeleteObject of what is removed.
func (s *Store) Move(ctx context.Context, c access.Caller, moves []Move, removes []Ref) error {
	var work commit
	seen := make(map[string]bool, 2*len(moves)+len(removes))
	once := func(bucket, key string) error {
		k := string(objectKey(bucket, key))
		if seen[k] {
			return fault.Newf(fault.Invalid, "object "+URL(bucket, key), "occurs twice in one commit")
		}
		seen[k] = true
		return nil
	}
	for _, m := range moves {
		if err := m.check(); err != nil {
			return err
		}
		for _, asked := range [...][2]string{{"s3:GetObject", m.From}, {"s3:DeleteObject", m.From}, {"s3:PutObject", m.To}} {
			if err := s.allow(ctx, c, asked[0], ARN(m.Bucket, asked[1])); err != nil {
				return err
			}
		}
		for _, key := range []string{m.From, m.To} {
			if err := once(m.Bucket, key); err != nil {
				return err
			}
			work.locks = append(work.locks, objectKey(m.Bucket, key))
		}
	}
	for _, r := range removes {
		if err := s.allow(ctx, c, "s3:DeleteObject", ARN(r.Bucket, r.Key)); err != nil {
			return err
		}
		if err := once(r.Bucket, r.Key); err != nil {
			return err
		}
		work.changes = append(work.changes, change{bucket: r.Bucket, key: r.Key, ifMatch: r.IfMatch})
	}
	work.prepare = func(b *pebble.Batch) ([]segment, error) {
		for _, m := range moves {
			if err := s.rename(b, m); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	return s.apply(work)
}

// rename adds a move to a batch, under the locks of both keys. The object's files stay what they are.
func (s *Store) rename(b *pebble.Batch, m Move) error {
	if _, err := s.bucket(m.Bucket); err != nil {
		return err
	}
	o, found, err := s.entry(m.Bucket, m.From)
	if err != nil {
		return err
	}
	from := change{bucket: m.Bucket, key: m.From, put: &o, ifMatch: m.IfMatch}
	if from.ifMatch == "" {
		from.ifMatch = "*"
	}
	if err := from.check(o, found); err != nil {
		return err
	}
	_, taken, err := s.entry(m.Bucket, m.To)
	if err != nil {
		return err
	}
	if err := (&change{bucket: m.Bucket, key: m.To, ifNoneMatch: true}).check(Object{}, taken); err != nil {
		return err
	}
	o.Key, o.Modified = m.To, now()
	if err := b.Delete(objectKey(m.Bucket, m.From), nil); err != nil {
		return err
	}
	return b.Set(objectKey(m.Bucket, m.To), encodeEntry(&o), nil)
}
