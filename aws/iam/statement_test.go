package iam

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access/policy"
)

// FuzzStatements takes apart whatever the policy language accepts: as many statements as it has, one behind the other.
func FuzzStatements(f *testing.F) {
	for _, text := range []string{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"},{"Effect":"Deny","NotAction":["s3:Get*"],"NotResource":"*","Condition":{"StringLike":{"s3:prefix":["a","${*}"]}}}]}`,
		"{\n\"Id\": \"[{}]\", \"Statement\" : {\"Sid\":\"\",\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"} }",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`,
		`{"Statement":[]}`, `{"\u0053tatement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, `[]`, ``,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := policy.Parse(policy.Identity, text)
		if err != nil {
			return
		}
		list, err := statements(doc)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if len(list) != len(doc.Statements()) {
			t.Errorf("%q has %d statements, not %d", text, len(doc.Statements()), len(list))
		}
		behind := types.Position{}
		for _, s := range list {
			if before(s.start, behind) || !before(s.start, s.end) {
				t.Errorf("%q: a statement from %+v to %+v", text, s.start, s.end)
			}
			behind = s.end
		}
	})
}

func before(a, b types.Position) bool {
	return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
}

// FuzzMarker gives pages whatever a client sends as a marker.
func FuzzMarker(f *testing.F) {
	names := []string{"ann", "bob", "eve"}
	_, _, next, err := page("users", names, itself, nil, to(int32(2)))
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range []string{*next, "", "e30", "!", "bnVsbA"} {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, marker string) {
		got, more, after, err := page("users", names, itself, &marker, nil)
		if err == nil && (more || after != nil || len(got) >= len(names) && !slices.Equal(got, names)) {
			t.Errorf("%q gives %v, %v, %v", marker, got, more, after)
		}
		if _, _, _, err := page("roles", names, itself, &marker, nil); err == nil && marker == *next {
			t.Errorf("%q is good for another listing", marker)
		}
	})
}
