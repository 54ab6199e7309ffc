package logs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/logs"
	"flowlake/logs/pattern"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"pgregory.net/rapid"
)

// lakeStreams take subscriptions of the delivery stream "lake".
type lakeStreams struct{}

func (lakeStreams) Subscribe(_ context.Context, _ access.Caller, s logs.Subscription) error {
	if !strings.HasSuffix(s.DestinationARN, "/lake") {
		return fault.Newf(fault.NotFound, "delivery stream", "does not exist")
	}
	return nil
}

func TestSubscriptionFilters(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	b.make(t, "g", "s")
	in := func(change func(*api.PutSubscriptionFilterInput)) *api.PutSubscriptionFilterInput {
		in := &api.PutSubscriptionFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("to the lake"), FilterPattern: aws.String(""),
			DestinationArn: aws.String("arn:aws:firehose:us-east-1:123456789012:deliverystream/lake"), RoleArn: aws.String("arn:aws:iam::123456789012:role/cwl")}
		if change != nil {
			change(in)
		}
		return in
	}
	if _, err := b.PutSubscriptionFilter(ctx, in(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutSubscriptionFilter(ctx, in(func(in *api.PutSubscriptionFilterInput) {
		in.FilterName, in.FilterPattern, in.Distribution = aws.String("b"), aws.String("[a, b]"), types.DistributionRandom
	})); err != nil {
		t.Fatal(err)
	}
	_, err := b.PutSubscriptionFilter(ctx, in(func(in *api.PutSubscriptionFilterInput) { in.FilterName = aws.String("c") }))
	wantCode(t, err, "LimitExceededException", "Resource limit exceeded")

	var got []string
	pages := api.NewDescribeSubscriptionFiltersPaginator(b, &api.DescribeSubscriptionFiltersInput{LogGroupName: aws.String("g"), Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.SubscriptionFilters {
			got = append(got, fmt.Sprint(*f.LogGroupName, " ", *f.FilterName, " ", *f.FilterPattern, " ", *f.DestinationArn, " ", *f.RoleArn, " ", f.Distribution, " ", *f.CreationTime > 0))
		}
	}
	where := "arn:aws:firehose:us-east-1:123456789012:deliverystream/lake arn:aws:iam::123456789012:role/cwl"
	if want := "g b [a, b] " + where + " Random true|g to the lake  " + where + " ByLogStream true"; strings.Join(got, "|") != want {
		t.Errorf("got  %q\nwant %q", strings.Join(got, "|"), want)
	}
	for _, row := range []struct {
		code, words string
		change      func(*api.PutSubscriptionFilterInput)
	}{
		{"ResourceNotFoundException", "log group", func(in *api.PutSubscriptionFilterInput) { in.LogGroupName = aws.String("none") }},
		{"InvalidParameterException", "Could not deliver test message to specified Firehose stream", func(in *api.PutSubscriptionFilterInput) {
			in.DestinationArn = aws.String("arn:aws:firehose:us-east-1:123456789012:deliverystream/none")
		}},
		{"InvalidParameterException", "functions are not supported yet", func(in *api.PutSubscriptionFilterInput) {
			in.DestinationArn, in.RoleArn = aws.String("arn:aws:lambda:us-east-1:123456789012:function:f"), nil
		}},
		{"InvalidParameterException", "character 10", func(in *api.PutSubscriptionFilterInput) { in.FilterPattern = aws.String("{ $.a = 1") }},
		{"InvalidParameterException", "roleArn", func(in *api.PutSubscriptionFilterInput) { in.RoleArn = nil }},
		{"InvalidParameterException", "role/", func(in *api.PutSubscriptionFilterInput) { in.RoleArn = aws.String("arn:aws:iam::123456789012:user/x") }},
		{"InvalidParameterException", "emitSystemFields", func(in *api.PutSubscriptionFilterInput) { in.EmitSystemFields = []string{"@aws.account"} }},
		{"InvalidParameterException", "fieldSelectionCriteria", func(in *api.PutSubscriptionFilterInput) { in.FieldSelectionCriteria = aws.String("x") }},
		{"InvalidParameterException", "no log transformers", func(in *api.PutSubscriptionFilterInput) { in.ApplyOnTransformedLogs = true }},
	} {
		_, err := b.PutSubscriptionFilter(ctx, in(func(in *api.PutSubscriptionFilterInput) { in.FilterName = aws.String("b"); row.change(in) }))
		wantCode(t, err, row.code, row.words)
	}
	if _, err := b.DeleteSubscriptionFilter(ctx, &api.DeleteSubscriptionFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("b")}); err != nil {
		t.Fatal(err)
	}
	_, err = b.DeleteSubscriptionFilter(ctx, &api.DeleteSubscriptionFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("b")})
	wantCode(t, err, "ResourceNotFoundException", "The specified subscription filter does not exist.")
}

