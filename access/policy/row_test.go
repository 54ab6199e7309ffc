package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestManyKeysAreToldApart has more keys than a question keeps at a time: each is asked for twice, and each counts.
func TestManyKeysAreToldApart(t *testing.T) {
	const keys = 5 * places
	equals, like := map[string]string{}, map[string]string{}
	var context []Entry
	for i := range keys {
		key := fmt.Sprintf("aws:RequestTag/k%d", i)
		equals[key], like["aws:PrincipalTag/"+fmt.Sprint(i)] = fmt.Sprint("v", i), "${"+key+"}"
		context = append(context, Entry{strings.ToUpper(key), []string{fmt.Sprint("v", i)}}, Entry{"aws:PrincipalTag/" + fmt.Sprint(i), []string{fmt.Sprint("v", i)}})
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{"Effect": "Allow", "Action": "a:B", "Resource": "*",
		"Condition": map[string]any{"StringEquals": equals, "ForAnyValue:StringLike": like}}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(Identity, string(text))
	if err != nil {
		t.Fatal(err)
	}
	r := Request{Principal: people["ana"], Action: "a:B", Resource: "*", Owner: account, Context: context}
	p := Policies{Identity: []Source{{"p", d}}}
	if got := Evaluate(&r, &p); !got.Allowed {
		t.Fatalf("got %+v", got)
	}
	for i := range context {
		there := context[i].Values
		for _, other := range [][]string{{"w"}, nil, {"v"}} {
			if context[i].Values = other; Evaluate(&r, &p).Allowed {
				t.Errorf("allowed with %s = %v", context[i].Key, other)
			}
		}
		context[i].Values = there
	}
}

// TestARowRulesOutNothingThatApplies holds every family of operators, with several values on both sides, against the same
// statement asked without its row.
func TestARowRulesOutNothingThatApplies(t *testing.T) {
	values := map[string][]string{
		"String":  {"a", "ab", "${*}", "*", "A", "${aws:username}", "a*b", ""},
		"Arn":     {"arn:aws:s3:::a", "arn:aws:s3:::a*", "arn:aws:s3:::${aws:username}", "*"},
		"Bool":    {"true", "false", "TRUE", "False"},
		"Numeric": {"1", "2", "1.0", "-3"},
		"Date":    {"2026-01-01", "2026-01-01T00:00:00Z", "1767225600", "2027"},
		"Ip":      {"10.0.0.1", "10.0.0.0/8", "::1", "::ffff:10.0.0.1"},
	}
	operators := map[string][]string{
		"String": {"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"},
		"Arn":    {"ArnLike", "ArnNotEquals"}, "Bool": {"Bool"}, "Numeric": {"NumericEquals", "NumericNotEquals", "NumericLessThan"},
		"Date": {"DateEquals", "DateGreaterThanEquals"}, "Ip": {"IpAddress", "NotIpAddress"},
	}
	rapid.Check(t, func(t *rapid.T) {
		conditions := map[string]map[string][]string{}
		r := Request{Principal: people["ana"], Action: "a:B", Owner: account, Context: []Entry{{"aws:username", []string{"ab"}}},
			Resource: rapid.SampledFrom([]string{"*", "arn:aws:s3:::a", "arn:aws:s3:::ab/a", "arn:aws:s3:::*"}).Draw(t, "resource")}
		for _, family := range []string{"String", "Arn", "Bool", "Numeric", "Date", "Ip"} {
			if !rapid.Bool().Draw(t, family) {
				continue
			}
			name := rapid.SampledFrom([]string{"", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set") + rapid.SampledFrom(operators[family]).Draw(t, "operator") +
				rapid.SampledFrom([]string{"", "", "IfExists"}).Draw(t, "exists")
			some := rapid.SampledFrom(values[family])
			conditions[name] = map[string][]string{"a:" + family: rapid.SliceOfN(some, 1, 3).Draw(t, "wanted")}
			if has := rapid.SliceOfN(some, 0, 2).Draw(t, "values"); len(has) > 0 {
				r.Context = append(r.Context, Entry{"A:" + family, has})
			}
		}
		text, err := json.Marshal(map[string]any{"Version": rapid.SampledFrom([]string{"2012-10-17", "2008-10-17"}).Draw(t, "version"),
			"Statement": map[string]any{"Effect": "Allow", "Action": "a:*", "Condition": conditions,
				rapid.SampledFrom([]string{"Resource", "Resource", "NotResource"}).Draw(t, "not"): rapid.SliceOfN(rapid.SampledFrom([]string{
					"*", "arn:aws:s3:::a", "arn:aws:s3:::a*", "arn:aws:s3:::${*}", "arn:aws:*:::${aws:username}/?", "arn:aws:s3:::a?/*"}), 1, 2).Draw(t, "resources")}})
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(Identity, string(text))
		if err != nil {
			t.Skip(err) // an operator that cannot have the value
		}
		s := scope{request: &r, resource: cutARN(r.Resource), marks: marksOf(r.Resource)}
		rows := d.isAbout(r.Action)
		ruledOut := s.out(&rows[0])
		if applies := s.covers(rows[0].statement) && s.holds(rows[0].statement); ruledOut && applies {
			t.Fatalf("%s\n%+v\nis ruled out by %+v", text, r, rows[0])
		} else if got := Evaluate(&r, &Policies{Identity: []Source{{"p", d}}}); got.Allowed != applies {
			t.Fatalf("%s\n%+v\ngot %+v, want %v", text, r, got, applies)
		}
	})
}

// TestAVariableHasAnEnd: many beginnings of variables that never end cost no more than their bytes.
func TestAVariableHasAnEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want bool
	}{
		"the longest":       {"${aws:RequestTag/" + strings.Repeat("k", 400) + ", '" + strings.Repeat("d", maxVariable-400-22) + "'}", true},
		"one byte more":     {"${aws:RequestTag/" + strings.Repeat("k", 400) + ", '" + strings.Repeat("d", maxVariable-400-21) + "'}", false},
		"beginnings":        {strings.Repeat("${", 60_000) + "}", false},
		"beginnings quoted": {strings.Repeat("${a:b, '", 15_000), false},
	} {
		if v, length := readVariable(tt.text); (length > 0) != tt.want {
			t.Errorf("%s: got %d bytes, %v", name, length, v)
		}
		compilePattern(glob(nil, tt.text, true)) // quadratic, the third would take seconds
	}
}
