package wire_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"flowlake/aws/wire"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// code is an SDK error's AWS code.
func code(t *testing.T, err error) string {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want an API error", err)
	}
	return api.ErrorCode()
}

func TestJSONClient(t *testing.T) {
	ctx := context.Background()
	y := serve(t, nil)
	client := logs.NewFromConfig(y.config())

	t.Run("a call comes and its answer goes through the SDK's types", func(t *testing.T) {
		out, err := client.DescribeLogGroups(ctx, &logs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("wéb\n\"\u2028"), Limit: aws.Int32(7), LogGroupClass: types.LogGroupClassStandard})
		if err != nil {
			t.Fatal(err)
		}
		got := out.LogGroups[0]
		if *got.LogGroupName != "wéb\n\"\u2028" || *got.RetentionInDays != 7 || *got.CreationTime != 1700000000123 || got.LogGroupClass != types.LogGroupClassStandard || got.Arn != nil {
			t.Errorf("got %+v", got)
		}
		if y.caller.Region != "eu-west-1" || !y.caller.IsRoot() || y.caller.AccessKey != y.key.ID {
			t.Errorf("the caller is %+v", y.caller)
		}
	})
	t.Run("the exception among the names keeps its spelling", func(t *testing.T) {
		out, err := client.DescribeDestinations(ctx, &logs.DescribeDestinationsInput{DestinationNamePrefix: aws.String("d")})
		if err != nil || *out.Destinations[0].DestinationName != "d" {
			t.Errorf("got %+v, %v", out, err)
		}
	})
	t.Run("a member that the row does not name is refused by name", func(t *testing.T) {
		_, err := client.DescribeLogGroups(ctx, &logs.DescribeLogGroupsInput{IncludeLinkedAccounts: aws.Bool(true)})
		if code(t, err) != "InvalidParameterException" || !strings.Contains(err.Error(), `flowlake does not support the member "includeLinkedAccounts" of DescribeLogGroups`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an enum's value is checked", func(t *testing.T) {
		_, err := client.DescribeLogGroups(ctx, &logs.DescribeLogGroupsInput{LogGroupClass: "GOLD"})
		if code(t, err) != "InvalidParameterException" || !strings.Contains(err.Error(), "Value 'GOLD' at 'logGroupClass'") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an operation without a row is refused by name", func(t *testing.T) {
		_, err := client.PutDestination(ctx, &logs.PutDestinationInput{DestinationName: aws.String("a"), RoleArn: aws.String("b"), TargetArn: aws.String("c")})
		if code(t, err) != "UnknownOperationException" || !strings.Contains(err.Error(), `flowlake does not implement "PutDestination" of Toy Logs`) {
			t.Errorf("got %v", err)
		}
	})

	create := func(name string) error {
		_, err := client.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: &name})
		return err
	}
	t.Run("an empty answer is one", func(t *testing.T) {
		if err := create("web"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a fault is the service's typed error", func(t *testing.T) {
		err := create("missing")
		var typed *types.ResourceNotFoundException
		if !errors.As(err, &typed) || typed.ErrorMessage() != "The specified log group does not exist." {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an error in AWS's words keeps them", func(t *testing.T) {
		if got := code(t, create("coded")); got != "OddException" {
			t.Errorf("got %s", got)
		}
	})
	for _, name := range []string{"broken", "panic"} {
		t.Run(name+" shows an id and no detail, which the log has", func(t *testing.T) {
			err := create(name)
			if code(t, err) != "InternalFailure" || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v", err)
			}
			var response interface{ ServiceRequestID() string }
			if !errors.As(err, &response) || response.ServiceRequestID() == "" {
				t.Fatalf("%v has no request id", err)
			}
			if logged := y.log.String(); !strings.Contains(logged, "secret") || !strings.Contains(logged, response.ServiceRequestID()) {
				t.Errorf("the log is %s", logged)
			}
		})
	}
	t.Run("a body over the row's limit is refused", func(t *testing.T) {
		if got := code(t, create(strings.Repeat("x", 5000))); got != "RequestEntityTooLargeException" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("a client that goes away is no failure", func(t *testing.T) {
		before := strings.Count(y.log.String(), "level=ERROR")
		ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		name := "slow"
		if _, err := client.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: &name}); err == nil {
			t.Error("got an answer")
		}
		y.Close() // waits for the handler
		if got := strings.Count(y.log.String(), "level=ERROR"); got != before {
			t.Errorf("it was logged as an error: %s", y.log)
		}
		if !strings.Contains(y.log.String(), "code=ClientClosedRequest") {
			t.Errorf("the log is %s", y.log)
		}
	})
	t.Run("requests are counted by operation and code", func(t *testing.T) {
		families, err := y.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := 0.0
		for _, f := range families {
			for _, m := range f.Metric {
				labels := map[string]string{}
				for _, l := range m.Label {
					labels[l.GetName()] = l.GetValue()
				}
				if f.GetName() == "flowlake_requests_total" && labels["code"] == "InternalFailure" && labels["operation"] == "CreateLogGroup" && labels["service"] == "logs" {
					found = m.Counter.GetValue()
				}
			}
		}
		if found != 2 {
			t.Errorf("got %v internal failures, want 2, in %v", found, families)
		}
	})
}

