package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access/policy"
)

// statement is one of a document, alone: whether it applies to a question is asked of the evaluator by a document of
// that statement only.
type statement struct {
	alone      *policy.Document
	free       *policy.Document // without its conditions, any value in place of the variables of its resources
	keys       []string         // that it speaks of
	start, end types.Position
}

// statements takes a document apart.
func statements(doc *policy.Document) ([]statement, error) {
	kind, text, version := doc.Kind(), doc.Text(), doc.Version()
	var whole struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return nil, fmt.Errorf("statements: %w", err)
	}
	var list []json.RawMessage
	if bytes.HasPrefix(whole.Statement, []byte("[")) {
		if err := json.Unmarshal(whole.Statement, &list); err != nil {
			return nil, fmt.Errorf("statements: %w", err)
		}
	} else {
		list = []json.RawMessage{whole.Statement}
	}
	from := strings.Index(text, string(whole.Statement)) // where the raw text lies
	out := make([]statement, len(list))
	for i, raw := range list {
		at := from + strings.Index(text[from:], string(raw))
		s := &out[i]
		s.start, s.end = position(text, at), position(text, at+len(raw))
		from = at + len(raw)
		var err error
		if s.alone, err = policy.Parse(kind, document(version, raw)); err != nil {
			return nil, err
		}
		s.keys = keysOf(version, s.alone.Statements()[0])
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		delete(members, "Condition")
		if resource := members["Resource"]; resource != nil {
			members["Resource"] = variable.ReplaceAll(resource, []byte("*"))
		}
		free, err := json.Marshal(members)
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		if s.free, err = policy.Parse(kind, document(version, free)); err != nil {
			s.free = s.alone // a * is no value of its resource: nothing is known to be missing
		}
	}
	return out, nil
}

func document(version string, statement []byte) string {
	return `{"Version":"` + version + `","Statement":` + string(statement) + `}`
}

// variable is one in the text of a resource: ${*}, ${?} and ${$} are none.
var variable = regexp.MustCompile(`\$\{[^}]*:[^}]*\}`)

// position is the line and the column of an offset, each from 1; columns are characters.
func position(text string, at int) types.Position {
	before := text[:at]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return types.Position{Line: int32(strings.Count(before, "\n") + 1), Column: int32(utf8.RuneCountInString(line) + 1)}
}

// applies reports whether a document of one statement says anything to a question.
func applies(alone *policy.Document, r *policy.Request) bool {
	source := policy.Source{Document: alone}
	var p policy.Policies
	if alone.Kind() == policy.Resource {
		p.Resource = &source
	} else {
		p.Identity = []policy.Source{source}
	}
	d := policy.Evaluate(r, &p)
	return d.Allowed || d.Reason == policy.ExplicitDeny
}

// keysOf lists the condition keys that a statement needs, as it spells them: those of its conditions, and its variables.
func keysOf(version string, of policy.Statement) []string {
	var keys keySet
	for _, c := range of.Conditions {
		keys.add(c.Key)
		keys.variables(version, c.Values)
	}
	keys.variables(version, of.Resources)
	return keys.sorted()
}
