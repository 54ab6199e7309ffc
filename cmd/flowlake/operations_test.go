package main

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// clients are the official SDK's, of one server process.
type clients struct {
	*process
	logs   *cloudwatchlogs.Client
	s3     *s3.Client
	glue   *glue.Client
	athena *athena.Client
	sts    *sts.Client
	ec2    *ec2.Client
}

func (p *process) clients(region string) *clients {
	cfg := p.config(region)
	// What a configuration has that was loaded in the usual way.
	cfg.RequestChecksumCalculation, cfg.ResponseChecksumValidation = aws.RequestChecksumCalculationWhenSupported, aws.ResponseChecksumValidationWhenSupported
	return &clients{
		process: p, logs: cloudwatchlogs.NewFromConfig(cfg), glue: glue.NewFromConfig(cfg), athena: athena.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg), ec2: ec2.NewFromConfig(cfg),
		s3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
	}
}

// env is what a flowlake command needs to find the server.
func (p *process) env(t testing.TB, more ...string) []string {
	return cleanEnv(t.TempDir(), append([]string{"FLOWLAKE_DATA=" + p.data}, more...)...)
}

// TestOperations calls every operation of the registry through the official SDK, against one server process. Its
// end asks the server's own count which of them was answered with success: an operation cannot be added
// without a call here.
func TestOperations(t *testing.T) {
	p := launch(t, t.TempDir())
	c := p.clients("")
	parts := []struct {
		name string
		test func(*testing.T, *clients)
	}{
		{"sts", testSTS}, {"sts sessions", testSTSSessions}, {"iam users", testIAMUsers}, {"iam roles", testIAMRoles}, {"iam account", testIAMAccount}, {"logs", testLogs}, {"log filters", testLogFilters}, {"live tail", testLiveTail}, {"export", testExport}, {"s3 buckets", testBuckets}, {"s3 bucket documents", testBucketDocuments}, {"s3 objects", testObjects}, {"s3 multipart", testMultipart},
		{"glue databases", testDatabases}, {"glue tables", testTables}, {"glue partitions", testPartitions}, {"glue statistics", testStatistics},
		{"lake formation", testLakeFormation}, {"glue classifiers", testClassifiers}, {"glue crawlers", testCrawlers},
		{"athena workgroups", testWorkgroups}, {"athena queries", testQueries}, {"athena metadata", testMetadata}, {"ec2 networks", testNetworks}, {"ec2 flow logs", testFlowLogs}, {"compaction", testCompact}, {"firehose streams", testFirehoseStreams}, {"firehose flows", testFirehoseFlows}, {"move", testMove}, {"access", testAccess}, {"flowlake", testOwn},
	}
	ran := 0
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			ran++
			part.test(t, c)
		})
	}
	t.Run("none is untested", func(t *testing.T) {
		if ran < len(parts) {
			t.Skip("only some parts ran")
		}
		answered := c.answered()
		for _, s := range services(rooms{}) {
			for _, op := range s.Operations {
				if name := s.Name + " " + op.Name; !slices.Contains(answered, name) && !slices.Contains(neverAnswered, name) {
					t.Errorf("%s %s was never answered with success: call it in the test of its part", s.Name, op.Name)
				}
			}
		}
	})
	if t.Failed() {
		t.Log(p.stderr)
	}
}

// neverAnswered are operations on what nothing can make here: the true answer is always that it is not there.
var neverAnswered = []string{"iam GetLoginProfile", "iam DeleteLoginProfile"}

var answeredLine = regexp.MustCompile(`(?m)^flowlake_requests_total\{code="OK",operation="([^"]+)",service="([^"]+)"\}`)

// answered lists "service operation" of all that the server has answered with success. It counts an answer
// once it is written, which a client may see a moment before.
func (c *clients) answered() (out []string) {
	time.Sleep(50 * time.Millisecond)
	_, text := c.get("/_flowlake/metrics")
	for _, m := range answeredLine.FindAllStringSubmatch(text, -1) {
		out = append(out, m[2]+" "+m[1])
	}
	return out
}

// refused checks that err is the service's error with a code, and that its message names the thing.
func refused(t testing.TB, err error, code, names string) {
	t.Helper()
	var api smithy.APIError
	switch {
	case !errors.As(err, &api):
		t.Errorf("got %v, want %s", err, code)
	case api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), names):
		t.Errorf("got %s: %s; want %s, which names %q", api.ErrorCode(), api.ErrorMessage(), code, names)
	}
}

// typed checks that the SDK knows the error as one of the service's own.
func typed[E error](t testing.TB, err error) {
	t.Helper()
	if _, ok := errors.AsType[E](err); !ok {
		t.Errorf("got %T (%v), want %T", err, err, *new(E))
	}
}

// ok ends the test when a call that the rest stands on has failed.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until asks again until done, for half a minute.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 30 s", what)
		}
	}
}

func str(p *string) string { return aws.ToString(p) }

func testSTS(t *testing.T, c *clients) {
	out, err := c.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	ok(t, err)
	if str(out.Account) != defaultAccount || str(out.Arn) != "arn:aws:iam::"+defaultAccount+":root" || str(out.UserId) != defaultAccount {
		t.Errorf("got %s, %s, %s", str(out.Account), str(out.Arn), str(out.UserId))
	}
	stranger := c.config("")
	stranger.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, nil
	})
	_, err = sts.NewFromConfig(stranger).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	refused(t, err, "InvalidClientTokenId", "")
	forged := c.config("")
	key, err := forged.Credentials.Retrieve(t.Context())
	ok(t, err)
	forged.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: "another"}, nil
	})
	_, err = sts.NewFromConfig(forged).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	refused(t, err, "SignatureDoesNotMatch", "")
}

// testOwn calls flowlake's own operations through the commands that do.
func testOwn(t *testing.T, c *clients) {
	out, errs, code := runCommand(t, c.env(t), "", "verify")
	if code != 0 || !strings.HasPrefix(out, "whole: all log events, ") {
		t.Errorf("verify: exit %d, %q, %q", code, out, errs)
	}
	out, errs, code = runCommand(t, c.env(t), "", "verify", "--sums=false", "--region", "nowhere")
	if code != exitFailed || out != "" || !strings.Contains(errs, "flowlake: ") {
		t.Errorf("verify signed for a region that is none: exit %d, %q, %q", code, out, errs)
	}
}
