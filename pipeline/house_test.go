package pipeline_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/access/audit"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/catalog"
	"flowlake/catalog/compact"
	"flowlake/catalog/crawler"
	"flowlake/delivery"
	"flowlake/delivery/destination"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/pipeline"
	"flowlake/query"
	"flowlake/state"
	"flowlake/vpc"
)

var update = flag.Bool("update", false, "rewrite golden files")

const account, region = "123456789012", "us-east-1"

var root = access.Root(account, region)

// house is every room that a map looks at.
type house struct {
	pipeline.Rooms
	t     *testing.T
	ctx   context.Context
	audit string // folder of the log
	run   []func(context.Context) error
	stop  func()

	flowLog vpc.FlowLog
	eni     string
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(access.Explain(err))
		}
		return v
	}
}

func (h *house) do(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(access.Explain(err))
	}
}

// noEngine runs no query: all that is asked before it does is asked.
type noEngine struct{}

func (noEngine) Run(context.Context, query.Job) (query.Result, error) {
	return query.Result{}, fault.Newf(fault.Invalid, "engine", "there is none")
}

func open(t *testing.T) *house {
	t.Helper()
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	h := &house{t: t, ctx: t.Context(), audit: filepath.Join(dir, "audit")}
	trail := must(audit.Open(audit.Config{Dir: h.audit, Log: quiet}))(t)
	st := must(state.Open(filepath.Join(dir, "state")))(t)
	seal := must(identity.OpenSeal(filepath.Join(dir, "config", "key")))(t)
	h.Identities = must(identity.Open(st, account, seal, quiet))(t)
	h.Guard = access.OpenGuard(access.GuardConfig{Account: account, Identities: h.Identities, Audit: trail, Log: quiet})
	h.Lake = must(lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, h.Guard, quiet))(t)
	h.Logs = must(logs.Open(logs.Config{Dir: filepath.Join(dir, "logs")}, st, h.Lake, h.Guard, quiet))(t)
	h.Catalog = catalog.Open(st, h.Guard, quiet)
	h.Formation = formation.Open(st, h.Guard, quiet)
	h.Formation.SetIdentities(h.Identities)
	h.Catalog.SetFormation(h.Formation)
	h.Crawlers = crawler.New(crawler.Config{}, st, h.Catalog, h.Lake, h.Guard, quiet)
	h.Delivery = must(delivery.Open(delivery.Config{Dir: filepath.Join(dir, "delivery"), Scratch: filepath.Join(dir, "scratch")}, st, h.Lake, h.Logs, h.Catalog, h.Guard, quiet))(t)
	h.Delivery.Handle(delivery.KindFirehose, destination.New(h.Catalog, h.Guard, false, quiet))
	h.Logs.SetDestinations(h.Delivery)
	h.VPC = must(vpc.Open(vpc.Config{PublishEvery: time.Millisecond}, st, h.Lake, h.Logs, h.Delivery, h.Guard, quiet))(t)
	cfg := query.Default()
	cfg.Scratch = filepath.Join(dir, "scratch", "query")
	h.Queries = must(query.New(cfg, st, h.Catalog, h.Lake, noEngine{}, h.Guard, quiet))(t)
	h.Queries.SetFormation(h.Formation)
	h.AuditBucket = "trail"
	h.run = []func(context.Context) error{h.Logs.Run, h.Delivery.Run, h.VPC.Run, h.Crawlers.Run, h.Queries.Run}
	h.stop = func() {}
	t.Cleanup(func() {
		h.stop()
		for _, c := range []io.Closer{h.Delivery, h.Logs, h.Lake, st, trail} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return h
}

// work starts the rooms' background work, until stop.
func (h *house) work() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, len(h.run))
	for _, run := range h.run {
		go func() { done <- run(ctx) }()
	}
	h.stop = func() {
		cancel()
		for range h.run {
			if err := <-done; err != nil {
				h.t.Error(err)
			}
		}
		h.stop = func() {}
	}
}

