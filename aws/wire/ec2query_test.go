package wire

import (
	"context"
	"encoding/xml"
	"reflect"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/fault"
)

type rehearsalInput struct {
	DryRun    *bool
	ThingIds  []string
	Filters   []toyFilter
	Since     *time.Time
	Forbidden *string
}

type toyFilter struct {
	Name   *string
	Values []string
}

type rehearsalOutput struct {
	Things    []toyFilter
	NextToken *string
	Tags      []string
}

var toyEC2 = Service{
	Name: "ec2", Title: "Toy", Protocol: EC2Query, Target: "2016-11-15", Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
	Names:   map[string]string{"ThingIds": "ThingId", "Filters": "Filter", "toyFilter.Values": "Value"},
	Answers: map[string]string{"rehearsalOutput.Things": "thingSet", "Tags": "tagSet"},
	Operations: []Operation{Op("Rehearse", Row[rehearsalInput]{
		Permissions: []Permission[rehearsalInput]{{Action: "ec2:Rehearse"}},
		Honoured:    []string{"DryRun", "ThingIds", "Filters", "Since"}, Required: []string{"ThingIds"},
	}, func(_ context.Context, _ access.Caller, _ *rehearsalInput) (*rehearsalOutput, error) { return nil, nil })},
}

func readEC2(t testing.TB, body string) (*rehearsalInput, error) {
	t.Helper()
	decoders, err := Decoders([]Service{toyEC2})
	if err != nil {
		t.Fatal(err)
	}
	in, err := decoders[0].Decode([]byte(body))
	if err != nil {
		return nil, err
	}
	return in.(*rehearsalInput), nil
}

func TestEC2FormsHaveFlatListsAndNamesOfTheirOwn(t *testing.T) {
	in, err := readEC2(t, "Action=Rehearse&Version=2016-11-15&DryRun=true&ThingId.2=b&ThingId.1=a&Filter.1.Name=tag%3AName&Filter.1.Value.1=x&Filter.1.Value.2=y&Since=2026-01-02T03%3A04%3A05Z")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(in.ThingIds, " "); got != "a b" || !*in.DryRun || !dryRun(in) || in.Since.Unix() != 1767323045 {
		t.Errorf("got %+v", in)
	}
	if f := in.Filters; len(f) != 1 || *f[0].Name != "tag:Name" || strings.Join(f[0].Values, " ") != "x y" {
		t.Errorf("got filters %+v", f)
	}
	for _, tc := range []struct{ name, body, code, want string }{
		{"a required member is absent", "DryRun=false", "MissingParameter", "ThingId"},
		{"a member that the row does not name", "ThingId.1=a&Forbidden=x", "UnknownParameter", "Forbidden"},
		{"a member that nobody knows", "ThingId.1=a&Nobody=x", "UnknownParameter", "Nobody"},
		{"the Go name of a member", "ThingIds.1=a", "UnknownParameter", "ThingIds"},
		{"a list with a gap", "ThingId.1=a&ThingId.3=b", "InvalidParameterValue", "ThingId"},
		{"a list as awsQuery writes it", "ThingId.member.1=a", "InvalidParameterValue", "ThingId"},
		{"a list with a value of its own", "ThingId=a", "InvalidParameterValue", "ThingId"},
		{"a word that is no boolean", "ThingId.1=a&DryRun=yes", "InvalidParameterValue", "DryRun"},
	} {
		_, err := readEC2(t, tc.body)
		if err == nil {
			t.Errorf("%s: %s was read", tc.name, tc.body)
			continue
		}
		if e := toyEC2.Explain(err); e.Code != tc.code || !strings.Contains(e.Message, tc.want) {
			t.Errorf("%s: got %s: %s, want %s about %s", tc.name, e.Code, e.Message, tc.code, tc.want)
		}
	}
}

func TestEC2AnswersAreLowerCamelWithItems(t *testing.T) {
	op := prepare(toyEC2).byName["Rehearse"]
	name, token := "a&b", "t"
	got, err := appendEC2Result(nil, "Rehearse", toyEC2.Namespace, "id", op.output,
		reflect.ValueOf(rehearsalOutput{Things: []toyFilter{{Name: &name, Values: []string{"x"}}}, NextToken: &token, Tags: []string{}}))
	if err != nil {
		t.Fatal(err)
	}
	const want = xmlHeader + `<RehearseResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>id</requestId>` +
		`<thingSet><item><name>a&amp;b</name><values><item>x</item></values></item></thingSet><nextToken>t</nextToken><tagSet></tagSet></RehearseResponse>` + "\n"
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, _ := appendEC2Result(nil, "Rehearse", "n", "id", op.output, reflect.ValueOf(rehearsalOutput{})); !strings.Contains(string(got), "<return>true</return>") {
		t.Errorf("an empty answer is %s", got)
	}
	var envelope struct {
		Code string `xml:"Errors>Error>Code"`
		ID   string `xml:"RequestID"`
	}
	if err := xml.Unmarshal(appendEC2Error(nil, "id", &Error{Code: "X", Message: "<m>"}), &envelope); err != nil || envelope.Code != "X" || envelope.ID != "id" {
		t.Errorf("the envelope reads %+v, %v", envelope, err)
	}
}

func TestEC2HasACodeForEveryKindAndRefusal(t *testing.T) {
	for kind := fault.Internal; kind <= fault.Unsupported; kind++ {
		if e := toyEC2.Explain(fault.Newf(kind, "thing", "obstacle")); e.Code == "" || e.Status < 400 {
			t.Errorf("%s has no code", kind)
		}
	}
	for why := authMissing; why <= authPayloadHash; why++ {
		if e := (&refusal{why, "m"}).in(EC2Query, false); e.Code == "" || e.Status < 400 {
			t.Errorf("reason %d has no code", why)
		}
	}
}

// FuzzEC2Form holds the flat reader to its promise on any body: it refuses or reads, and never panics.
func FuzzEC2Form(f *testing.F) {
	f.Add("ThingId.1=a&Filter.1.Value.1=x")
	f.Add("ThingId.1.1.1=a&ThingId=&Filter.0=")
	f.Add("Filter.1.Value=&ThingId.99999999999999999999=1")
	f.Fuzz(func(t *testing.T, body string) {
		in, err := readEC2(t, body)
		if err == nil && len(in.ThingIds) == 0 && in.ThingIds == nil {
			t.Errorf("%q was read without what it needs", body)
		}
		if err != nil && toyEC2.Explain(err).Status >= 500 {
			t.Errorf("%q: %v", body, err)
		}
	})
}
