package policy

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
)

// Document is a policy compiled once; it is immutable and safe for concurrent use.
type Document struct {
	text, version, id string
	kind              Kind
	statements        []*statement

	// about has the rows of the statements that are about each action that was asked for, as it was spelled: after the first
	// question the actions' patterns cost nothing. It is replaced, never changed, and holds at most maxAbout actions.
	about atomic.Pointer[map[string][]row]
}

// maxAbout bounds what questions can make a document keep; services have fewer actions in use.
const maxAbout = 512

// statement is a compiled statement.
type statement struct {
	number       int
	sid          string
	allow        bool
	principals   []named
	notPrincipal bool
	actions      []string // as they were written
	notAction    bool
	resources    []string // as they were written
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

// Size counts the characters of a document's text without white space, which is what IAM's quotas count.
//
// Source: IAM user guide, "IAM and AWS STS quotas".
func Size(text string) (n int) {
	for _, c := range text {
		if !unicode.IsSpace(c) {
			n++
		}
	}
	return n
}

// isAbout returns the rows of the statements about an action, in their order.
func (d *Document) isAbout(action string) []row {
	known := d.about.Load()
	if known != nil {
		if rows, ok := (*known)[action]; ok {
			return rows
		}
	}
	var rows []row
	for _, s := range d.statements {
		if s.isAbout(action) {
			rows = append(rows, s.row())
		}
	}
	rows = slices.Clip(rows)
	for len(action) <= 128 && (known == nil || len(*known) < maxAbout) { // no action is longer
		next := map[string][]row{action: rows}
		if known != nil {
			maps.Copy(next, *known)
		}
		if d.about.CompareAndSwap(known, &next) {
			break
		}
		known = d.about.Load()
	}
	return rows
}

// isAbout reports whether the statement is about an action, whose case does not count.
func (s *statement) isAbout(action string) bool {
	for _, a := range s.actions {
		if Match(strings.ToLower(a), strings.ToLower(action)) {
			return !s.notAction
		}
	}
	return s.notAction
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
