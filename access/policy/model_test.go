package policy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The model reads encoding/json's maps, turns patterns into regular expressions and knows no index: slow and plain.

type modelStatement map[string]any

func list(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	}
	return nil
}

func modelMatch(pattern, value string) bool {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.ReplaceAll(strings.ReplaceAll(quoted, `\*`, `.*`), `\?`, `.`)
	return regexp.MustCompile(`(?s)^` + quoted + `$`).MatchString(value)
}

// modelARN cuts both at five colons and compares part by part.
func modelARN(pattern, value string) bool {
	if pattern == "*" {
		return true
	}
	p, v := strings.SplitN(pattern, ":", 6), strings.SplitN(value, ":", 6)
	if len(p) != 6 || len(v) != 6 {
		return false
	}
	for i := range p {
		if !modelMatch(p[i], v[i]) {
			return false
		}
	}
	return true
}

func modelApplies(s modelStatement, r *Request) bool {
	one := func(name string, match func(pattern string) bool) bool {
		if patterns := list(s[name]); patterns != nil {
			return slices.ContainsFunc(patterns, match)
		}
		return !slices.ContainsFunc(list(s["Not"+name]), match)
	}
	if !one("Action", func(p string) bool { return modelMatch(strings.ToLower(p), strings.ToLower(r.Action)) }) ||
		!one("Resource", func(p string) bool { return modelARN(p, r.Resource) }) {
		return false
	}
	conditions, _ := s["Condition"].(map[string]map[string][]string)
	for name, keys := range conditions {
		for key, wanted := range keys {
			var values []string
			for _, e := range r.Context {
				if strings.EqualFold(e.Key, key) {
					values = e.Values
				}
			}
			if !modelHolds(name, wanted, values) {
				return false
			}
		}
	}
	return true
}

func modelHolds(name string, wanted, values []string) bool {
	name, ifExists := strings.CutSuffix(name, "IfExists")
	name, all := strings.CutPrefix(name, "ForAllValues:")
	name, some := strings.CutPrefix(name, "ForAnyValue:")
	negated := strings.Contains(name, "Not")
	if len(values) == 0 {
		return ifExists || all || negated && !some
	}
	held := 0
	for _, v := range values {
		matched := slices.ContainsFunc(wanted, func(w string) bool {
			switch {
			case strings.HasSuffix(name, "Like"):
				return modelMatch(w, v)
			case strings.HasSuffix(name, "IgnoreCase"):
				return strings.EqualFold(w, v)
			}
			return w == v
		})
		if matched != negated {
			held++
		}
	}
	if all || negated && !some {
		return held == len(values)
	}
	return held > 0
}

// modelSays returns "deny", "allow" or "".
func modelSays(policies [][]modelStatement, r *Request) string {
	says := ""
	for _, statements := range policies {
		for _, s := range statements {
			if modelApplies(s, r) {
				if s["Effect"] == "Deny" {
					return "deny"
				}
				says = "allow"
			}
		}
	}
	return says
}

