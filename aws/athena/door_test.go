//go:build duckdb_arrow

package athena_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	door "flowlake/aws/athena"
	"flowlake/aws/wire"
)

func TestTheTableIsWhole(t *testing.T) {
	if err := wire.Check([]wire.Service{door.Service(nil)}); err != nil {
		t.Fatal(err)
	}
}

func TestWorkGroups(t *testing.T) {
	h := open(t, t.TempDir(), nil)
	ctx := t.Context()
	name := "team.a_b-1"
	get := func() *types.WorkGroup {
		t.Helper()
		out, err := h.GetWorkGroup(ctx, &api.GetWorkGroupInput{WorkGroup: &name})
		if err != nil {
			t.Fatal(err)
		}
		return out.WorkGroup
	}
	update := func(u types.WorkGroupConfigurationUpdates) error {
		_, err := h.UpdateWorkGroup(ctx, &api.UpdateWorkGroupInput{WorkGroup: &name, ConfigurationUpdates: &u})
		return err
	}

	t.Run("primary is there, with a place for results", func(t *testing.T) {
		out, err := h.GetWorkGroup(ctx, &api.GetWorkGroupInput{WorkGroup: aws.String("primary")})
		if err != nil || out.WorkGroup.State != "ENABLED" || *out.WorkGroup.Configuration.ResultConfiguration.OutputLocation != "s3://aws-athena-query-results-"+account+"-"+seoul+"/" {
			t.Errorf("got %+v, %v", out, err)
		}
	})
	t.Run("what is set is given back", func(t *testing.T) {
		before := time.Now().Add(-time.Second)
		_, err := h.CreateWorkGroup(ctx, &api.CreateWorkGroupInput{Name: &name, Description: aws.String("ours"),
			Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
			Configuration: &types.WorkGroupConfiguration{
				BytesScannedCutoffPerQuery: aws.Int64(10_000_000), EnforceWorkGroupConfiguration: aws.Bool(false), PublishCloudWatchMetricsEnabled: aws.Bool(false), RequesterPaysEnabled: aws.Bool(false),
				EngineVersion: &types.EngineVersion{SelectedEngineVersion: aws.String("Athena engine version 3")},
				ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://results/x"), ExpectedBucketOwner: aws.String(account),
					EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionOption: "SSE_S3"}, AclConfiguration: &types.AclConfiguration{S3AclOption: "BUCKET_OWNER_FULL_CONTROL"}},
			}})
		if err != nil {
			t.Fatal(err)
		}
		w := get()
		c := w.Configuration
		if *w.Name != name || *w.Description != "ours" || w.State != "ENABLED" || w.CreationTime.Before(before) ||
			*c.BytesScannedCutoffPerQuery != 10_000_000 || *c.EnforceWorkGroupConfiguration || *c.PublishCloudWatchMetricsEnabled || *c.RequesterPaysEnabled ||
			*c.EngineVersion.SelectedEngineVersion != "Athena engine version 3" || *c.EngineVersion.EffectiveEngineVersion != "Athena engine version 3" ||
			*c.ResultConfiguration.OutputLocation != "s3://results/x" || *c.ResultConfiguration.ExpectedBucketOwner != account ||
			c.ResultConfiguration.EncryptionConfiguration.EncryptionOption != "SSE_S3" || c.ResultConfiguration.AclConfiguration.S3AclOption != "BUCKET_OWNER_FULL_CONTROL" {
			t.Errorf("got %+v", w)
		}
	})
	t.Run("updates set and remove", func(t *testing.T) {
		if err := update(types.WorkGroupConfigurationUpdates{RemoveBytesScannedCutoffPerQuery: aws.Bool(true), EnforceWorkGroupConfiguration: aws.Bool(true),
			ResultConfigurationUpdates: &types.ResultConfigurationUpdates{OutputLocation: aws.String("s3://results/y/"), RemoveExpectedBucketOwner: aws.Bool(true),
				RemoveEncryptionConfiguration: aws.Bool(true), RemoveAclConfiguration: aws.Bool(true)}}); err != nil {
			t.Fatal(err)
		}
		c := get().Configuration
		if c.BytesScannedCutoffPerQuery != nil || !*c.EnforceWorkGroupConfiguration || *c.ResultConfiguration.OutputLocation != "s3://results/y/" || c.ResultConfiguration.ExpectedBucketOwner != nil ||
			c.ResultConfiguration.EncryptionConfiguration != nil || c.ResultConfiguration.AclConfiguration != nil || *c.PublishCloudWatchMetricsEnabled {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("an update that is refused changes nothing", func(t *testing.T) {
		before := get()
		for _, tt := range []struct {
			update types.WorkGroupConfigurationUpdates
			want   string
		}{
			{types.WorkGroupConfigurationUpdates{BytesScannedCutoffPerQuery: aws.Int64(9_999_999)}, "9999999 is less than 10000000 bytes"},
			{types.WorkGroupConfigurationUpdates{BytesScannedCutoffPerQuery: aws.Int64(0)}, "0 is less than"},
			{types.WorkGroupConfigurationUpdates{BytesScannedCutoffPerQuery: aws.Int64(20_000_000), RemoveBytesScannedCutoffPerQuery: aws.Bool(true)}, "cannot be set and removed at once"},
			{types.WorkGroupConfigurationUpdates{RequesterPaysEnabled: aws.Bool(true)}, "no requester-pays buckets"},
			{types.WorkGroupConfigurationUpdates{EngineVersion: &types.EngineVersion{SelectedEngineVersion: aws.String("Athena engine version 2")}}, "flowlake speaks Athena engine version 3"},
			{types.WorkGroupConfigurationUpdates{ResultConfigurationUpdates: &types.ResultConfigurationUpdates{OutputLocation: aws.String("results")}}, "outputLocation is not a valid S3 path"},
			{types.WorkGroupConfigurationUpdates{ResultConfigurationUpdates: &types.ResultConfigurationUpdates{ExpectedBucketOwner: aws.String("999999999999")}}, "owned by account 123456789012"},
			{types.WorkGroupConfigurationUpdates{ResultConfigurationUpdates: &types.ResultConfigurationUpdates{EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionOption: "SSE_KMS"}}}, "flowlake has no KMS"},
			{types.WorkGroupConfigurationUpdates{ResultConfigurationUpdates: &types.ResultConfigurationUpdates{EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionOption: "SSE_S3", KmsKey: aws.String("k")}}}, ""},
			{types.WorkGroupConfigurationUpdates{ExecutionRole: aws.String("arn:aws:iam::123456789012:role/x")}, "flowlake does not support the member"},
		} {
			tt.update.PublishCloudWatchMetricsEnabled = aws.Bool(true)
			code := "INVALID_INPUT"
			if strings.Contains(tt.want, "member") || tt.want == "" {
				code = "" // wire's own refusal
			}
			wantError(t, update(tt.update), "InvalidRequestException", code, tt.want)
		}
		if after := get(); fmt.Sprint(*after.Configuration.PublishCloudWatchMetricsEnabled, *after.Configuration.ResultConfiguration.OutputLocation) != fmt.Sprint(*before.Configuration.PublishCloudWatchMetricsEnabled, *before.Configuration.ResultConfiguration.OutputLocation) {
			t.Errorf("got %+v", after.Configuration)
		}
	})
	t.Run("names and duplicates", func(t *testing.T) {
		for _, bad := range []string{"a b", "a/b", strings.Repeat("x", 129), "é"} {
			_, err := h.CreateWorkGroup(ctx, &api.CreateWorkGroupInput{Name: &bad})
			wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "a name is 1 to 128 of letters")
		}
		for _, taken := range []string{name, "primary"} {
			_, err := h.CreateWorkGroup(ctx, &api.CreateWorkGroupInput{Name: &taken})
			wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "WorkGroup is already created")
		}
		_, err := h.GetWorkGroup(ctx, &api.GetWorkGroupInput{WorkGroup: aws.String("none")})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "WorkGroup is not found.")
		_, err = h.UpdateWorkGroup(ctx, &api.UpdateWorkGroupInput{WorkGroup: aws.String("none")})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "WorkGroup is not found.")
	})
	t.Run("lists page by name, primary among them", func(t *testing.T) {
		for _, n := range []string{"zulu", "alpha"} {
			if _, err := h.CreateWorkGroup(ctx, &api.CreateWorkGroupInput{Name: &n}); err != nil {
				t.Fatal(err)
			}
		}
		var names []string
		pages := api.NewListWorkGroupsPaginator(h.Client, &api.ListWorkGroupsInput{MaxResults: aws.Int32(1)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range page.WorkGroups {
				names = append(names, *w.Name)
			}
		}
		if got := strings.Join(names, " "); got != "alpha primary team.a_b-1 zulu" {
			t.Errorf("got %s", got)
		}
		_, err := h.ListWorkGroups(ctx, &api.ListWorkGroupsInput{NextToken: aws.String("a/b")})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "Malformed nextPageToken")
		_, err = h.CreateWorkGroup(ctx, &api.CreateWorkGroupInput{Name: aws.String("wordy"), Description: aws.String(strings.Repeat("é", 1025))})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "description: has 1025 characters")
		for _, n := range []int32{0, 51} {
			_, err := h.ListWorkGroups(ctx, &api.ListWorkGroupsInput{MaxResults: &n})
			wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "is not between 1 and 50")
		}
	})
	t.Run("tags", func(t *testing.T) {
		arn := "arn:aws:athena:" + seoul + ":" + account + ":workgroup/" + name
		if _, err := h.TagResource(ctx, &api.TagResourceInput{ResourceARN: &arn, Tags: []types.Tag{{Key: aws.String("stage"), Value: aws.String("dev")}, {Key: aws.String("team"), Value: aws.String("b")}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.UntagResource(ctx, &api.UntagResourceInput{ResourceARN: &arn, TagKeys: []string{"stage", "never"}}); err != nil {
			t.Fatal(err)
		}
		out, err := h.ListTagsForResource(ctx, &api.ListTagsForResourceInput{ResourceARN: &arn})
		if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "team" || *out.Tags[0].Value != "b" {
			t.Errorf("got %+v, %v", out, err)
		}
		for _, none := range []string{arn + "x", "arn:aws:athena:us-east-1:" + account + ":workgroup/" + name, "x"} {
			_, err := h.ListTagsForResource(ctx, &api.ListTagsForResourceInput{ResourceARN: &none})
			wantError(t, err, "ResourceNotFoundException", "", none)
		}
		var many []types.Tag
		for i := range 60 {
			many = append(many, types.Tag{Key: aws.String(fmt.Sprint(i)), Value: aws.String("")})
		}
		_, err = h.TagResource(ctx, &api.TagResourceInput{ResourceARN: &arn, Tags: many})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "50 at most are allowed")
	})
	t.Run("a disabled one takes no queries", func(t *testing.T) {
		if _, err := h.UpdateWorkGroup(ctx, &api.UpdateWorkGroupInput{WorkGroup: &name, State: types.WorkGroupStateDisabled}); err != nil {
			t.Fatal(err)
		}
		_, err := h.StartQueryExecution(ctx, &api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), WorkGroup: &name})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "workgroup team.a_b-1: is disabled")
	})
}