func TestQueryClient(t *testing.T) {
	ctx := context.Background()
	y := serve(t, nil)
	client := sts.NewFromConfig(y.config())

	t.Run("GetCallerIdentity says who signed", func(t *testing.T) {
		out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatal(err)
		}
		if *out.Account != account || *out.Arn != "arn:aws:iam::"+account+":root" || *out.UserId != account {
			t.Errorf("got %s %s %s", *out.Account, *out.Arn, *out.UserId)
		}
	})
	t.Run("a presigned GetCallerIdentity works", func(t *testing.T) {
		signed, err := sts.NewPresignClient(client).PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatal(err)
		}
		request, _ := http.NewRequest(signed.Method, signed.URL, nil)
		request.Header = signed.SignedHeader
		response, err := http.DefaultClient.Do(request)
		if err != nil || response.StatusCode != 200 {
			t.Errorf("got %v, %v", response, err)
		}
	})
	t.Run("an action without a row is refused by name", func(t *testing.T) {
		_, err := client.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("ana")})
		if code(t, err) != "InvalidAction" || !strings.Contains(err.Error(), `flowlake does not implement "GetFederationToken"`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a session token that no session has is refused", func(t *testing.T) {
		config := y.config()
		config.Credentials = credentials.NewStaticCredentialsProvider(y.key.ID, y.key.Secret, "token")
		if _, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, nil); code(t, err) != "InvalidClientTokenId" {
			t.Errorf("got %v", err)
		}
		if _, err := logs.NewFromConfig(config).DescribeLogGroups(ctx, nil); code(t, err) != "UnrecognizedClientException" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a wrong secret and a wrong id are told apart", func(t *testing.T) {
		config := y.config()
		config.Credentials = credentials.NewStaticCredentialsProvider(y.key.ID, "wrong", "")
		if _, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, nil); code(t, err) != "SignatureDoesNotMatch" {
			t.Errorf("got %v", err)
		}
		config.Credentials = credentials.NewStaticCredentialsProvider("AKIAQQQQQQQQQQQQQQQQ", y.key.Secret, "")
		if _, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, nil); code(t, err) != "InvalidClientTokenId" {
			t.Errorf("got %v", err)
		}
	})
}