func TestDecisionsAgreeWithAPlainModel(t *testing.T) {
	part := rapid.StringMatching(`[ab*?]{1,3}`)
	action := rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 9).Draw(t, "any") == 0 {
			return "*"
		}
		return rapid.SampledFrom([]string{"s3", "S3", "glue"}).Draw(t, "service") + ":" + rapid.StringMatching(`[GgPab*?]{1,4}`).Draw(t, "name")
	})
	resource := rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 4).Draw(t, "any") == 0 {
			return "*"
		}
		return "arn:aws:glue:" + part.Draw(t, "region") + ":" + part.Draw(t, "account") + ":" + rapid.StringMatching(`[ab/:*?]{1,5}`).Draw(t, "name")
	})
	names := []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"}
	statement := rapid.Custom(func(t *rapid.T) modelStatement {
		s := modelStatement{"Effect": rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect")}
		s[rapid.SampledFrom([]string{"Action", "Action", "Action", "NotAction"}).Draw(t, "a")] = rapid.SliceOfN(action, 1, 3).Draw(t, "actions")
		s[rapid.SampledFrom([]string{"Resource", "Resource", "Resource", "NotResource"}).Draw(t, "r")] = rapid.SliceOfN(resource, 1, 3).Draw(t, "resources")
		if rapid.Bool().Draw(t, "conditional") {
			name := rapid.SampledFrom([]string{"", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set") + rapid.SampledFrom(names).Draw(t, "operator") +
				rapid.SampledFrom([]string{"", "IfExists"}).Draw(t, "exists")
			key := rapid.SampledFrom([]string{"s3:prefix", "S3:Prefix", "aws:TagKeys"}).Draw(t, "key")
			s["Condition"] = map[string]map[string][]string{name: {key: rapid.SliceOfN(rapid.StringMatching(`[abA*?]{0,3}`), 1, 3).Draw(t, "values")}}
		}
		return s
	})
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		policies := rapid.SliceOfN(rapid.SliceOfN(statement, 1, 4), 0, 3).Draw(t, "policies")
		r := Request{Principal: people["ana"], Owner: account,
			Action:   rapid.SampledFrom([]string{"s3", "glue"}).Draw(t, "service") + ":" + rapid.StringMatching(`[GPab]{1,3}`).Draw(t, "action"),
			Resource: rapid.OneOf(rapid.Just("*"), rapid.StringMatching(`arn:aws:glue:[ab]{1,2}:[ab]{1,2}:[ab/:]{1,4}`)).Draw(t, "resource")}
		for _, key := range []string{"s3:Prefix", "aws:tagkeys"} {
			if values := rapid.SliceOfN(rapid.StringMatching(`[abA*]{0,2}`), 0, 2).Draw(t, key); len(values) > 0 {
				r.Context = append(r.Context, Entry{key, values})
			}
		}
		var p Policies
		for i, statements := range policies {
			text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
			if err != nil {
				t.Fatal(err)
			}
			d, err := Parse(Identity, string(text))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			p.Identity = append(p.Identity, Source{fmt.Sprint("p", i), d})
		}
		want := map[string]Reason{"deny": ExplicitDeny, "allow": AllowedByIdentity, "": NoIdentityAllow}[modelSays(policies, &r)]
		got := Evaluate(&r, &p)
		if got.Reason != want || got.Allowed != (want == AllowedByIdentity) {
			t.Fatalf("%+v\n got %+v, want reason %d", r, got, want)
		}
		seen[fmt.Sprint(want)]++
		boundary := p.Identity
		if len(boundary) > 0 { // a policy that bounds itself changes nothing
			p.Boundary = &boundary[0]
			bounded := Evaluate(&r, &p)
			if bounded.Allowed && !got.Allowed {
				t.Fatalf("a boundary allowed: %+v", bounded)
			}
			p.Identity, p.Boundary = boundary[:1], &boundary[0]
			alone := Evaluate(&r, &Policies{Identity: boundary[:1]})
			if again := Evaluate(&r, &p); again.Allowed != alone.Allowed {
				t.Fatalf("bounded by itself %+v, alone %+v", again, alone)
			}
		}
	})
	if len(seen) != 3 {
		t.Errorf("the cases are one-sided: %v", seen)
	}
}

func TestMatchAgreesWithARegularExpression(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?한]{0,8}`).Draw(t, "pattern")
		value := rapid.StringMatching(`[ab한]{0,10}`).Draw(t, "value")
		if got, want := Match(pattern, value), modelMatch(pattern, value); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", pattern, value, got, want)
		}
	})
}

func TestMatchTakesNoTimeForManyStars(t *testing.T) {
	if Match(strings.Repeat("a*", 400)+"b", strings.Repeat("a", 4000)) {
		t.Error("it matched")
	}
}

func FuzzEvaluate(f *testing.F) {
	f.Add("s3:Get*", "arn:aws:s3:::b/${aws:username, 'x'}/*", "StringLike", "${s3:prefix}*", "s3:GetObject", "arn:aws:s3:::b/x/y", "x", "y")
	f.Add("*", "*", "ArnLike", "arn:aws:logs:*:1:${*}", "glue:GetTable", "*", "arn:aws:logs:a:1:*", "")
	f.Add("sts:*", "arn:aws:iam::1:role/?", "IpAddress", "10.0.0.0/8", "sts:AssumeRole", "arn:aws:iam::1:role/x", "10.1.2.3", "::1")
	f.Add("a:b", "arn:*:a:::$", "DateLessThan", "2026-01", "A:B", "arn:aws:a:::$", "1", "2")
	f.Fuzz(func(t *testing.T, action, resource, operator, want, asked, about, first, second string) {
		if len(about) > 2048 || len(resource) > 2048 || len(want) > 2048 {
			return
		}
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{"Effect": "Allow", "Action": action, "Resource": resource,
			"Condition": map[string]any{operator: map[string]any{"aws:username": want}}}})
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(Identity, string(text))
		if err != nil {
			return
		}
		r := Request{Principal: people["ana"], Action: asked, Resource: about, Owner: account,
			Context: []Entry{{"aws:username", []string{first}}, {"s3:prefix", []string{first, second}}}}
		got := Evaluate(&r, &Policies{Identity: []Source{{"p", d}}})
		if got.Allowed != (got.Reason == AllowedByIdentity) || !got.Allowed && got.Reason != NoIdentityAllow {
			t.Fatalf("got %+v", got)
		}
		deny, err := Parse(Identity, strings.Replace(string(text), `"Effect":"Allow"`, `"Effect":"Deny"`, 1))
		if err != nil {
			t.Fatal(err)
		}
		if denied := Evaluate(&r, &Policies{Root: true, Identity: []Source{{"p", deny}}}); denied.Allowed == got.Allowed {
			t.Fatalf("allowed %v, and denied %v", got, denied)
		}
	})
}
