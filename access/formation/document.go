package formation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"flowlake/fault"
	"flowlake/state"
)

// The kinds of documents. There is one for each thing that permissions are on, with all that is said of it, so that one
// read decides, and dropping the thing drops all of it.
const (
	kindSettings   = "data lake settings"
	kindCatalog    = "data lake catalog"
	kindDatabase   = "data lake database"
	kindTable      = "data lake table"    // "database\x1ftable"; the table "*" is every one
	kindPlace      = "data lake place"    // grants on "bucket/prefix"
	kindLocation   = "data lake location" // a registered "bucket/prefix"
	kindTag        = "lf-tag"
	kindExpression = "lf-tag expression"
	kindPolicy     = "lf-tag policy" // grants on what has tags; the key is the policy's hash
)

const (
	separator = "\x1f" // no name has one
	wildcard  = "*"    // no table is called so
)

// The principals that are no one's ARN.
const (
	// IAMAllowed are all whom IAM lets in: ALL for them leaves a thing to IAM.
	IAMAllowed = "IAM_ALLOWED_PRINCIPALS"
	// everyone are the account's users and roles; it follows the account's id.
	everyone = ":IAMPrincipals"
)

// document is what is said of one thing.
type document struct {
	Grants     []grant                      `json:"grants,omitempty"`
	Filters    []Filter                     `json:"filters,omitempty"`    // of a table
	Tags       map[string]string            `json:"tags,omitempty"`       // of a database or a table
	ColumnTags map[string]map[string]string `json:"columnTags,omitempty"` // of a table
	Policy     *TagPolicy                   `json:"policy,omitempty"`     // of a tag policy
}

// grant is what one principal has.
type grant struct {
	Principal   string       `json:"principal"`
	ID          string       `json:"id,omitempty"` // the principal's: another of the same name was granted nothing
	Permissions []Permission `json:"permissions"`
	Grantable   []Permission `json:"grantable,omitempty"`
	Columns     []string     `json:"columns,omitempty"`  // of a grant on columns
	Excluded    []string     `json:"excluded,omitempty"` // of a grant on all columns but these
	Filter      string       `json:"filter,omitempty"`   // of a grant on cells
	By          string       `json:"by,omitempty"`
	At          time.Time    `json:"at,omitzero"`
}

// whole reports whether the grant is on the thing itself and not on its columns or cells.
func (g *grant) whole() bool { return len(g.Columns) == 0 && len(g.Excluded) == 0 && g.Filter == "" }

// has reports whether a list of permissions holds p, or ALL.
func has(list []Permission, p Permission) bool {
	return slices.Contains(list, p) || slices.Contains(list, All)
}

// open reports whether the thing is left to IAM.
func (d *document) open() bool {
	return slices.ContainsFunc(d.Grants, func(g grant) bool {
		return g.Principal == IAMAllowed && g.whole() && slices.Contains(g.Permissions, All)
	})
}

// openGrant is what leaves a thing to IAM.
func openGrant() grant { return grant{Principal: IAMAllowed, Permissions: []Permission{All}} }

func (v *View) id(kind, key string) state.ID {
	return state.ID{Kind: kind, Account: v.c.Account, Region: v.c.Region, Key: key}
}

func tableKey(database, table string) string { return database + separator + table }

// implied is what is said of a thing that nobody said anything of: databases and tables are left to IAM, as those are that
// were there before the data lake was governed, and everyone whom IAM lets may create databases.
func implied(kind, key string) *document {
	switch {
	case kind == kindCatalog:
		return &document{Grants: []grant{{Principal: IAMAllowed, Permissions: []Permission{CreateDatabase}}}}
	case kind == kindDatabase, kind == kindTable && !strings.HasSuffix(key, separator+wildcard):
		return &document{Grants: []grant{openGrant()}}
	}
	return &document{}
}

// read returns what is said of a thing. It is not the reader's to change, but by keep.
func (v *View) read(kind, key string) (*document, error) {
	id := v.id(kind, key)
	if d := v.known[id]; d != nil {
		return d, nil
	}
	d := &document{}
	_, err := v.tx.Get(id, d)
	if fault.Is(err, fault.NotFound) {
		d, err = implied(kind, key), nil
	}
	if err != nil {
		return nil, err
	}
	v.known[id] = d
	return d, nil
}

// keep writes what is said of a thing.
func (v *View) keep(kind, key string, d *document) error {
	v.known[v.id(kind, key)] = d
	if kind == kindPolicy {
		v.policies = nil
		if len(d.Grants) == 0 {
			return v.forget(kind, key)
		}
	}
	return v.tx.Put(v.id(kind, key), d)
}

// forget drops all that is said of a thing.
func (v *View) forget(kind, key string) error {
	delete(v.known, v.id(kind, key))
	if err := v.tx.Delete(v.id(kind, key)); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return nil
}

// key is the tag policy's: the same for the same tags in any order.
func (p *TagPolicy) key() string {
	q := TagPolicy{Tables: p.Tables, Name: p.Name}
	for _, t := range p.Expression {
		values := slices.Clone(t.Values)
		slices.Sort(values)
		q.Expression = append(q.Expression, Tag{t.Key, values})
	}
	slices.SortFunc(q.Expression, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	text, err := json.Marshal(q)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// tagPolicies are all that have grants.
func (v *View) tagPolicies() ([]*document, error) {
	if v.policies != nil {
		return v.policies, nil
	}
	v.policies = []*document{}
	for row, err := range v.tx.List(v.id(kindPolicy, ""), "") {
		if err != nil {
			return nil, err
		}
		d := &document{}
		if err := row.Decode(d); err != nil {
			return nil, err
		}
		v.policies = append(v.policies, d)
	}
	return v.policies, nil
}