func TestWhereResultsGo(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for _, b := range []string{"group-results", "own-results"} {
		h.bucket(b)
	}
	make := func(name string, enforce bool, location string) {
		t.Helper()
		in := &api.CreateWorkGroupInput{Name: &name, Configuration: &types.WorkGroupConfiguration{EnforceWorkGroupConfiguration: &enforce}}
		if location != "" {
			in.Configuration.ResultConfiguration = &types.ResultConfiguration{OutputLocation: &location}
		}
		if _, err := h.CreateWorkGroup(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	make("enforced", true, "s3://group-results/a/")
	make("free", false, "s3://group-results")
	make("nowhere", false, "")
	sse := &types.EncryptionConfiguration{EncryptionOption: types.EncryptionOptionSseS3}
	for _, tt := range []struct {
		name, group string
		asked       *types.ResultConfiguration
		want, lock  string
	}{
		{"an enforced workgroup decides", "enforced", &types.ResultConfiguration{OutputLocation: aws.String("s3://own-results/"), EncryptionConfiguration: sse}, "s3://group-results/a/", ""},
		{"the client decides", "free", &types.ResultConfiguration{OutputLocation: aws.String("s3://own-results/b"), EncryptionConfiguration: sse, ExpectedBucketOwner: aws.String(account)}, "s3://own-results/b/", "AES256"},
		{"the workgroup's where the client names none", "free", nil, "s3://group-results/", ""},
		{"the workgroup's place in the client's way", "free", &types.ResultConfiguration{EncryptionConfiguration: sse}, "s3://group-results/", "AES256"},
		{"the client's where there is no other", "nowhere", &types.ResultConfiguration{OutputLocation: aws.String("s3://own-results")}, "s3://own-results/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := h.StartQueryExecution(ctx, &api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), WorkGroup: &tt.group, ResultConfiguration: tt.asked})
			if err != nil {
				t.Fatal(err)
			}
			e := h.wait(*out.QueryExecutionId)
			if got := *e.ResultConfiguration.OutputLocation; e.Status.State != "SUCCEEDED" || got != tt.want+*out.QueryExecutionId+".csv" {
				t.Fatalf("got %s %s", got, e.Status.State)
			}
			bucket, key, _ := strings.Cut(strings.TrimPrefix(*e.ResultConfiguration.OutputLocation, "s3://"), "/")
			if o, err := h.lake.Head(ctx, h.root, bucket, key); err != nil || o.Encryption != tt.lock {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
	_, err := h.StartQueryExecution(ctx, &api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), WorkGroup: aws.String("nowhere")})
	wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "No output location provided.")

	t.Run("a workgroup goes with its history only when that is asked", func(t *testing.T) {
		list, err := h.ListQueryExecutions(ctx, &api.ListQueryExecutionsInput{WorkGroup: aws.String("free")})
		if err != nil || len(list.QueryExecutionIds) != 3 {
			t.Fatalf("got %v, %v", list, err)
		}
		_, err = h.DeleteWorkGroup(ctx, &api.DeleteWorkGroupInput{WorkGroup: aws.String("free")})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "is not empty")
		if _, err := h.DeleteWorkGroup(ctx, &api.DeleteWorkGroupInput{WorkGroup: aws.String("free"), RecursiveDeleteOption: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
		_, err = h.GetQueryExecution(ctx, &api.GetQueryExecutionInput{QueryExecutionId: &list.QueryExecutionIds[0]})
		wantError(t, err, "InvalidRequestException", "QUERY_EXECUTION_NOT_FOUND", "QueryExecution "+list.QueryExecutionIds[0]+" was not found")
		_, err = h.ListQueryExecutions(ctx, &api.ListQueryExecutionsInput{WorkGroup: aws.String("free")})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "WorkGroup is not found.")
	})
}

func TestExecutions(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	var ids []string
	for i := range 5 {
		_, e := h.answer("default", fmt.Sprintf("SELECT %d AS n", i))
		ids = append([]string{*e.QueryExecutionId}, ids...)
	}
	t.Run("are listed from the newest on", func(t *testing.T) {
		var got []string
		pages := api.NewListQueryExecutionsPaginator(h.Client, &api.ListQueryExecutionsInput{MaxResults: aws.Int32(2)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.QueryExecutionIds...)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("got %v, want %v", got, ids)
		}
		for _, token := range []string{"x", "../other", "primary/", strings.Repeat("0", 500)} {
			_, err := h.ListQueryExecutions(ctx, &api.ListQueryExecutionsInput{NextToken: &token})
			wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "Malformed nextPageToken")
		}
	})
	t.Run("are told in a batch, as far as they are there", func(t *testing.T) {
		out, err := h.BatchGetQueryExecution(ctx, &api.BatchGetQueryExecutionInput{QueryExecutionIds: []string{ids[0], "none", ids[1]}})
		if err != nil || len(out.QueryExecutions) != 2 || *out.QueryExecutions[1].Query != "SELECT 3 AS n" || len(out.UnprocessedQueryExecutionIds) != 1 ||
			*out.UnprocessedQueryExecutionIds[0].QueryExecutionId != "none" || *out.UnprocessedQueryExecutionIds[0].ErrorCode != "QUERY_EXECUTION_NOT_FOUND" {
			t.Errorf("got %+v, %v", out, err)
		}
		_, err = h.BatchGetQueryExecution(ctx, &api.BatchGetQueryExecutionInput{QueryExecutionIds: []string{}})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "1 to 50 are taken")
	})
	t.Run("say what was asked as it was asked", func(t *testing.T) {
		out, err := h.StartQueryExecution(ctx, &api.StartQueryExecutionInput{QueryString: aws.String(" SHOW tables ;"), QueryExecutionContext: &types.QueryExecutionContext{Catalog: aws.String("AWSDataCatalog"), Database: aws.String("DeFault")}})
		if err != nil {
			t.Fatal(err)
		}
		e := h.wait(*out.QueryExecutionId)
		s := e.Statistics
		if *e.Query != " SHOW tables ;" || e.StatementType != "UTILITY" || *e.SubstatementType != "SHOW_TABLES" || *e.QueryExecutionContext.Database != "DeFault" || *e.QueryExecutionContext.Catalog != "awsdatacatalog" ||
			e.Status.State != "SUCCEEDED" || e.Status.CompletionDateTime.Before(*e.Status.SubmissionDateTime) || *s.TotalExecutionTimeInMillis < *s.QueryQueueTimeInMillis || s.ResultReuseInformation.ReusedPreviousResult ||
			*e.EngineVersion.EffectiveEngineVersion != "Athena engine version 3" || *e.WorkGroup != "primary" {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("a token is answered with one execution, whoever comes first", func(t *testing.T) {
		token := strings.Repeat("k", 40)
		in := api.StartQueryExecutionInput{QueryString: aws.String("SELECT 7"), ClientRequestToken: &token}
		var mu sync.Mutex
		got := map[string]bool{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				out, err := h.StartQueryExecution(ctx, &in)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got[*out.QueryExecutionId] = true
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("got %v", slices.Collect(maps.Keys(got)))
		}
		for name, other := range map[string]api.StartQueryExecutionInput{
			"text":     {QueryString: aws.String("SELECT 8")},
			"database": {QueryString: in.QueryString, QueryExecutionContext: &types.QueryExecutionContext{Database: aws.String("default")}},
			"location": {QueryString: in.QueryString, ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://other-place")}},
		} {
			other.ClientRequestToken = &token
			_, err := h.StartQueryExecution(ctx, &other)
			if wantError(t, err, "InvalidRequestException", "IDEMPOTENT_PARAMETER_MISMATCH", "Idempotent parameters do not match"); t.Failed() {
				t.Fatal(name)
			}
		}
		if out, err := h.in("us-east-1").StartQueryExecution(ctx, &in); err != nil || got[*out.QueryExecutionId] {
			t.Errorf("another region has its own tokens: %v", err)
		}
	})
}

func TestBadInput(t *testing.T) {
	h := open(t, t.TempDir(), nil)
	ctx := t.Context()
	for _, tt := range []struct {
		name string
		in   api.StartQueryExecutionInput
		code string
		want string
	}{
		{"an empty statement", api.StartQueryExecutionInput{QueryString: aws.String("")}, "", "'QueryString' failed to satisfy constraint"},
		{"no statement", api.StartQueryExecutionInput{QueryString: aws.String(" -- nothing")}, "MALFORMED_QUERY", "line 1:12: mismatched input '<EOF>'. Expecting: 'ALTER', 'CREATE'"},
		{"a word that begins nothing", api.StartQueryExecutionInput{QueryString: aws.String("SELEC 1")}, "MALFORMED_QUERY", "line 1:1: mismatched input 'SELEC'. Expecting: "},
		{"two statements", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1; SELECT 2")}, "MALFORMED_QUERY", "line 1:11: "},
		{"what is not done", api.StartQueryExecutionInput{QueryString: aws.String("INSERT INTO t VALUES (1)")}, "MALFORMED_QUERY", "line 1:1: INSERT INTO is not supported"},
		{"a column twice", api.StartQueryExecutionInput{QueryString: aws.String("CREATE EXTERNAL TABLE v (a int, A int) LOCATION 's3://data/v/'")}, "MALFORMED_QUERY", "the column A is given twice"},
		{"four parts", api.StartQueryExecutionInput{QueryString: aws.String("DROP TABLE a.b.c.d")}, "MALFORMED_QUERY", "too many parts in the name"},
		{"too long a statement", api.StartQueryExecutionInput{QueryString: aws.String("SELECT '" + strings.Repeat("x", 262_144) + "'")}, "INVALID_INPUT", "is longer than 262144 bytes"},
		{"a short token", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), ClientRequestToken: aws.String("short")}, "INVALID_INPUT", "client request token: has 5 characters"},
		{"a long token", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), ClientRequestToken: aws.String(strings.Repeat("é", 65))}, "INVALID_INPUT", "client request token: has 130 bytes"},
		{"a catalog that is not there", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), QueryExecutionContext: &types.QueryExecutionContext{Catalog: aws.String("hive")}}, "DATACATALOG_NOT_FOUND", "data catalog hive: does not exist"},
		{"a workgroup that is not there", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), WorkGroup: aws.String("none")}, "INVALID_INPUT", "WorkGroup is not found."},
		{"a location that is none", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("/tmp")}}, "INVALID_INPUT", "outputLocation is not a valid S3 path"},
		{"KMS", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), ResultConfiguration: &types.ResultConfiguration{EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionOption: "SSE_KMS"}}}, "INVALID_INPUT", "flowlake has no KMS"},
		{"another owner", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), ResultConfiguration: &types.ResultConfiguration{ExpectedBucketOwner: aws.String("111111111111")}}, "INVALID_INPUT", "expected bucket owner 111111111111"},
		{"an ACL that is none", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), ResultConfiguration: &types.ResultConfiguration{AclConfiguration: &types.AclConfiguration{S3AclOption: "PUBLIC"}}}, "", "PUBLIC"},
		{"parameters", api.StartQueryExecutionInput{QueryString: aws.String("SELECT ?"), ExecutionParameters: []string{"1"}}, "", `flowlake does not support the member "ExecutionParameters" of StartQueryExecution`},
		{"reuse of results", api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), ResultReuseConfiguration: &types.ResultReuseConfiguration{ResultReuseByAgeConfiguration: &types.ResultReuseByAgeConfiguration{Enabled: true}}}, "INVALID_INPUT", "flowlake does not reuse results"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.StartQueryExecution(ctx, &tt.in)
			wantError(t, err, "InvalidRequestException", tt.code, tt.want)
		})
	}
	for name, call := range map[string]func(id *string) error{
		"GetQueryExecution": func(id *string) error {
			_, err := h.GetQueryExecution(ctx, &api.GetQueryExecutionInput{QueryExecutionId: id})
			return err
		},
		"GetQueryResults": func(id *string) error {
			_, err := h.GetQueryResults(ctx, &api.GetQueryResultsInput{QueryExecutionId: id})
			return err
		},
		"StopQueryExecution": func(id *string) error {
			_, err := h.StopQueryExecution(ctx, &api.StopQueryExecutionInput{QueryExecutionId: id})
			return err
		},
	} {
		t.Run(name+" of an id that is none", func(t *testing.T) {
			for _, id := range []string{"none", "6b3f2cb0-0000-4000-8000-000000000000", "a/b"} {
				wantError(t, call(&id), "InvalidRequestException", "QUERY_EXECUTION_NOT_FOUND", "QueryExecution "+id+" was not found")
			}
		})
	}
	if out, err := h.ListQueryExecutions(ctx, &api.ListQueryExecutionsInput{}); err != nil || len(out.QueryExecutionIds) != 0 {
		t.Errorf("something was accepted: %v, %v", out, err)
	}
}