func trusts(service, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"Service","Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"` + condition + `}]}`
}

// role makes a role with one inline policy, "may".
func (h *house) role(name, trust, statements string) string {
	h.t.Helper()
	made := must(h.Identities.Create(h.ctx, identity.Role, identity.New{Name: name, Trust: trust}))(h.t)
	h.let(identity.Role, name, statements)
	return made.ARN
}

func (h *house) user(name, statements string) access.Caller {
	h.t.Helper()
	made := must(h.Identities.Create(h.ctx, identity.User, identity.New{Name: name}))(h.t)
	h.let(identity.User, name, statements)
	return must(h.Guard.CallerOf(h.ctx, made.ARN, region))(h.t)
}

func (h *house) let(kind identity.Kind, name, statements string) {
	h.t.Helper()
	h.do(h.Identities.PutInline(h.ctx, kind, name, "may", `{"Version":"2012-10-17","Statement":[`+statements+`]}`))
}

func allow(sid, actions, resources string) string {
	quoted := func(list string) string { return `["` + strings.ReplaceAll(list, " ", `","`) + `"]` }
	return `{"Sid":"` + sid + `","Effect":"Allow","Action":` + quoted(actions) + `,"Resource":` + quoted(resources) + `}`
}

func bucketPolicy(service, bucket, prefix string) string {
	return `{"Version":"2012-10-17","Statement":[
	 {"Sid":"Acl","Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::` + bucket + `"},
	 {"Sid":"Write","Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::` + bucket + `/` + prefix + `*",
	  "Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}]}`
}

// fixed is a pipeline with a part of each kind, and each with all that it needs.
func fixed(t *testing.T) *house {
	t.Helper()
	h := open(t)
	for _, b := range []string{"lake", "exports", "results", "trail"} {
		h.do(h.Lake.CreateBucket(h.ctx, root, b))
	}
	h.do(h.Lake.PutBucketPolicy(h.ctx, root, "exports", bucketPolicy("logs.us-east-1.amazonaws.com", "exports", "web/")))
	h.do(h.Lake.PutBucketPolicy(h.ctx, root, "trail", bucketPolicy("cloudtrail.amazonaws.com", "trail", "AWSLogs/")))
	h.do(h.Logs.CreateGroup(h.ctx, root, "web", nil))
	h.do(h.Logs.CreateStream(h.ctx, root, "web", "one"))
	flowlogs := h.role("flowlogs", trusts("vpc-flow-logs.amazonaws.com", `,"Condition":{"StringEquals":{"aws:SourceAccount":"`+account+`"}}`),
		allow("Logs", "logs:CreateLogStream logs:PutLogEvents logs:DescribeLogGroups logs:DescribeLogStreams", "arn:aws:logs:us-east-1:"+account+":log-group:web:*"))
	firehose := h.role("firehose", trusts("firehose.amazonaws.com", `,"Condition":{"StringEquals":{"sts:ExternalId":"`+account+`"}}`),
		allow("Write", "s3:PutObject", "arn:aws:s3:::lake/*")+","+allow("Table", "glue:GetTable glue:GetTableVersions glue:GetPartition glue:BatchCreatePartition", "*"))
	sender := h.role("sender", trusts("logs.us-east-1.amazonaws.com", ""), allow("Put", "firehose:PutRecord", "*"))
	crawls := h.role("crawler", trusts("glue.amazonaws.com", ""), allow("Glue", "glue:*", "*")+","+allow("Read", "s3:GetObject s3:ListBucket", "arn:aws:s3:::lake arn:aws:s3:::lake/raw/*"))
	reads := h.role("reads", trusts("lakeformation.amazonaws.com", ""), allow("Lake", "s3:GetObject s3:ListBucket", "arn:aws:s3:::lake arn:aws:s3:::lake/*"))
	h.user("ana", allow("Ask", "athena:StartQueryExecution athena:GetQueryExecution athena:GetQueryResults", "*")+","+
		allow("Table", "glue:GetTable glue:GetPartitions lakeformation:GetDataAccess", "*")+","+allow("Results", "s3:PutObject s3:GetObject s3:GetBucketLocation", "arn:aws:s3:::results arn:aws:s3:::results/*"))
	h.do(h.Queries.UpdateWorkgroup(h.ctx, root, query.PrimaryWorkgroup, func(w *query.Workgroup) error { w.Output.Location = "s3://results/"; return nil }))

	h.do(h.Formation.PutSettings(h.ctx, root, formation.Settings{}))
	h.do(h.Formation.Register(h.ctx, root, "arn:aws:s3:::lake/flows", reads))
	h.do(h.Catalog.CreateDatabase(h.ctx, root, catalog.Database{Name: "vpc"}))
	must(h.Catalog.CreateTable(h.ctx, root, catalog.Table{Database: "vpc", Name: "flows", Kind: catalog.ExternalTable,
		Parameters: map[string]string{compact.ParameterOn: "true"},
		Storage: catalog.Storage{Location: "s3://lake/flows/", InputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
			OutputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat", SerDe: catalog.SerDe{Library: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
			Columns: []catalog.Column{{Name: "src", Type: "string"}, {Name: "dst", Type: "string"}, {Name: "bytes", Type: "bigint"}}},
		PartitionKeys: []catalog.Column{{Name: "day", Type: "string"}}}))(t)
	h.grant(crawls, formation.InDatabase("vpc"), formation.CreateTable)
	h.grant(firehose, formation.OnTable("vpc", "flows"), formation.Insert)
	h.grant("arn:aws:iam::"+account+":user/ana", formation.Resource{Kind: formation.OfColumns, Database: "vpc", Table: "flows", Columns: []string{"src", "bytes", "day"}}, formation.Select)

	network := must(h.VPC.CreateVPC(h.ctx, root, vpc.VPCInput{CIDR: "10.0.0.0/16"}))(t)
	subnet := must(h.VPC.CreateSubnet(h.ctx, root, vpc.SubnetInput{VPC: network.ID, CIDR: "10.0.1.0/24"}))(t)
	h.eni = must(h.VPC.CreateInterface(h.ctx, root, vpc.InterfaceInput{Subnet: subnet.ID}))(t).ID
	for _, in := range []vpc.FlowLogInput{{Group: "web", Role: flowlogs}, {Type: vpc.ToS3, Destination: "arn:aws:s3:::lake/raw"}} {
		in.Resources, in.ResourceType, in.Traffic = []string{subnet.ID}, "Subnet", "ALL"
		made, failed, err := h.VPC.CreateFlowLogs(h.ctx, root, in)
		if h.do(err); len(failed) > 0 {
			t.Fatal(failed[0].Err)
		}
		if in.Role != "" {
			h.flowLog = made[0]
		}
	}
	settings := must(json.Marshal(destination.Settings{Extended: true, S3: destination.S3{BucketARN: "arn:aws:s3:::lake", RoleARN: firehose, Prefix: "flows/day=!{timestamp:yyyy-MM-dd}/", ErrorPrefix: "failed/!{firehose:error-output-type}/"},
		BackupMode: destination.BackupEnabled, Backup: &destination.S3{BucketARN: "arn:aws:s3:::lake", RoleARN: firehose, Prefix: "kept/"},
		Conversion: &destination.Conversion{Enabled: true, Schema: &destination.Schema{Database: "vpc", Table: "flows", RoleARN: firehose},
			Input: &destination.Input{OpenX: &destination.OpenX{}}, Output: &destination.Output{Parquet: &destination.Parquet{}}}}))(t)
	arn := root.ARN("firehose", "deliverystream/web")
	must(h.Delivery.Create(h.ctx, root, delivery.NewStream{Kind: delivery.KindFirehose, Name: "web", ARN: arn, Settings: settings, Service: "firehose.amazonaws.com",
		Buffer: delivery.Buffer{Bytes: 64 << 20, Age: time.Millisecond}}))(t)
	h.work()
	until(t, "the stream is active", func() bool {
		s, err := h.Delivery.Stream(h.ctx, root, delivery.KindFirehose, "web")
		return err == nil && s.Status == delivery.Active
	})
	must(h.Logs.PutSubscription(h.ctx, root, logs.SubscriptionInput{Group: "web", Name: "all", DestinationARN: arn, RoleARN: sender}))(t)
	must(h.Logs.CreateExport(h.ctx, root, logs.ExportInput{Group: "web", ToMillis: 1, Bucket: "exports", Prefix: "web"}))(t)
	h.do(h.Crawlers.Create(h.ctx, root, crawler.Crawler{Name: "raw", Role: "crawler", Database: "vpc", Targets: []crawler.Target{{Path: "s3://lake/raw/"}}}))
	return h
}

func (h *house) grant(principal string, r formation.Resource, p ...formation.Permission) {
	h.t.Helper()
	h.do(h.Formation.Grant(h.ctx, root, formation.Grant{Principal: principal, Resource: r, Permissions: p}))
}

func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}
