package policy

import (
	"slices"
	"strings"
	"unicode"
)

// Document is a policy compiled once; it is immutable and safe for concurrent use.
type Document struct {
	text, version, id string
	kind              Kind
	statements        []*statement

	// Statements by the actions that they name in full, in lower case, and the others, in their order: a question looks
	// at those alone that can be about its action.
	byAction map[string][]*statement
	others   []*statement
}

// statement is a compiled statement.
type statement struct {
	number       int
	sid          string
	allow        bool
	principals   []named
	notPrincipal bool
	actions      []string // as they were written
	notAction    bool
	wild         [][]token // the actions with wildcards
	resources    []string  // as they were written
	arns         []arnPattern
	notResource  bool
	anyResource  bool // a trust policy's
	conditions   []condition
}

// Text returns the document as it was written.
func (d *Document) Text() string { return d.text }

// Kind returns what Parse was asked for.
func (d *Document) Kind() Kind { return d.kind }

// Version returns the document's Version, "2008-10-17" where it has none.
func (d *Document) Version() string { return d.version }

// ID returns the document's Id, "" where it has none.
func (d *Document) ID() string { return d.id }

// Size returns the document's characters without white space, which is what IAM's quotas count.
//
// Source: IAM user guide, "IAM and AWS STS quotas".
func (d *Document) Size() int {
	n := 0
	for _, c := range d.text {
		if !unicode.IsSpace(c) {
			n++
		}
	}
	return n
}

// index sorts the statements by action.
func (d *Document) index() {
	d.byAction = make(map[string][]*statement)
	for _, s := range d.statements {
		for _, a := range s.actions {
			lower := strings.ToLower(a)
			if s.notAction || strings.ContainsAny(lower, "*?") {
				s.wild = append(s.wild, glob(nil, a, false))
			} else if list := d.byAction[lower]; !slices.Contains(list, s) {
				d.byAction[lower] = append(list, s)
			}
		}
		if len(s.wild) > 0 {
			d.others = append(d.others, s)
		}
	}
}

// Statement is a statement as it was written.
type Statement struct {
	Number     int // from 1
	Sid        string
	Allow      bool
	Principals []Name // none in an identity policy
	Actions    []string
	Resources  []string // none in a trust policy
	Conditions []Condition

	NotPrincipal, NotAction, NotResource bool // the list says what is not meant
}

// Condition is one operator with one key and its values.
type Condition struct {
	Operator string // with its qualifiers: "ForAnyValue:StringLikeIfExists"
	Key      string
	Values   []string
}

// Statements returns the statements in their order. The slices within are the caller's to keep, not to change.
func (d *Document) Statements() []Statement {
	out := make([]Statement, 0, len(d.statements))
	for _, s := range d.statements {
		v := Statement{Number: s.number, Sid: s.sid, Allow: s.allow, Actions: s.actions, Resources: s.resources,
			NotPrincipal: s.notPrincipal, NotAction: s.notAction, NotResource: s.notResource}
		for _, n := range s.principals {
			v.Principals = append(v.Principals, n.Name)
		}
		for i := range s.conditions {
			c := &s.conditions[i]
			v.Conditions = append(v.Conditions, Condition{Operator: c.name, Key: c.key, Values: c.written})
		}
		out = append(out, v)
	}
	return out
}
