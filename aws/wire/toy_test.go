package wire_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/aws/sts"
	"flowlake/aws/wire"
	"flowlake/fault"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/prometheus/client_golang/prometheus"
)

const account = "123456789012"

// toy is a server with a JSON service, a Query service and an S3-like one, none of which stores anything.
type toy struct {
	*httptest.Server
	key      access.Key
	registry *prometheus.Registry
	log      *logged
	server   *wire.Server

	described *logs.DescribeLogGroupsInput // what the last call brought
	caller    access.Caller
	body      []byte // of the last raw call
	call      *wire.Call
}

// logged is a log that is read while it is written.
type logged struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serve starts a toy whose clock shows now; the zero time is the real one.
func serve(t *testing.T, now func() time.Time) *toy {
	t.Helper()
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "config", "credentials"), account)
	if err != nil {
		t.Fatal(err)
	}
	y := &toy{key: keys.Root(), registry: prometheus.NewRegistry(), log: &logged{}}
	y.server, err = wire.New(wire.Config{
		Keys: keys, Guard: access.NewGuard(account), Registry: y.registry, Now: now,
		Log: slog.New(slog.NewTextHandler(y.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, []wire.Service{sts.Service(nil, nil), y.logs(), y.s3()})
	if err != nil {
		t.Fatal(err)
	}
	y.Server = httptest.NewServer(y.server)
	t.Cleanup(y.Close)
	return y
}

func (y *toy) logs() wire.Service {
	return wire.Service{
		Name: "logs", Title: "Toy Logs", Protocol: wire.JSON11, Target: "Logs_20140328.", LowerCamel: true,
		Names: map[string]string{"DestinationNamePrefix": "DestinationNamePrefix"},
		Faults: []wire.FaultRule{
			{Kind: fault.NotFound, Code: "ResourceNotFoundException", Message: "The specified log group does not exist."},
			{Kind: fault.Invalid, Code: "InvalidParameterException"},
			{Kind: fault.Unsupported, Code: "InvalidParameterException"},
		},
		Operations: []wire.Operation{
			wire.Op("DescribeLogGroups", wire.Row[logs.DescribeLogGroupsInput]{
				Permissions: []wire.Permission[logs.DescribeLogGroupsInput]{{Action: "logs:DescribeLogGroups"}},
				Honoured:    []string{"LogGroupNamePrefix", "Limit", "LogGroupClass", "LogGroupIdentifiers"},
				Recorded:    []string{"NextToken"},
			}, func(_ context.Context, c access.Caller, in *logs.DescribeLogGroupsInput) (*logs.DescribeLogGroupsOutput, error) {
				y.described, y.caller = in, c
				return &logs.DescribeLogGroupsOutput{LogGroups: []types.LogGroup{{
					LogGroupName: in.LogGroupNamePrefix, RetentionInDays: in.Limit, CreationTime: aws.Int64(1700000000123), LogGroupClass: in.LogGroupClass,
				}}}, nil
			}),
			wire.Op("CreateLogGroup", wire.Row[logs.CreateLogGroupInput]{
				Permissions: []wire.Permission[logs.CreateLogGroupInput]{{Action: "logs:CreateLogGroup",
					Resource: func(c access.Caller, in *logs.CreateLogGroupInput) string {
						return c.ARN("logs", "log-group:"+*in.LogGroupName)
					}}},
				Honoured: []string{"LogGroupName", "Tags"},
				Required: []string{"LogGroupName"},
				MaxBody:  4096,
			}, func(ctx context.Context, _ access.Caller, in *logs.CreateLogGroupInput) (*logs.CreateLogGroupOutput, error) {
				switch *in.LogGroupName {
				case "missing":
					return nil, fault.Newf(fault.NotFound, "log group missing", "no such group")
				case "broken":
					return nil, errors.New("secret detail")
				case "panic":
					panic("secret panic")
				case "slow":
					<-ctx.Done()
					return nil, ctx.Err()
				case "coded":
					return nil, &wire.Error{Code: "OddException", Message: "odd", Fields: map[string]string{"athenaErrorCode": "X"}}
				}
				return nil, nil
			}),
			wire.Op("DescribeDestinations", wire.Row[logs.DescribeDestinationsInput]{
				Permissions: []wire.Permission[logs.DescribeDestinationsInput]{{Action: "logs:DescribeDestinations"}},
				Honoured:    []string{"DestinationNamePrefix"},
			}, func(_ context.Context, _ access.Caller, in *logs.DescribeDestinationsInput) (*logs.DescribeDestinationsOutput, error) {
				return &logs.DescribeDestinationsOutput{Destinations: []types.Destination{{DestinationName: in.DestinationNamePrefix}}}, nil
			}),
		},
	}
}

func (y *toy) s3() wire.Service {
	return wire.Service{
		Name: "s3", Title: "Toy S3", Protocol: wire.RestXML,
		Route: func(r *http.Request) (string, bool) {
			switch r.Method {
			case http.MethodPut:
				return "PutObject", true
			case http.MethodGet:
				return "GetObject", true
			}
			return "", false
		},
		Operations: []wire.Operation{
			wire.Raw("PutObject", wire.RawRow{
				Permissions: []wire.RawPermission{{Action: "s3:PutObject", Resource: func(call *wire.Call) string {
					return "arn:aws:s3:::" + strings.TrimPrefix(call.Request.URL.Path, "/")
				}}},
				Honoured: []string{"x-amz-meta-*", "x-amz-checksum-*", "x-amz-storage-class", "?versionId"},
				MaxBody:  wire.Unlimited,
			}, func(_ context.Context, call *wire.Call) (err error) {
				y.call = call
				if y.body, err = io.ReadAll(call.Body); err != nil {
					return fault.Newf(fault.Unavailable, "object", "read: %w", err)
				}
				call.Writer.Header().Set("ETag", `"x"`)
				return nil
			}),
			wire.Raw("GetObject", wire.RawRow{
				Permissions: []wire.RawPermission{{Action: "s3:GetObject"}},
				Honoured:    []string{"?prefix", "?list-type", "?max-keys", "?lifecycle", "range", "x-amz-checksum-mode"},
			}, func(_ context.Context, call *wire.Call) error {
				switch call.Request.URL.Path {
				case "/b/missing":
					return fault.Newf(fault.NotFound, "object missing", "no such object")
				case "/b/short":
					_, _ = io.WriteString(call.Writer, "half")
					return errors.New("disk gone")
				}
				_, err := io.WriteString(call.Writer, "content")
				return err
			}),
		},
	}
}

// config is what an SDK client of the toy is made with.
func (y *toy) config() aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(y.URL), RetryMaxAttempts: 1,
		// As loaded configurations have it.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
		Credentials: credentials.NewStaticCredentialsProvider(y.key.ID, y.key.Secret, ""),
	}
}
