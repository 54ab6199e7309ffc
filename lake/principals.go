package lake

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"flowlake/access/policy"
	"flowlake/fault"
)

// A bucket policy means the users and roles that were there when it was put. As in S3, one that was deleted is shown and
// meant by its unique id from then on: who is made again under the name is another.

// gone returns the users and roles of the bucket's policy that are not there any more, or others than they were.
func (s *Store) gone(ctx context.Context, b *bucketDoc) ([]string, error) {
	if b.Settings == nil || len(b.Settings.Principals) == 0 {
		return nil, nil
	}
	changes := s.guard.IdentityChanges()
	if at := b.missing.Load(); at != nil && at.changes == changes {
		return at.gone, nil
	}
	var gone []string
	for arn, id := range b.Settings.Principals {
		now, err := s.uniqueID(ctx, arn)
		if err != nil {
			return nil, err
		}
		if now != id {
			gone = append(gone, arn)
		}
	}
	slices.Sort(gone)
	b.missing.Store(&missing{changes, gone})
	return gone, nil
}

// missing is who was gone when so many changes of identities had been made: decisions ask for each object.
type missing struct {
	changes uint64
	gone    []string
}

// uniqueID returns the unique id of a user or a role of the account, "" for one that is not there.
func (s *Store) uniqueID(ctx context.Context, arn string) (string, error) {
	c, err := s.guard.CallerOf(ctx, arn, "")
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	id, _, _ := strings.Cut(c.ID, ":") // a role's session has a name behind it
	return id, err
}

// current returns a document of the bucket's, in which who is gone has the unique id.
func (s *Store) current(ctx context.Context, b *bucketDoc, doc *policy.Document) (*policy.Document, error) {
	if doc == nil {
		return nil, nil
	}
	gone, err := s.gone(ctx, b)
	if err != nil || len(gone) == 0 {
		return doc, err
	}
	type version struct {
		of   *policy.Document
		gone string
	}
	at := version{doc, strings.Join(gone, " ")}
	if made, ok := b.renamed.Load(at); ok {
		return made.(*policy.Document), nil
	}
	text, err := rename(doc.Text(), b.Settings.Principals, gone)
	if err != nil {
		return nil, err
	}
	made, err := policy.Parse(policy.Resource, text)
	if err != nil {
		return nil, fault.Newf(fault.Internal, "bucket "+b.Name, "its policy cannot be read: %w", err)
	}
	b.renamed.Store(at, made)
	return made, nil
}

// currentText is the bucket's policy as it is shown: as it was put, but for who is gone.
func (s *Store) currentText(ctx context.Context, b *bucketDoc) (string, error) {
	text := b.set().Policy
	gone, err := s.gone(ctx, b)
	if err != nil || len(gone) == 0 {
		return text, err
	}
	return rename(text, b.Settings.Principals, gone)
}

// rename writes the unique ids of those who are gone into the Principal elements of a policy, and changes nothing else.
func rename(text string, ids map[string]string, gone []string) (string, error) {
	doc, err := split(text)
	if err != nil {
		return "", err
	}
	for i, raw := range doc.Statement {
		var st map[string]json.RawMessage
		if err := json.Unmarshal(raw, &st); err != nil {
			return "", fault.Newf(fault.Internal, "bucket policy", "%w", err)
		}
		changed := false
		for _, element := range []string{"Principal", "NotPrincipal"} {
			if !bytes.HasPrefix(bytes.TrimSpace(st[element]), []byte("{")) {
				continue
			}
			var of map[string]several
			if err := json.Unmarshal(st[element], &of); err != nil {
				return "", fault.Newf(fault.Internal, "bucket policy", "%w", err)
			}
			for j, name := range of["AWS"] {
				if slices.Contains(gone, name) {
					of["AWS"][j], changed = ids[name], true
				}
			}
			if st[element], err = json.Marshal(of); err != nil {
				return "", fault.Newf(fault.Internal, "bucket policy", "%w", err)
			}
		}
		if !changed {
			continue
		}
		if doc.Statement[i], err = json.Marshal(st); err != nil {
			return "", fault.Newf(fault.Internal, "bucket policy", "%w", err)
		}
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return "", fault.Newf(fault.Internal, "bucket policy", "%w", err)
	}
	return string(out), nil
}

// named collects the unique ids of the users and roles of the bucket's account that a policy names.
func (s *Store) named(ctx context.Context, owner string, all []statement) (map[string]string, error) {
	var ids map[string]string
	for i := range all {
		for _, name := range slices.Concat(all[i].Principal["AWS"], all[i].NotPrincipal["AWS"]) {
			parts := principalARN.FindStringSubmatch(name)
			if parts == nil || parts[1] != "iam" || parts[2] != owner || parts[3] == "root" {
				continue
			}
			id, err := s.uniqueID(ctx, name)
			if err != nil {
				return nil, err
			}
			if id == "" {
				continue
			}
			if ids == nil {
				ids = map[string]string{}
			}
			ids[name] = id
		}
	}
	return ids, nil
}