func TestMetadata(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	cat := aws.String("AwsDataCatalog")
	h.do("default", "CREATE DATABASE logs COMMENT 'all logs'",
		"CREATE EXTERNAL TABLE logs.a (n int COMMENT 'a number') PARTITIONED BY (day string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION 's3://data/a/'",
		"CREATE EXTERNAL TABLE logs.b (n int) LOCATION 's3://data/b/'", "CREATE VIEW logs.v AS SELECT 1 AS one")
	if out, err := h.ListDataCatalogs(ctx, &api.ListDataCatalogsInput{}); err != nil || len(out.DataCatalogsSummary) != 1 || *out.DataCatalogsSummary[0].CatalogName != *cat || out.DataCatalogsSummary[0].Type != "GLUE" {
		t.Errorf("got %+v, %v", out, err)
	}
	if out, err := h.GetDataCatalog(ctx, &api.GetDataCatalogInput{Name: aws.String("awsdatacatalog")}); err != nil || *out.DataCatalog.Name != *cat || out.DataCatalog.Parameters["catalog-id"] != account {
		t.Errorf("got %+v, %v", out, err)
	}
	first, err := h.ListDatabases(ctx, &api.ListDatabasesInput{CatalogName: cat, MaxResults: aws.Int32(1)})
	if err != nil || len(first.DatabaseList) != 1 || *first.DatabaseList[0].Name != "default" || first.NextToken == nil {
		t.Fatalf("got %+v, %v", first, err)
	}
	rest, err := h.ListDatabases(ctx, &api.ListDatabasesInput{CatalogName: cat, NextToken: first.NextToken})
	if err != nil || len(rest.DatabaseList) != 1 || *rest.DatabaseList[0].Description != "all logs" || rest.NextToken != nil {
		t.Errorf("got %+v, %v", rest, err)
	}
	if out, err := h.GetDatabase(ctx, &api.GetDatabaseInput{CatalogName: cat, DatabaseName: aws.String("LOGS")}); err != nil || *out.Database.Name != "logs" {
		t.Errorf("got %+v, %v", out, err)
	}
	var names []string
	pages := api.NewListTableMetadataPaginator(h.Client, &api.ListTableMetadataInput{CatalogName: cat, DatabaseName: aws.String("logs"), Expression: aws.String("a|v"), MaxResults: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.TableMetadataList {
			names = append(names, *m.Name+" "+*m.TableType)
		}
	}
	if got := strings.Join(names, ", "); got != "a EXTERNAL_TABLE, v VIRTUAL_VIEW" {
		t.Errorf("got %s", got)
	}
	one, err := h.GetTableMetadata(ctx, &api.GetTableMetadataInput{CatalogName: cat, DatabaseName: aws.String("logs"), TableName: aws.String("a")})
	if err != nil {
		t.Fatal(err)
	}
	m := one.TableMetadata
	if *m.Columns[0].Name != "n" || *m.Columns[0].Type != "int" || *m.Columns[0].Comment != "a number" || *m.PartitionKeys[0].Name != "day" ||
		m.Parameters["location"] != "s3://data/a/" || m.Parameters["serde.param.field.delim"] != " " || m.Parameters["EXTERNAL"] != "TRUE" || m.Parameters["inputformat"] == "" {
		t.Errorf("got %+v", m)
	}
	_, err = h.GetTableMetadata(ctx, &api.GetTableMetadataInput{CatalogName: cat, DatabaseName: aws.String("logs"), TableName: aws.String("x")})
	wantError(t, err, "MetadataException", "", "table logs.x: not found")
	_, err = h.GetDatabase(ctx, &api.GetDatabaseInput{CatalogName: cat, DatabaseName: aws.String("x")})
	wantError(t, err, "MetadataException", "", "database x: not found")
	_, err = h.ListDatabases(ctx, &api.ListDatabasesInput{CatalogName: aws.String("other")})
	wantError(t, err, "InvalidRequestException", "DATACATALOG_NOT_FOUND", "data catalog other: does not exist")
	_, err = h.ListTableMetadata(ctx, &api.ListTableMetadataInput{CatalogName: cat, DatabaseName: aws.String("logs"), Expression: aws.String("(")})
	wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "is not a regular expression")
}
