package identity

import (
	"encoding/json"
	"strings"

	"flowlake/fault"
	"flowlake/state"
)

// trusted returns the unique ids of the principals of this account that a trust policy names, by ARN. As on AWS a trust
// is in one principal and not in whoever has its name later. It returns fault.Invalid about the noun "policy document" for
// a user or a role that does not exist. Other accounts' are not looked at.
//
// Source: IAM user guide, "AWS JSON policy elements: Principal".
func (s *Store) trusted(tx *state.Tx, document string) (map[string]string, error) {
	var named []string
	if _, err := eachTrusted(document, func(arn string) string {
		named = append(named, arn)
		return arn
	}); err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, arn := range named {
		if s.isRoot(arn) {
			continue
		}
		id, err := s.idOf(tx, arn)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil, fault.Newf(fault.Invalid, "policy document", "Invalid principal in policy: \"AWS\":\"%s\"", arn)
		case err != nil:
			return nil, err
		case id != "":
			ids[arn] = id
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return ids, nil
}

func (s *Store) isRoot(arn string) bool { return arn == "arn:aws:iam::"+s.account+":root" }

// idOf is the unique id of a user or a role, or of a session's role, of this account; "" for what is not of this
// account, or no such ARN. It returns fault.NotFound.
func (s *Store) idOf(tx *state.Tx, arn string) (string, error) {
	kind, name, whole := s.parse(arn)
	if kind == 0 {
		if s.ours(arn) {
			return "", noPrincipal(arn)
		}
		return "", nil
	}
	r, err := s.get(tx, kind, name)
	if err != nil {
		return "", err
	}
	if whole && r.ARN != arn || r.Name != name {
		return "", noPrincipal(arn)
	}
	return r.ID, nil
}

// ours reports whether an ARN is an IAM or STS one of this account.
func (s *Store) ours(arn string) bool {
	return strings.HasPrefix(arn, "arn:aws:iam::"+s.account+":") || strings.HasPrefix(arn, "arn:aws:sts::"+s.account+":")
}

// trustText is a role's trust policy as it counts and is shown: a user that has another name or path by now is there with
// that, and a principal that is gone with its unique id, which nobody has any more, whoever has its name.
func (s *Store) trustText(tx *state.Tx, r *record) (string, error) {
	var gone map[string]string
	for arn, id := range r.Trusted {
		now, err := s.idOf(tx, arn)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return "", err
		}
		if now != id {
			if gone == nil {
				gone = map[string]string{}
			}
			if gone[arn], err = s.renamed(tx, id); err != nil {
				return "", err
			}
		}
	}
	if gone == nil {
		return r.Trust, nil
	}
	return eachTrusted(r.Trust, func(arn string) string {
		if id, ok := gone[arn]; ok {
			return id
		}
		return arn
	})
}

// renamed is the ARN of the user with that unique id, or the id where there is none: roles keep their names.
func (s *Store) renamed(tx *state.Tx, id string) (string, error) {
	now := id
	err := s.each(tx, User, func(u *record) error {
		if u.ID == id {
			now = u.ARN
		}
		return nil
	})
	return now, err
}

// eachTrusted calls do with each ARN that a trust policy's Principal and NotPrincipal elements name under AWS, and returns the policy with
// what do returned in its place.
func eachTrusted(document string, do func(arn string) string) (string, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(document), &doc); err != nil {
		return "", fault.Newf(fault.Invalid, "policy document", "%w", err)
	}
	var statements []map[string]json.RawMessage
	if err := json.Unmarshal(doc["Statement"], &statements); err != nil {
		var one map[string]json.RawMessage
		if err := json.Unmarshal(doc["Statement"], &one); err != nil {
			return "", fault.Newf(fault.Invalid, "policy document", "statement: %w", err)
		}
		statements = []map[string]json.RawMessage{one}
	}
	for _, st := range statements {
		for _, element := range []string{"Principal", "NotPrincipal"} {
			var kinds map[string]any
			if json.Unmarshal(st[element], &kinds) != nil {
				continue // absent, or "*"
			}
			switch of := kinds["AWS"].(type) {
			case string:
				kinds["AWS"] = trustedOne(of, do)
			case []any:
				for i, v := range of {
					if text, ok := v.(string); ok {
						of[i] = trustedOne(text, do)
					}
				}
			}
			text, err := json.Marshal(kinds)
			if err != nil {
				return "", err
			}
			st[element] = text
		}
	}
	text, err := json.Marshal(statements)
	if err != nil {
		return "", err
	}
	doc["Statement"] = text
	out, err := json.Marshal(doc)
	return string(out), err
}

func trustedOne(value string, do func(string) string) string {
	if strings.HasPrefix(value, "arn:") {
		return do(value)
	}
	return value
}
