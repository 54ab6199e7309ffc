package wire

import (
	"context"
	"errors"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/fault"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"pgregory.net/rapid"
)

// tableOp is a row with a deep input: some members of a structure, one of them without its members.
func tableOp(honoured ...string) *operation {
	svc := prepare(Service{Name: "glue", Title: "Glue", Protocol: JSON11, Target: "AWSGlue.", Operations: []Operation{
		Op("CreateTable", Row[glue.CreateTableInput]{
			Permissions: []Permission[glue.CreateTableInput]{{Action: "glue:CreateTable"}},
			Honoured:    honoured,
			Required:    []string{"DatabaseName", "TableInput", "TableInput.Name", "TableInput.PartitionKeys.Name"},
		}, func(context.Context, access.Caller, *glue.CreateTableInput) (*glue.CreateTableOutput, error) {
			return nil, nil
		}),
	}})
	return svc.byName["CreateTable"]
}

var glueMembers = []string{"DatabaseName", "TableInput.Name", "TableInput.Parameters", "TableInput.Retention", "TableInput.LastAccessTime",
	"TableInput.PartitionKeys.Name", "TableInput.PartitionKeys.Type", "TableInput.StorageDescriptor"}

func TestReadJSON(t *testing.T) {
	op := tableOp(glueMembers...)
	minimal := func(more string) string { return `{"DatabaseName":"d","TableInput":{"Name":"t"` + more + `}}` }
	in, err := op.decodeJSON([]byte(` {"DatabaseName" : "d\u00e9\ud83d\ude00\ud83d\n" , "TableInput":{ "Name":"t","Retention":-7,"LastAccessTime":1700000000.25,
		"Parameters":{"a":"b","c":""},"PartitionKeys":[{"Name":"k"},{"Name":"l","Type":null}],"StorageDescriptor":{"Columns":[],"Compressed":true,
		"SerdeInfo":{"Parameters":{}},"SkewedInfo":null}}} `))
	if err != nil {
		t.Fatal(err)
	}
	got := in.(*glue.CreateTableInput)
	want := &glue.CreateTableInput{DatabaseName: aws.String("dé😀\uFFFD\n"), TableInput: &types.TableInput{
		Name: aws.String("t"), Retention: -7, LastAccessTime: aws.Time(time.Unix(1700000000, 250e6).UTC()), Parameters: map[string]string{"a": "b", "c": ""},
		PartitionKeys:     []types.Column{{Name: aws.String("k")}, {Name: aws.String("l")}},
		StorageDescriptor: &types.StorageDescriptor{Columns: []types.Column{}, Compressed: true, SerdeInfo: &types.SerDeInfo{Parameters: map[string]string{}}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got.TableInput)
	}

	for _, tt := range []struct{ name, body, want string }{
		{"a member the row does not name", minimal(`,"Owner":"me"`), `flowlake does not support the member "TableInput.Owner" of CreateTable`},
		{"a member nobody knows", minimal(`,"Nmae":"me"`), `flowlake does not support the member "TableInput.Nmae" of CreateTable`},
		{"a member in another case", minimal(`,"name":"me"`), `does not support the member "TableInput.name"`},
		{"a member below what the row names in part", minimal(`,"PartitionKeys":[{"Name":"k","Comment":"c"}]`), `does not support the member "TableInput.PartitionKeys.Comment"`},
		{"a whole structure the row does not name", minimal(`,"ViewDefinition":{}`), `does not support the member "TableInput.ViewDefinition"`},
		{"a required member that is absent", `{"DatabaseName":"d","TableInput":{}}`, "1 validation error detected: Value null at 'TableInput.Name' failed to satisfy constraint: Member must not be null"},
		{"a required member that is empty", `{"DatabaseName":"","TableInput":{"Name":"n"}}`, "1 validation error detected: Value '' at 'DatabaseName' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"a required member that is empty in a list", `{"DatabaseName":"d","TableInput":{"Name":"n","PartitionKeys":[{"Name":"k"},{"Name":""}]}}`, "Value '' at 'TableInput.PartitionKeys.Name' failed to satisfy constraint: Member must have length"},
		{"an absent and an empty one", `{"DatabaseName":"","TableInput":{}}`, "2 validation errors detected: Value '' at 'DatabaseName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value null at 'TableInput.Name'"},
		{"two required members that are absent", `{}`, "2 validation errors detected: Value null at 'DatabaseName' failed to satisfy constraint: Member must not be null; Value null at 'TableInput'"},
		{"a required member that is null", `{"DatabaseName":null,"TableInput":{"Name":"t"}}`, "Value null at 'DatabaseName'"},
		{"a required member in a list", minimal(`,"PartitionKeys":[{"Name":"k"},{"Type":"int"}]`), "Value null at 'TableInput.PartitionKeys.Name'"},
		{"an empty body", ``, "2 validation errors"},
		{"a string for a structure", `{"TableInput":"t"}`, `in member "TableInput": an object is expected`},
		{"a string for a number", minimal(`,"Retention":"7"`), `in member "TableInput.Retention": a number is expected`},
		{"a fraction for an integer", minimal(`,"Retention":1.5`), "1.5 is not an integer"},
		{"a number that overflows", minimal(`,"Retention":2147483648`), "2147483648 is out of range"},
		{"a number that overflows everything", minimal(`,"Retention":99999999999999999999`), "is out of range"},
		{"a number for a string", `{"DatabaseName":1}`, `in member "DatabaseName": a string is expected`},
		{"a word for a boolean", minimal(`,"StorageDescriptor":{"Compressed":"true"}`), "a boolean is expected"},
		{"a string for a list", minimal(`,"PartitionKeys":"k"`), "a list is expected"},
		{"a null in a list", minimal(`,"PartitionKeys":[null]`), "no null elements"},
		{"a null in a map", minimal(`,"Parameters":{"a":null}`), "no null values"},
		{"a number in a map of strings", minimal(`,"Parameters":{"a":1}`), `in member "TableInput.Parameters.a"`},
		{"a time that is none", minimal(`,"LastAccessTime":1e300`), "is no time"},
		{"a member twice", minimal(`,"Name":"u"`), "given twice"},
		{"a key twice", minimal(`,"Parameters":{"a":"1","\u0061":"2"}`), "given twice"},
		{"a list at the top", `[]`, "an object is expected"},
		{"two values", `{"DatabaseName":"d","TableInput":{"Name":"t"}}{}`, "goes on behind"},
		{"a body that ends early", `{"DatabaseName":"d"`, "a comma or '}' is expected"},
		{"a comma at the end", `{"DatabaseName":"d",}`, "nothing follows a comma"},
		{"a string that does not end", `{"DatabaseName":"d`, "does not end"},
		{"a string that ends in an escape", `{"DatabaseName":"d\`, "does not end"},
		{"a string with a control character", "{\"DatabaseName\":\"d\n\"}", "control character"},
		{"a string that is not UTF-8", "{\"DatabaseName\":\"\xff\"}", "not UTF-8"},
		{"an unknown escape", `{"DatabaseName":"\q"}`, "unknown escape"},
		{"half an escape", `{"DatabaseName":"\u12`, "unknown escape"},
		{"a number with a leading zero", minimal(`,"Retention":01`), "a comma"},
		{"more values than there may be", minimal(`,"PartitionKeys":[` + strings.Repeat(`{},`, maxValues) + `{}]`), "more than 200000 values"},
	} {
		t.Run(tt.name+" is refused", func(t *testing.T) {
			_, err := op.decodeJSON([]byte(tt.body))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			e := op.service.translate(err, false)
			if e.Status != 400 || e.Code != "SerializationException" && e.Code != "ValidationException" {
				t.Errorf("it becomes %+v", e)
			}
		})
	}
	t.Run("a null for a member that the row does not name is absent", func(t *testing.T) {
		if _, err := op.decodeJSON([]byte(minimal(`,"Owner":null`))); err != nil {
			t.Error(err)
		}
	})
}

func TestNumbers(t *testing.T) {
	s := (&compiler{known: map[reflect.Type]*shape{}}).compile(reflect.TypeFor[types.ColumnStatisticsData]())
	for token, want := range map[string]float64{"1": 1, "-1.5e3": -1500, `"NaN"`: math.NaN(), `"-Infinity"`: math.Inf(-1), "0.1": 0.1} {
		var got types.ColumnStatisticsData
		err := readJSON([]byte(`{"DoubleColumnStatisticsData":{"MaximumValue":`+token+`}}`), s, reflect.ValueOf(&got), "X")
		if err != nil || got.DoubleColumnStatisticsData.MaximumValue != want && !math.IsNaN(want) {
			t.Errorf("%s: got %v, %v", token, got.DoubleColumnStatisticsData, err)
		}
	}
	for token, want := range map[string]time.Time{
		"0": time.Unix(0, 0).UTC(), "1.000000001": time.Unix(1, 1).UTC(), "-1.5": time.Unix(-1, -5e8).UTC(), "1.7e9": time.Unix(1700000000, 0).UTC(),
		"1700000000.1234567891": time.Unix(1700000000, 123456789).UTC(), "-0.25": time.Unix(0, -25e7).UTC(),
	} {
		if got, ok := parseEpoch(token); !ok || !got.Equal(want) {
			t.Errorf("%s: got %v %v, want %v", token, got, ok, want)
		}
	}
	for want, millis := range map[string]int64{"0": 0, "1.5": 1500, "-1.05": -1050, "1700000000.123": 1700000000123} {
		if got := string(appendEpoch(nil, time.UnixMilli(millis))); got != want {
			t.Errorf("%d: got %s, want %s", millis, got, want)
		}
	}
}

// What is written is read back the same, whatever text it carries.
func TestJSONRoundTrip(t *testing.T) {
	s := (&compiler{known: map[reflect.Type]*shape{}}).compile(reflect.TypeFor[glue.CreateTableInput]())
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		optional := func(name string) *string {
			if rapid.Bool().Draw(t, name) {
				return nil
			}
			return aws.String(text.Draw(t, name))
		}
		in := &glue.CreateTableInput{DatabaseName: optional("database"), TableInput: &types.TableInput{
			Name: optional("name"), Retention: rapid.Int32().Draw(t, "retention"),
			Parameters:        rapid.MapOf(text, text).Draw(t, "parameters"),
			LastAccessTime:    aws.Time(time.UnixMilli(rapid.Int64Range(-6e13, 2e14).Draw(t, "time")).UTC()),
			StorageDescriptor: &types.StorageDescriptor{Compressed: rapid.Bool().Draw(t, "compressed"), BucketColumns: rapid.SliceOf(text).Draw(t, "columns")},
		}}
		body, err := appendJSON(nil, s, reflect.ValueOf(in).Elem())
		if err != nil {
			t.Fatal(err)
		}
		got := &glue.CreateTableInput{}
		if err := readJSON(body, s, reflect.ValueOf(got), "CreateTable"); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		again, err := appendJSON(nil, s, reflect.ValueOf(got).Elem())
		if err != nil || string(again) != string(body) || !got.TableInput.LastAccessTime.Equal(*in.TableInput.LastAccessTime) ||
			!reflect.DeepEqual(got.TableInput.Parameters, in.TableInput.Parameters) {
			t.Errorf("wrote %s, then %s (%v)", body, again, err)
		}
	})
}

// assumeRole is a Query operation with lists and structures.
func assumeRole() *operation {
	svc := prepare(Service{Name: "sts", Title: "STS", Protocol: Query, Target: "2011-06-15", Namespace: "urn:sts", Operations: []Operation{
		Op("AssumeRole", Row[sts.AssumeRoleInput]{
			Permissions: []Permission[sts.AssumeRoleInput]{{Action: "sts:AssumeRole"}},
			Honoured:    []string{"RoleArn", "DurationSeconds", "Tags", "PolicyArns", "TransitiveTagKeys"},
		}, func(context.Context, access.Caller, *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
			return nil, nil
		}),
	}})
	return svc.byName["AssumeRole"]
}

func decodeQuery(op *operation, form string) (*sts.AssumeRoleInput, error) {
	pairs, err := parsePairs(form, maxForm)
	if err != nil {
		return nil, err
	}
	root, err := parseForm(pairs)
	if err != nil {
		return nil, err
	}
	in, err := op.decodeForm(root)
	if err != nil {
		return nil, err
	}
	return in.(*sts.AssumeRoleInput), nil
}

func TestReadForm(t *testing.T) {
	op := assumeRole()
	got, err := decodeQuery(op, "Action=AssumeRole&Version=2011-06-15&RoleArn=a%20b+c&DurationSeconds=900&Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.2.Key=l&Tags.member.2.Value=&TransitiveTagKeys=")
	want := &sts.AssumeRoleInput{RoleArn: aws.String("a b c"), DurationSeconds: aws.Int32(900), TransitiveTagKeys: []string{},
		Tags: []ststypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}, {Key: aws.String("l"), Value: aws.String("")}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, tt := range []struct{ name, form, want string }{
		{"a parameter the row does not name", "ExternalId=1", `does not support the member "ExternalId" of AssumeRole`},
		{"a parameter nobody knows", "Tags.member.1.Kye=1", `does not support the member "Tags.Kye"`},
		{"a parameter twice", "RoleArn=1&RoleArn=2", "given twice"},
		{"a gap in a list", "TransitiveTagKeys.member.1=a&TransitiveTagKeys.member.3=b", "without gaps"},
		{"a list from 0", "TransitiveTagKeys.member.0=a", "without gaps"},
		{"a list without its label", "TransitiveTagKeys.1=a", "member.1"},
		{"a number that is none", "DurationSeconds=x", "x is not an integer"},
		{"a number that overflows", "DurationSeconds=2147483648", "2147483648 is out of range"},
		{"a value below a value", "RoleArn=1&RoleArn.x=2", "one value is expected"},
		{"a value of a structure", "PolicyArns.member.1=x", "no value of its own"},
		{"a bad escape", "RoleArn=%4", "percent-encoded"},
		{"a deep name", strings.Repeat("a.", 100) + "=1", "nested more than"},
	} {
		t.Run(tt.name+" is refused", func(t *testing.T) {
			if got, err := decodeQuery(op, tt.form); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestWriteXML(t *testing.T) {
	op := assumeRole()
	out := &sts.AssumeRoleOutput{SourceIdentity: aws.String("<a&\"\x01\xff\r\n>"),
		Credentials: &ststypes.Credentials{AccessKeyId: aws.String("A"), Expiration: aws.Time(time.Unix(1700000000, 5e8))}}
	got, err := appendResult(nil, "AssumeRole", "urn:sts", "id", op.output, reflect.ValueOf(out).Elem())
	const want = `<AssumeRoleResponse xmlns="urn:sts"><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><Expiration>2023-11-14T22:13:20.5Z</Expiration></Credentials>` +
		"<SourceIdentity>&lt;a&amp;&quot;\uFFFD\uFFFD&#13;\n&gt;</SourceIdentity></AssumeRoleResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></AssumeRoleResponse>\n"
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestCheck(t *testing.T) {
	none := func(context.Context, access.Caller, *glue.GetTableInput) (*glue.GetTableOutput, error) {
		return nil, nil
	}
	service := func(rows ...Operation) []Service {
		return []Service{{Name: "glue", Title: "Glue", Protocol: JSON11, Target: "AWSGlue.", Operations: rows}}
	}
	row := func(change func(*Row[glue.GetTableInput])) Operation {
		r := Row[glue.GetTableInput]{Permissions: []Permission[glue.GetTableInput]{{Action: "glue:GetTable"}}, Honoured: []string{"Name"}}
		change(&r)
		return Op("GetTable", r, none)
	}
	good := row(func(*Row[glue.GetTableInput]) {})
	if err := Check(service(good)); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		name     string
		services []Service
		want     string
	}{
		{"no permission", service(row(func(r *Row[glue.GetTableInput]) { r.Permissions = nil })), "needs permissions"},
		{"a permission and Public", service(row(func(r *Row[glue.GetTableInput]) { r.Public = true })), "or is Public"},
		{"a permission that is no action", service(row(func(r *Row[glue.GetTableInput]) { r.Permissions[0].Action = "GetTable" })), "is no action"},
		{"a member that the input does not have", service(row(func(r *Row[glue.GetTableInput]) { r.Honoured = []string{"Nmae"} })), "has no member Nmae"},
		{"a member below a string", service(row(func(r *Row[glue.GetTableInput]) { r.Honoured = []string{"Name.X"} })), "nothing is below"},
		{"a member twice", service(row(func(r *Row[glue.GetTableInput]) { r.Recorded = []string{"Name"} })), "named twice"},
		{"a required member that is refused", service(row(func(r *Row[glue.GetTableInput]) { r.Required = []string{"DatabaseName"} })), "required and not named"},
		{"a member that may be empty and absent", service(row(func(r *Row[glue.GetTableInput]) { r.MayBeEmpty = []string{"Name"} })), "may be empty and is not required"},
		{"an operation twice", service(good, good), "given twice"},
		{"a service twice", append(service(good), service(good)...), "given twice"},
		{"a target without its dot", []Service{{Name: "a", Title: "A", Protocol: JSON11, Target: "A"}}, "does not end in a dot"},
		{"a raw row in a JSON service", service(Raw("X", RawRow{Public: true}, func(context.Context, *Call) error { return nil })), "RestXML rows are Raw"},
		{"a hidden fault rule", []Service{{Name: "a", Title: "A", Protocol: JSON11, Target: "A.", Faults: []FaultRule{
			{Kind: fault.NotFound, Code: "X"}, {Kind: fault.NotFound, Noun: "table", Code: "Y"}}}}, "hidden by an earlier one"},
	} {
		t.Run(tt.name+" is reported", func(t *testing.T) {
			if err := Check(tt.services); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestMayBeEmpty(t *testing.T) {
	op := prepare(Service{Name: "glue", Title: "Glue", Protocol: JSON11, Target: "AWSGlue.", Operations: []Operation{
		Op("GetTable", Row[glue.GetTableInput]{Public: true, Honoured: []string{"DatabaseName", "Name"}, Required: []string{"DatabaseName", "Name"}, MayBeEmpty: []string{"Name"}},
			func(context.Context, access.Caller, *glue.GetTableInput) (*glue.GetTableOutput, error) {
				return nil, nil
			}),
	}}).byName["GetTable"]
	in, err := op.decodeJSON([]byte(`{"DatabaseName":"d","Name":""}`))
	if err != nil || *in.(*glue.GetTableInput).Name != "" {
		t.Errorf("got %v, %v", in, err)
	}
	for body, want := range map[string]string{
		`{"DatabaseName":"d"}`:             "Value null at 'Name'",
		`{"DatabaseName":"d","Name":null}`: "Value null at 'Name'",
		`{"DatabaseName":"","Name":""}`:    "1 validation error detected: Value '' at 'DatabaseName'",
	} {
		if _, err := op.decodeJSON([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
}

func TestTranslate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		p       Protocol
		err     error
		code    string
		status  int
		message string
	}{
		{"a denial reads as AWS's", JSON11, access.NewGuard("1").Allow(t.Context(), access.Caller{Principal: "arn:p"}, "glue:GetTable", "arn:t"),
			"AccessDeniedException", 400, "User: arn:p is not authorized to perform: glue:GetTable on resource: arn:t"},
		{"S3's missing bucket", RestXML, fault.Newf(fault.NotFound, "bucket b", "none"), "NoSuchBucket", 404, "The specified bucket does not exist"},
		{"a failure nobody classified", RestXML, errors.New("secret"), "InternalError", 500, ""},
		{"a payload's failure through a room", RestXML, fault.Newf(fault.Unavailable, "object o", "write: %w", chunkMismatch()), "SignatureDoesNotMatch", 403, mismatchMessage},
		{"what is not supported", RestXML, fault.Newf(fault.Unsupported, "acl", "no"), "NotImplemented", 501, "acl: no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := (&Service{Protocol: tt.p}).translate(tt.err, false)
			if e.Code != tt.code || e.Status != tt.status || e.Message != tt.message {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func FuzzReadJSON(f *testing.F) {
	op := tableOp(glueMembers...)
	f.Add([]byte(`{"DatabaseName":"d","TableInput":{"Name":"t","Retention":-7,"LastAccessTime":1.5e9,"Parameters":{"a":"\ud83d\ude00"},"PartitionKeys":[{"Name":"k"}]}}`))
	f.Add([]byte(`{"TableInput":{"StorageDescriptor":{"SerdeInfo":{"Parameters":{"a":null}}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := op.decodeJSON(body)
		if err != nil {
			if e := op.service.translate(err, false); e.Status != 400 {
				t.Errorf("%v becomes %+v", err, e)
			}
			return
		}
		full := (&compiler{known: map[reflect.Type]*shape{}}).compile(op.in)
		text, err := appendJSON(nil, full, reflect.ValueOf(in).Elem())
		if err != nil {
			t.Fatal(err)
		}
		again, err := op.decodeJSON(text)
		if err != nil {
			t.Fatalf("%s was written as %s: %v", body, text, err)
		}
		if twice, _ := appendJSON(nil, full, reflect.ValueOf(again).Elem()); string(twice) != string(text) {
			t.Errorf("%s was written as %s, then as %s", body, text, twice)
		}
	})
}

func FuzzReadForm(f *testing.F) {
	op := assumeRole()
	f.Add("RoleArn=a&Tags.member.1.Key=k&Tags.member.1.Value=v&DurationSeconds=9")
	f.Add("Tags.member.1=&PolicyArns.member.1.arn=x&TransitiveTagKeys=")
	f.Fuzz(func(t *testing.T, form string) {
		if _, err := decodeQuery(op, form); err != nil {
			return
		}
		if _, err := url.ParseQuery(form); err != nil {
			t.Errorf("%q was read, and net/url says %v", form, err)
		}
	})
}
