package policy

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"flowlake/fault"
)

// statementOf is a document of one statement.
func statementOf(members string) string {
	return "{\"Version\": \"2012-10-17\",\n \"Statement\": [{" + members + "}]}"
}

func TestParseRefusesWithThePlace(t *testing.T) {
	const rest = `"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`
	ofAWS := func(principal string) string {
		return statementOf(`"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":` + principal)
	}
	when := func(condition string) string { return statementOf(rest + `,"Condition":` + condition) }
	for _, tt := range []struct {
		name string
		kind Kind
		text string
		want []string // parts of the error
	}{
		{"nothing", Identity, "", []string{"invalid Json", "line 1, column 1", "ends where a value should be"}},
		{"no object", Identity, `[]`, []string{"Syntax errors", "a list"}},
		{"no JSON", Identity, "{\n  Version: 1}", []string{"invalid Json", "line 2, column 3", "double quotes"}},
		{"a comma too many", Identity, `{"Version":"2012-10-17",}`, []string{"line 1, column 25"}},
		{"more after the end", Identity, statementOf(rest) + "x", []string{"line 2", "after the document's end"}},
		{"a member twice", Identity, statementOf(rest + `,"Effect":"Deny"`), []string{`"Effect" is there twice`, "line 2, column 73"}},
		{"an escaped member twice", Identity, statementOf(rest + `,"Eff\u0065ct":"Deny"`), []string{`"Effect" is there twice`}},
		{"deep nesting", Identity, strings.Repeat("[", 40) + strings.Repeat("]", 40), []string{"nested deeper"}},
		{"too large", Identity, `{"Id":"` + strings.Repeat("x", MaxBytes) + `"}`, []string{"more than 131072"}},
		{"not UTF-8", Resource, "{\"Id\":\"\xff\"}", []string{"not UTF-8"}},
		{"Korean in an identity policy", Identity, statementOf(`"Sid":"읽기",` + rest), []string{"printable ASCII", `'읽'`}},
		{"a lone surrogate", Resource, `{"Id":"\ud800"}`, []string{"surrogate"}},
		{"a bad escape", Resource, `{"Id":"\x"}`, []string{"escape"}},
		{"a bad number", Resource, `{"Id":01}`, []string{"no JSON number"}},
		{"an endless string", Resource, `{"Id":"abc`, []string{"has no end", "column 7"}},

		{"no statement", Identity, `{"Version":"2012-10-17"}`, []string{"Syntax errors", "Statement is missing"}},
		{"an empty list of statements", Identity, `{"Version":"2012-10-17","Statement":[]}`, []string{"Statement, line 1, column 37"}},
		{"another version", Identity, `{"Version":"2012-10-18","Statement":[]}`, []string{"Version, line 1, column 12", "2012-10-17"}},
		{"a version that is a number", Identity, `{"Version":2012,"Statement":[]}`, []string{"Version"}},
		{"an unknown element", Identity, `{"Versoin":"2012-10-17"}`, []string{`unknown element "Versoin"`}},
		{"a plural", Identity, `{"Statements":[]}`, []string{"it is spelled Statement"}},
		{"an element in lower case", Identity, statementOf(`"effect":"Allow"`), []string{"it is spelled Effect", "statement 1"}},
		{"a statement that is a string", Identity, `{"Statement":["x"]}`, []string{"statement 1", "a string"}},
		{"an id that is a number", Identity, `{"Id":1,"Statement":[]}`, []string{"Id, line 1"}},

		{"no effect", Identity, statementOf(`"Action":"s3:*","Resource":"*"`), []string{"Missing required field Effect"}},
		{"an effect in lower case", Identity, statementOf(`"Effect":"allow","Action":"s3:*","Resource":"*"`), []string{"Effect", "case counts"}},
		{"no action", Identity, statementOf(`"Effect":"Allow","Resource":"*"`), []string{"Policy statement must contain actions."}},
		{"no action in a list", Identity, statementOf(`"Effect":"Allow","Action":[],"Resource":"*"`), []string{"Policy statement must contain actions.", "Action, line 2, column 43", "empty"}},
		{"Action and NotAction", Identity, statementOf(rest + `,"NotAction":"s3:*"`), []string{"NotAction", "Action is there too"}},
		{"no resource", Identity, statementOf(`"Effect":"Allow","Action":"s3:*"`), []string{"Policy statement must contain resources."}},
		{"Resource and NotResource", Identity, statementOf(rest + `,"NotResource":"*"`), []string{"NotResource", "Resource is there too"}},
		{"a sid twice", Identity, `{"Statement":[{"Sid":"a",` + rest + `},{"Sid":"a",` + rest + `}]}`, []string{"(SID) in a single policy must be unique", "statement 2 (a)"}},
		{"a sid with a blank", Identity, statementOf(`"Sid":"a b",` + rest), []string{"alpha-numeric", "[0-9A-Za-z]*"}},
		{"a sid that is a number", Identity, statementOf(`"Sid":1,` + rest), []string{"Sid"}},

		{"an action without a service", Identity, statementOf(`"Effect":"Allow","Action":["s3:GetObject","GetObject"],"Resource":"*"`), []string{"prefaced by a vendor", "Action, line 2, column 59", `"GetObject"`}},
		{"an action with two colons", Identity, statementOf(`"Effect":"Allow","Action":"s3:Get:Object","Resource":"*"`), []string{"only one colon"}},
		{"a service with a wildcard", Identity, statementOf(`"Effect":"Allow","Action":"s*:GetObject","Resource":"*"`), []string{"Vendor s* is not valid"}},
		{"an action with a blank", Identity, statementOf(`"Effect":"Allow","Action":"s3:Get Object","Resource":"*"`), []string{"is no action"}},
		{"an action that is a number", Identity, statementOf(`"Effect":"Allow","Action":[1],"Resource":"*"`), []string{"Action", "a number"}},
		{"an empty action", Identity, statementOf(`"Effect":"Allow","Action":"","Resource":"*"`), []string{"prefaced by a vendor"}},
		{"a service without an action", Identity, statementOf(`"Effect":"Allow","Action":"s3:","Resource":"*"`), []string{"is no action"}},
		{"another service's action in a trust policy", Trust, statementOf(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject"`), []string{"may only specify STS AssumeRole actions"}},
		{"every action in a trust policy", Trust, statementOf(`"Effect":"Allow","Principal":"*","Action":"*"`), []string{"may only specify STS AssumeRole actions"}},

		{"a resource that is no ARN", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"logs"`), []string{`Resource logs must be in ARN format or "*".`}},
		{"an empty resource", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":""`), []string{"must be in ARN format"}},
		{"another partition", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"arn:amazon:s3:::b"`), []string{`Partition "amazon" is not valid for resource "arn:amazon:s3:::b"`}},
		{"a service with a wildcard in a resource", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s*:::b"`), []string{"Resource vendor must be fully qualified and cannot contain regexes."}},
		{"a resource without a service", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:*"`), []string{"Resource vendor"}},
		{"a short ARN", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3::b"`), []string{"legacy parsing", "six parts"}},
		{"a bucket with a region", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:us-east-1::b"`), []string{"can not contain region information"}},
		{"a role with a region", Identity, statementOf(`"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam:us-east-1:1:role/x"`), []string{"cannot contain region information"}},
		{"an unknown kind of identity", Identity, statementOf(`"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::1:roles/x"`), []string{"IAM resource path must either be"}},
		{"a resource in a trust policy", Trust, statementOf(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"`), []string{"Has prohibited field Resource"}},

		{"a principal in an identity policy", Identity, ofAWS(`"*"`), []string{"Policy document should not specify a principal."}},
		{"no principal in a bucket's policy", Resource, statementOf(rest), []string{"Missing required field Principal"}},
		{"no principal in a trust policy", Trust, statementOf(`"Effect":"Allow","Action":"sts:AssumeRole"`), []string{"Missing required field Principal"}},
		{"NotPrincipal in a trust policy", Trust, statementOf(`"Effect":"Deny","NotPrincipal":"*","Action":"sts:AssumeRole"`), []string{"prohibited field NotPrincipal"}},
		{"a principal that is a name", Resource, ofAWS(`"ana"`), []string{"Invalid principal in policy", "Principal, line 2"}},
		{"an empty principal", Resource, ofAWS(`{}`), []string{"Invalid principal in policy"}},
		{"an empty list of principals", Resource, ofAWS(`{"AWS":[]}`), []string{"Invalid principal in policy", "empty"}},
		{"a short account", Resource, ofAWS(`{"AWS":"1234"}`), []string{`Invalid principal in policy: "AWS":"1234"`, "12 digits"}},
		{"an account of 15 digits", Resource, ofAWS(`{"AWS":"arn:aws:iam::111112222233333:root"}`), []string{"Invalid principal in policy"}},
		{"a principal with a wildcard", Resource, ofAWS(`{"AWS":"arn:aws:iam::111111111111:role/*"}`), []string{"wildcard", "aws:PrincipalArn"}},
		{"a group", Resource, ofAWS(`{"AWS":"arn:aws:iam::111111111111:group/g"}`), []string{"a group is no principal"}},
		{"a service that is none", Resource, ofAWS(`{"Service":"logs"}`), []string{"Invalid principal", ".amazonaws.com"}},
		{"a service with a wildcard", Resource, ofAWS(`{"Service":"*.amazonaws.com"}`), []string{"Invalid principal"}},
		{"a canonical user", Resource, ofAWS(`{"CanonicalUser":"abc"}`), []string{"canonical user ids are not known here"}},
		{"a type in lower case", Resource, ofAWS(`{"aws":"*"}`), []string{"the types of principals are"}},

		{"a condition that is a string", Identity, when(`"x"`), []string{"Condition", "a string"}},
		{"an unknown operator", Identity, when(`{"StringEqual":{"s3:prefix":"a"}}`), []string{"Invalid Condition type : StringEqual"}},
		{"an operator in lower case", Identity, when(`{"stringequals":{"s3:prefix":"a"}}`), []string{"it is spelled StringEquals"}},
		{"an unknown qualifier", Identity, when(`{"ForSome:StringEquals":{"s3:prefix":"a"}}`), []string{"Invalid Condition type"}},
		{"Null with IfExists", Identity, when(`{"NullIfExists":{"s3:prefix":"true"}}`), []string{"Null takes neither"}},
		{"Null for all values", Identity, when(`{"ForAllValues:Null":{"s3:prefix":"true"}}`), []string{"Null takes neither"}},
		{"an operator without keys' object", Identity, when(`{"StringEquals":"x"}`), []string{"Condition StringEquals", "an object of keys"}},
		{"a key without a service", Identity, when(`{"StringEquals":{"prefix":"a"}}`), []string{"prefaced by a vendor", "Condition StringEquals"}},
		{"a key with a wildcard", Identity, when(`{"StringEquals":{"s3:*":"a"}}`), []string{"invalid condition key"}},
		{"a key in two cases", Identity, when(`{"StringEquals":{"s3:prefix":"a","S3:Prefix":"b"}}`), []string{"keys have no case"}},
		{"no values", Identity, when(`{"StringEquals":{"s3:prefix":[]}}`), []string{"Condition StringEquals s3:prefix", "empty"}},
		{"a value that is null", Identity, when(`{"StringEquals":{"s3:prefix":null}}`), []string{"null"}},
		{"a value that is an object", Identity, when(`{"StringEquals":{"s3:prefix":{}}}`), []string{"an object"}},
		{"a number that is none", Identity, when(`{"NumericLessThan":{"s3:max-keys":"ten"}}`), []string{`"ten" is not a number`, "NumericLessThan s3:max-keys"}},
		{"a date that is none", Identity, when(`{"DateLessThan":{"aws:CurrentTime":"soon"}}`), []string{`"soon" is not a date`}},
		{"a boolean that is none", Identity, when(`{"Bool":{"aws:SecureTransport":"yes"}}`), []string{`"yes" is not true or false`}},
		{"an address that is none", Identity, when(`{"IpAddress":{"aws:SourceIp":"10.0.0"}}`), []string{`"10.0.0" is not an IP address`}},
		{"a range that is none", Identity, when(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}`), []string{"is not an IP address"}},
		{"bytes that are none", Identity, when(`{"BinaryEquals":{"x:y":"!"}}`), []string{"base64"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.kind, tt.text)
			if !fault.Is(err, fault.Invalid) || !fault.HasNoun(err, "policy document") {
				t.Fatalf("got %v, want a fault.Invalid about a policy document", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	for _, tt := range []struct {
		name string
		kind Kind
		text string
	}{
		{"one statement without a list", Identity, `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`},
		{"an empty sid, as consoles write it, twice", Trust, `{"Statement":[{"Sid":"","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Sid":"","Effect":"Allow","Principal":"*","Action":["sts:TagSession"]}]}`},
		{"a sid with blanks in a bucket's policy", Resource, `{"Id":"a b","Statement":{"Sid":"로그 쓰기-1","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/한글 이름/*"}}`},
		{"an account of 18 digits in a resource", Identity, statementOf(`"Effect":"Allow","Action":"athena:*","Resource":"arn:aws:athena:ap-northeast-2:111111222222333333:workgroup/*"`)},
		{"numbers and booleans as values", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NumericLessThan":{"s3:max-keys":10.5},"Bool":{"aws:SecureTransport":[true,"false"]}}`)},
		{"a tag's key with blanks and slashes", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/cost center/a":"x"}}`)},
		{"identity providers in a trust policy", Trust, statementOf(`"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/x"},"Action":"sts:AssumeRoleWithWebIdentity"`)},
		{"a path in a role's name", Resource, statementOf(`"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:role/service-role/r","111111111111","AIDAANAANAANAANAANAA"]},"Action":"s3:*","Resource":"*"`)},
		{"white space everywhere", Identity, " \n\t{ \"Statement\" : [ { \"Effect\" : \"Allow\" , \"Action\" : [ \"s3:*\" ] , \"Resource\" : \"*\" } ] }\r\n "},
		{"an operator without keys", Identity, statementOf(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{}}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse(tt.kind, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if d.Text() != tt.text || d.Kind() != tt.kind || len(d.Statements()) == 0 {
				t.Errorf("got %v", d)
			}
		})
	}
}

func TestADocumentSaysWhatItHolds(t *testing.T) {
	d, err := Parse(Resource, `{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"One","Effect":"Deny","NotPrincipal":{"AWS":"111111111111","Service":["a.amazonaws.com"]},
		"NotAction":["s3:Get*","s3:Put*"],"NotResource":"arn:aws:s3:::b","Condition":{"ForAnyValue:StringLikeIfExists":{"s3:prefix":["a","b"]}}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%+v", d.Statements())
	want := `[{Number:1 Sid:One Allow:false Principals:[{Type:AWS Value:111111111111} {Type:Service Value:a.amazonaws.com}] Actions:[s3:Get* s3:Put*] Resources:[arn:aws:s3:::b] ` +
		`Conditions:[{Operator:ForAnyValue:StringLikeIfExists Key:s3:prefix Values:[a b]}] NotPrincipal:true NotAction:true NotResource:true}]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if d.Version() != "2012-10-17" || d.ID() != "x" {
		t.Errorf("got version %s, id %s", d.Version(), d.ID())
	}
	old, err := Parse(Identity, `{"Statement": {"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)
	if err != nil || old.Version() != "2008-10-17" || Size(old.Text()) != len(old.Text())-1 {
		t.Errorf("got %v, version %s, size %d", err, old.Version(), Size(old.Text()))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(statementOf(`"Sid":"a","Effect":"Allow","Action":["s3:*","glue:GetTable"],"Resource":"arn:aws:s3:::b/${aws:username, 'x'}/*"`))
	f.Add(statementOf(`"Effect":"Deny","NotPrincipal":{"AWS":["1","arn:aws:iam::111111111111:root"]},"NotAction":"*","NotResource":"*","Condition":{"ForAnyValue:ArnLikeIfExists":{"aws:SourceArn":["*",1,true]}}`))
	f.Add(statementOf(`"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"IpAddress":{"aws:SourceIp":"::/0"},"DateLessThan":{"aws:CurrentTime":"2026"}}`))
	f.Add(`{"Id":"\ud83d\ude00\n","Statement":[1e5]}`)
	if seed, err := os.ReadFile("testdata/cases/principals.txt"); err == nil {
		f.Add(string(seed))
	}
	r := Request{Principal: people["crawler"], Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x/y", Owner: account,
		Context: []Entry{{"aws:username", []string{"x"}}, {"aws:SourceIp", []string{"10.0.0.1"}}, {"aws:SourceArn", []string{"a:b:c:d:e:f", "*"}}}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []Kind{Identity, Resource, Trust} {
			d, err := Parse(kind, text)
			if err != nil {
				if !fault.Is(err, fault.Invalid) || d != nil {
					t.Fatalf("got %v, %v", d, err)
				}
				continue
			}
			again, err := Parse(kind, d.Text())
			if err != nil || fmt.Sprint(again.Statements()) != fmt.Sprint(d.Statements()) {
				t.Fatalf("read again: %v", err)
			}
			d.Public()
			p := Policies{Identity: []Source{{"p", d}}}
			if kind != Identity {
				p = Policies{Resource: &Source{"b", d}}
			}
			if first, second := Evaluate(&r, &p), Evaluate(&r, &p); first != second || first.Reason == 0 {
				t.Fatalf("got %v, then %v", first, second)
			}
		}
	})
}