func TestMetricFilters(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	b.make(t, "g")
	transformation := types.MetricTransformation{MetricName: aws.String("Rejects"), MetricNamespace: aws.String("VPC"), MetricValue: aws.String("$bytes"),
		Unit: types.StandardUnitBytes, Dimensions: map[string]string{"Interface": "$interface_id"}}
	in := &api.PutMetricFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("rejects"), FilterPattern: aws.String("[interface_id, bytes, action=REJECT]"),
		MetricTransformations: []types.MetricTransformation{transformation}}
	if _, err := b.PutMetricFilter(ctx, in); err != nil {
		t.Fatal(err)
	}
	out, err := b.DescribeMetricFilters(ctx, &api.DescribeMetricFiltersInput{MetricName: aws.String("Rejects"), MetricNamespace: aws.String("VPC")})
	if err != nil || len(out.MetricFilters) != 1 {
		t.Fatalf("got %v, %v", out, err)
	}
	f := out.MetricFilters[0]
	m := f.MetricTransformations[0]
	if *f.FilterName != "rejects" || *f.LogGroupName != "g" || *f.FilterPattern != *in.FilterPattern || f.CreationTime == nil || *m.MetricName != "Rejects" || *m.MetricNamespace != "VPC" ||
		*m.MetricValue != "$bytes" || m.Unit != types.StandardUnitBytes || m.Dimensions["Interface"] != "$interface_id" || m.DefaultValue != nil {
		t.Errorf("got %+v", f)
	}
	groups, err := b.DescribeLogGroups(ctx, nil)
	if err != nil || *groups.LogGroups[0].MetricFilterCount != 1 {
		t.Errorf("got %v, %v", groups, err)
	}
	in.MetricTransformations = append(in.MetricTransformations, transformation)
	_, err = b.PutMetricFilter(ctx, in)
	wantCode(t, err, "InvalidParameterException", "length 1")
	in.MetricTransformations = []types.MetricTransformation{transformation}
	in.FilterPattern = aws.String("REJECT")
	_, err = b.PutMetricFilter(ctx, in)
	wantCode(t, err, "InvalidParameterException", "$bytes")
	if _, err := b.DeleteMetricFilter(ctx, &api.DeleteMetricFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("rejects")}); err != nil {
		t.Fatal(err)
	}
	_, err = b.DeleteMetricFilter(ctx, &api.DeleteMetricFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("rejects")})
	wantCode(t, err, "ResourceNotFoundException", "metric filter")

	t.Run("are tested, as in the API reference", func(t *testing.T) {
		out, err := b.TestMetricFilter(ctx, &api.TestMetricFilterInput{FilterPattern: aws.String("[..., request=*.html*, status_code=4*,]"), LogEventMessages: []string{
			`127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`,
			`127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /about-us/index.html HTTP/1.0" 200 5324`,
			`127.0.0.1 - frank [10/Oct/2000:13:50:35 -0700] "GET /apache_pb.gif HTTP/1.0" 404 4355`,
			`127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /products/index.html HTTP/1.0" 400 1534`,
		}})
		if err != nil || len(out.Matches) != 2 || out.Matches[0].EventNumber != 0 || out.Matches[1].EventNumber != 3 {
			t.Fatalf("got %+v, %v", out, err)
		}
		if got, want := fmt.Sprint(out.Matches[1].ExtractedValues), "map[$1:127.0.0.1 $2:- $3:frank $4:10/Oct/2000:13:25:15 -0700 $7:1534 $request:GET /products/index.html HTTP/1.0 $status_code:400]"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		out, err = b.TestMetricFilter(ctx, &api.TestMetricFilterInput{FilterPattern: aws.String(`"[ERROR]" Exception`), LogEventMessages: []string{
			"02 May 2014 00:34:16,142 [ERROR] Unhanded exception: InvalidQueryException", "02 May 2014 00:34:16,224 [ERROR] Terminating the application"}})
		if err != nil || len(out.Matches) != 1 || out.Matches[0].ExtractedValues == nil || len(out.Matches[0].ExtractedValues) != 0 {
			t.Errorf("got %+v, %v", out, err)
		}
		_, err = b.TestMetricFilter(ctx, &api.TestMetricFilterInput{FilterPattern: aws.String("%a b%"), LogEventMessages: []string{"x"}})
		wantCode(t, err, "InvalidParameterException", "not supported in a regular expression")
		_, err = b.TestMetricFilter(ctx, &api.TestMetricFilterInput{FilterPattern: aws.String(""), LogEventMessages: make([]string, 51)})
		wantCode(t, err, "InvalidParameterException", "between 1 and 50")
	})
}