func TestRawClient(t *testing.T) {
	ctx := context.Background()
	y := serve(t, nil)
	client := s3.NewFromConfig(y.config(), func(o *s3.Options) { o.UsePathStyle = true })
	put := func(in *s3.PutObjectInput) error {
		in.Bucket, in.Body = aws.String("b"), strings.NewReader("content")
		_, err := client.PutObject(ctx, in)
		return err
	}

	for _, key := range []string{"plain", "a b/ü+%2F(~)*'!@:;,=&$#?", "x//y/../z", "日本"} {
		t.Run("the SDK's path is verified for key "+key, func(t *testing.T) {
			if err := put(&s3.PutObjectInput{Key: &key}); err != nil {
				t.Fatal(err)
			}
			if string(y.body) != "content" || y.call.Request.URL.Path != "/b/"+key {
				t.Errorf("got %q at %q", y.body, y.call.Request.URL.Path)
			}
		})
	}
	t.Run("the default checksum is verified and reported", func(t *testing.T) {
		if err := put(&s3.PutObjectInput{Key: aws.String("k")}); err != nil {
			t.Fatal(err)
		}
		if sums := y.call.Checksums(); sums["CRC32"] == "" || len(sums) != 1 {
			t.Errorf("got %v", sums)
		}
	})
	t.Run("headers in several lines reach the handler as they were signed", func(t *testing.T) {
		if err := put(&s3.PutObjectInput{Key: aws.String("k"), Metadata: map[string]string{"a": "1, 2"}}); err != nil {
			t.Fatal(err)
		}
		if got := y.call.Request.Header.Get("X-Amz-Meta-A"); got != "1, 2" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a header that the row does not name is refused by name", func(t *testing.T) {
		err := put(&s3.PutObjectInput{Key: aws.String("k"), ACL: "private"})
		if code(t, err) != "NotImplemented" || !strings.Contains(err.Error(), `flowlake does not support the header "x-amz-acl" of PutObject`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a fault is S3's", func(t *testing.T) {
		_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("missing")})
		if code(t, err) != "NoSuchKey" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an answer that cannot be finished is cut, not ended", func(t *testing.T) {
		out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("short")})
		if err == nil {
			_, err = out.Body.Read(make([]byte, 100))
			for err == nil {
				_, err = out.Body.Read(make([]byte, 100))
			}
			if err.Error() == "EOF" {
				t.Error("the client read half an answer as a whole one")
			}
		}
	})
	t.Run("presigned URLs work, with what the presigner moved into the query", func(t *testing.T) {
		presigner := s3.NewPresignClient(client)
		get, err := presigner.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("a b"), ChecksumMode: "ENABLED"})
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.Get(get.URL)
		if err != nil || response.StatusCode != 200 {
			t.Errorf("GET %s: got %v, %v", get.URL, response, err)
		}
		put, err := presigner.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), StorageClass: "STANDARD",
			Metadata: map[string]string{"a": "x y"}})
		if err != nil {
			t.Fatal(err)
		}
		request, _ := http.NewRequest("PUT", put.URL, strings.NewReader("by a browser"))
		maps.Copy(request.Header, put.SignedHeader)
		response, err = http.DefaultClient.Do(request)
		if err != nil || response.StatusCode != 200 || string(y.body) != "by a browser" {
			t.Fatalf("PUT %s: got %v, %v, %q", put.URL, response, err, y.body)
		}
		if h := y.call.Request.Header; h.Get("X-Amz-Meta-A") != "x y" || h.Get("X-Amz-Storage-Class") != "STANDARD" {
			t.Errorf("PUT %s: the handler sees %v", put.URL, h)
		}
	})
}

func TestCoverage(t *testing.T) {
	y := serve(t, nil)
	page := string(wire.Coverage([]wire.Service{y.logs(), y.s3()}))
	for _, want := range []string{"## Toy Logs", "### DescribeLogGroups", "- Permissions: `logs:DescribeLogGroups`", "- Recorded: `NextToken`",
		"- Refused: `AccountIdentifiers`, `IncludeLinkedAccounts`, `LogGroupNamePattern`", "- Honoured: `?versionId`, `x-amz-checksum-*`"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}
