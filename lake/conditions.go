package lake

import (
	"context"
	"strconv"

	"flowlake/access"
	"flowlake/access/policy"
)

// Conditions of a request that only its door knows, by action: its signature, whether a parameter was there and empty.
type conditionsKey struct{}

// WithConditions returns a context in which the lake's questions carry, for each action, the condition keys that of
// returns, instead of those that the lake makes of a call's input. A door sets it, so that all questions of a request
// are the same ones.
func WithConditions(ctx context.Context, of func(action string) []policy.Entry) context.Context {
	return context.WithValue(ctx, conditionsKey{}, of)
}

// allow asks the guard, with the condition keys that the call's own input gives, or its door's.
func (s *Store) allow(ctx context.Context, c access.Caller, action, resource string, entries ...policy.Entry) error {
	if of, ok := ctx.Value(conditionsKey{}).(func(string) []policy.Entry); ok {
		entries = of(action)
	}
	return s.guard.Allow(ctx, c, action, resource, entries...)
}

// keys are the condition keys of a write.
func (in *PutInput) keys() []policy.Entry {
	var keys []policy.Entry
	if in.ACL != "" {
		keys = aclKeys(in.ACL)
	}
	if in.Encryption != "" {
		keys = append(keys, policy.Entry{Key: "s3:x-amz-server-side-encryption", Values: []string{in.Encryption}})
	}
	if in.from != "" {
		keys = append(keys, policy.Entry{Key: "s3:x-amz-copy-source", Values: []string{in.from}})
	}
	return append(keys, writeIf(in.IfMatch, in.IfNoneMatch)...)
}

// writeIf are the condition keys of a conditional write.
func writeIf(match string, none bool) (keys []policy.Entry) {
	if match != "" {
		keys = append(keys, policy.Entry{Key: "s3:if-match", Values: []string{match}})
	}
	if none {
		keys = append(keys, policy.Entry{Key: "s3:if-none-match", Values: []string{"*"}})
	}
	return keys
}

// Creates is the condition key that tells writes after which there is an object from those that prepare one: the
// beginning of a multipart upload, and its parts.
//
// Source: S3 user guide, "Enforce conditional writes on Amazon S3 buckets".
func Creates(yes bool) policy.Entry {
	return policy.Entry{Key: "s3:ObjectCreationOperation", Values: []string{strconv.FormatBool(yes)}}
}

// UploadConditions returns the condition keys of an upload under way: its parts and its completion are asked for as
// its creation was. An upload that is not there has none. It asks no guard.
func (s *Store) UploadConditions(r UploadRef) []policy.Entry {
	u, err := s.upload(r)
	if err != nil {
		return nil
	}
	return u.keys()
}

func (o *Object) keys() []policy.Entry {
	return (&PutInput{ACL: o.ACL, Encryption: o.Encryption}).keys()
}

// keys are the condition keys of a listing. A room that lists everything gives no prefix.
func (in *ListInput) keys() []policy.Entry {
	var keys []policy.Entry
	if in.Prefix != "" {
		keys = append(keys, policy.Entry{Key: "s3:prefix", Values: []string{in.Prefix}})
	}
	if in.Delimiter != "" {
		keys = append(keys, policy.Entry{Key: "s3:delimiter", Values: []string{in.Delimiter}})
	}
	if in.Max > 0 {
		keys = append(keys, policy.Entry{Key: "s3:max-keys", Values: []string{strconv.Itoa(in.Max)}})
	}
	return keys
}