// TestExtractedValues compares what a subscription's pattern extracts with what TestMetricFilter shows of it.
func TestExtractedValues(t *testing.T) {
	b := newBench(t)
	rapid.Check(t, func(r *rapid.T) {
		var fields []string
		for i := range rapid.IntRange(0, 4).Draw(r, "fields") {
			fields = append(fields, rapid.SampledFrom([]string{"", "...", fmt.Sprint("f", i), fmt.Sprintf("g%d != x", i)}).Draw(r, "field"))
		}
		text := "[" + strings.Join(fields, ", ") + "]"
		p, err := pattern.Compile(text)
		if err != nil {
			r.Skip()
		}
		message := rapid.StringMatching(`([a-x"]|\[|\]| ){1,20}`).Draw(r, "message")
		out, err := b.TestMetricFilter(t.Context(), &api.TestMetricFilterInput{FilterPattern: &text, LogEventMessages: []string{message}})
		if err != nil {
			r.Fatal(err)
		}
		values, ok := p.Extract(message, nil)
		if ok != (len(out.Matches) == 1) {
			r.Fatalf("%s on %q: got %+v, want %v", text, message, out.Matches, ok)
		}
		want := map[string]string{}
		for i, name := range p.NamesOf(len(values)) {
			want["$"+name] = values[i]
		}
		if ok && !maps.Equal(out.Matches[0].ExtractedValues, want) {
			r.Fatalf("%s on %q: got %v, want %v", text, message, out.Matches[0].ExtractedValues, want)
		}
	})
}

func TestResourcePolicies(t *testing.T) {
	ctx, b := t.Context(), newBench(t)
	document := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},"Action":"logs:PutLogEvents","Resource":"*"}]}`)
	put, err := b.PutResourcePolicy(ctx, &api.PutResourcePolicyInput{PolicyName: aws.String("p"), PolicyDocument: document})
	if err != nil || *put.ResourcePolicy.PolicyName != "p" || put.ResourcePolicy.LastUpdatedTime == nil {
		t.Fatalf("got %+v, %v", put, err)
	}
	out, err := b.DescribeResourcePolicies(ctx, &api.DescribeResourcePoliciesInput{PolicyScope: types.PolicyScopeAccount})
	if err != nil || len(out.ResourcePolicies) != 1 || *out.ResourcePolicies[0].PolicyDocument != *document {
		t.Errorf("got %+v, %v", out, err)
	}
	out, err = b.DescribeResourcePolicies(ctx, &api.DescribeResourcePoliciesInput{PolicyScope: types.PolicyScopeResource})
	if err != nil || len(out.ResourcePolicies) != 0 {
		t.Errorf("policies of resources: got %+v, %v", out, err)
	}
	_, err = b.PutResourcePolicy(ctx, &api.PutResourcePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String("x")})
	wantCode(t, err, "InvalidParameterException", "Invalid policy document")
	_, err = b.PutResourcePolicy(ctx, &api.PutResourcePolicyInput{PolicyName: aws.String("p"), PolicyDocument: document, ResourceArn: aws.String("arn")})
	wantCode(t, err, "InvalidParameterException", "resourceArn")
	if _, err := b.DeleteResourcePolicy(ctx, &api.DeleteResourcePolicyInput{PolicyName: aws.String("p")}); err != nil {
		t.Error(err)
	}
	_, err = b.DeleteResourcePolicy(ctx, &api.DeleteResourcePolicyInput{PolicyName: aws.String("p")})
	wantCode(t, err, "ResourceNotFoundException", "[p] does not exist")
	var gone *types.ResourceNotFoundException
	if !errors.As(err, &gone) {
		t.Errorf("%T is not the SDK's exception", err)
	}
}
