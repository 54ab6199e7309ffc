package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	doorflowlake "flowlake/aws/flowlake"
)

// shared are the things that stages have in common, and take nothing away from.
type shared struct{ subnet string }

const (
	takeawayGroup = "vpc-flow-logs-exported"
	takeawayTable = "flows"
)

// prepare makes them.
func (a *takeaway) prepare(t *testing.T) {
	ctx := t.Context()
	v, err := a.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	ok(t, err)
	n, err := a.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24")})
	ok(t, err)
	a.subnet = *n.Subnet.SubnetId
	_, err = a.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(takeawayGroup)})
	ok(t, err)
	_, err = a.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(takeawayGroup), LogStreamName: aws.String(demoStream)})
	ok(t, err)
	_, err = a.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String(takeawayGroup), LogStreamName: aws.String(demoStream),
		LogEvents: []logtypes.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String(flowLine("eni-1"))}}})
	ok(t, err)
	a.makeBucketNamed(t, demoBucket)
	a.makeBucketNamed(t, demoResults)
	_, err = a.grants.RegisterResource(ctx, &lakeformation.RegisterResourceInput{ResourceArn: aws.String("arn:aws:s3:::" + demoBucket), UseServiceLinkedRole: aws.Bool(true)})
	ok(t, err)
	_, err = a.glue.CreateClassifier(ctx, &glue.CreateClassifierInput{GrokClassifier: &gluetypes.CreateGrokClassifierRequest{Name: aws.String(demoClassifier), Classification: aws.String("vpcflow"),
		GrokPattern: aws.String("%{NUMBER:version:int} %{NOTSPACE:account_id} %{NOTSPACE:interface_id} %{IP:srcaddr} %{IP:dstaddr} %{GREEDYDATA:rest}")}})
	ok(t, err)
	a.makeTable(t, takeawayDatabase, demoBucket, demoPrefix+"/shared/")
}

func (a *takeaway) makeBucketNamed(t *testing.T, name string) {
	t.Helper()
	_, err := a.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	ok(t, err)
}

func (a *takeaway) putObject(t *testing.T, bucket, key string) {
	t.Helper()
	_, err := a.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(flowLine("eni-1") + "\n" + flowLine("eni-2") + "\n")})
	ok(t, err)
}

const flowLineHeader = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

func flowLine(eni string) string {
	now := time.Now().Unix()
	return fmt.Sprintf("2 %s %s 10.0.1.5 10.0.1.6 49152 443 6 10 840 %d %d ACCEPT OK", defaultAccount, eni, now-60, now)
}

// Flow log → log group, as a role.

// flowLogToGroup is a flow log of an interface of its own; made says whether it is there before something is taken away.
func flowLogToGroup(trust, document string, made bool) func(*stage) {
	return func(s *stage) {
		s.role("flow-log-"+s.id, *fill(trust), document)
		group, eni, id := "vpc-flow-logs-"+s.id, s.newInterface(), ""
		s.lines = group
		_, err := s.logs.CreateLogGroup(s.t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
		ok(s.t, err)
		create := func() (err error) {
			id, err = s.newFlowLog(&ec2.CreateFlowLogsInput{ResourceIds: []string{eni}, LogGroupName: &group, DeliverLogsPermissionArn: aws.String(roleARN(s.name))})
			return err
		}
		if made {
			ok(s.t, create())
		}
		s.try = func() string {
			if id == "" {
				if err := create(); err != nil {
					return err.Error()
				}
			}
			return s.putRecord(id, eni)
		}
	}
}

func (s *stage) newInterface() string {
	s.t.Helper()
	out, err := s.ec2.CreateNetworkInterface(s.t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: &s.subnet})
	ok(s.t, err)
	return *out.NetworkInterface.NetworkInterfaceId
}

func (s *stage) newFlowLog(in *ec2.CreateFlowLogsInput) (id string, err error) {
	in.ResourceType, in.TrafficType, in.MaxAggregationInterval = ec2types.FlowLogsResourceTypeNetworkInterface, ec2types.TrafficTypeAll, aws.Int32(60)
	out, err := s.ec2.CreateFlowLogs(s.t.Context(), in)
	switch {
	case err != nil:
		return "", err
	case len(out.FlowLogIds) == 0:
		return "", errors.New(*out.Unsuccessful[0].Error.Message)
	}
	return out.FlowLogIds[0], nil
}

// putRecord has a flow log deliver a record. Its status says what the answer says.
func (s *stage) putRecord(id, eni string) string {
	s.t.Helper()
	answer, err := post(s.t.Context(), s.cfg, "flowlake", doorflowlake.RecordsPath+"?flow-log="+id, []byte(flowLineHeader+"\n"+flowLine(eni)+"\n"), nil)
	if err == nil {
		answer.Close()
	}
	status := s.flowLogStatus(id)
	if (status == "") != (err == nil) {
		s.t.Errorf("the flow log's status is %q, and delivery was answered with %v", status, err)
	}
	return status
}

// flowLogStatus is what keeps a flow log from delivering.
func (s *stage) flowLogStatus(id string) string {
	s.t.Helper()
	out, err := s.ec2.DescribeFlowLogs(s.t.Context(), &ec2.DescribeFlowLogsInput{FlowLogIds: []string{id}})
	ok(s.t, err)
	f := out.FlowLogs[0]
	if (str(f.DeliverLogsStatus) == "FAILED") != (f.DeliverLogsErrorMessage != nil) {
		s.t.Errorf("the flow log is %s: %s", str(f.DeliverLogsStatus), str(f.DeliverLogsErrorMessage))
	}
	return str(f.DeliverLogsErrorMessage)
}

var groupLosses = []loss{
	{name: "flow log to a group, made with a role for EC2", stage: flowLogToGroup(writerTrust, writerPolicy, false), take: untrusted("vpc-flow-logs.amazonaws.com"), named: "sts:AssumeRole",
		silent: "there is no flow log yet"},
	{name: "flow log to a group, trust", stage: flowLogToGroup(writerTrust, writerPolicy, true), take: untrusted("vpc-flow-logs.amazonaws.com"), named: "sts:AssumeRole"},
	{name: "flow log to a group, CreateLogStream", stage: flowLogToGroup(writerTrust, writerPolicy, true), take: lacking("logs:CreateLogStream"), named: "logs:CreateLogStream"},
	{name: "flow log to a group, PutLogEvents", stage: flowLogToGroup(writerTrust, writerPolicy, true), take: lacking("logs:PutLogEvents"), named: "logs:PutLogEvents"},
	{name: "flow log to a group, DescribeLogStreams", stage: flowLogToGroup(writerTrust, writerPolicy, true), take: lacking("logs:DescribeLogStreams"), named: "logs:DescribeLogStreams"},
	{name: "flow log to a group, DescribeLogGroups", stage: flowLogToGroup(writerTrust, writerPolicy, true), take: lacking("logs:DescribeLogGroups"), named: "logs:DescribeLogGroups"},
}

// Log group → bucket, by the bucket's policy.

// exportStage is a log group that was exported into a bucket of its own.
func exportStage(s *stage) {
	s.bucket = "takeaway-export-" + s.id
	s.makeBucketNamed(s.t, s.bucket)
	s.bucketPolicy = strings.ReplaceAll(*fill(exportPolicy), demoBucket, s.bucket)
	s.setBucketPolicy(s.bucket, s.bucketPolicy)
	s.actor, s.lines = "logs."+defaultRegion+".amazonaws.com", s.bucket
	s.try = func() string {
		s.exporting.Lock()
		defer s.exporting.Unlock()
		out, err := s.logs.CreateExportTask(s.t.Context(), &cloudwatchlogs.CreateExportTaskInput{LogGroupName: aws.String(takeawayGroup), Destination: &s.bucket,
			DestinationPrefix: aws.String(demoPrefix), From: aws.Int64(0), To: aws.Int64(time.Now().Add(time.Minute).UnixMilli())})
		if err != nil {
			return err.Error()
		}
		var status *logtypes.ExportTaskStatus
		until(s.t, "export", func() bool {
			list, err := s.logs.DescribeExportTasks(s.t.Context(), &cloudwatchlogs.DescribeExportTasksInput{TaskId: out.TaskId})
			ok(s.t, err)
			status = list.ExportTasks[0].Status
			return status.Code == logtypes.ExportTaskStatusCodeCompleted || status.Code == logtypes.ExportTaskStatusCodeFailed
		})
		if status.Code == logtypes.ExportTaskStatusCodeCompleted {
			return ""
		}
		return str(status.Message)
	}
	if said := s.try(); said != "" {
		s.t.Fatal(said)
	}
}

// onlyTest leaves of the right to write the one object that a task tries first.
func onlyTest(s *stage) {
	s.bucketPolicy = strings.Replace(s.bucketPolicy, "/"+demoPrefix+"/*", "/"+demoPrefix+"/aws-logs-write-test", 1)
	s.setBucketPolicy(s.bucket, s.bucketPolicy)
}

// otherACL makes the condition one that no export meets.
func otherACL(s *stage) {
	s.bucketPolicy = strings.Replace(s.bucketPolicy, "bucket-owner-full-control", "public-read", 1)
	s.setBucketPolicy(s.bucket, s.bucketPolicy)
}

var exportLosses = []loss{
	{name: "export, GetBucketAcl", stage: exportStage, take: closed("s3:GetBucketAcl"), named: "s3:GetBucketAcl"},
	{name: "export, PutObject", stage: exportStage, take: closed("s3:PutObject"), named: "s3:PutObject"},
	{name: "export, PutObject of what follows the test", stage: exportStage, take: onlyTest, named: "s3:PutObject"},
	{name: "export, condition", stage: exportStage, take: otherACL, named: "s3:PutObject"},
	{name: "export, the whole bucket policy", stage: exportStage, take: func(s *stage) { s.bucketPolicy = ""; s.setBucketPolicy(s.bucket, "") }, named: "s3:GetBucketAcl",
		shown: []string{"s3:GetBucketAcl", "s3:PutObject"}},
}

// Bucket → catalogue, as the crawler's role.

// crawlStage is a crawler with a role, a folder and a database of its own. It has run before where more is to be found by now.
func crawlStage(before bool) func(*stage) {
	return func(s *stage) {
		ctx := s.t.Context()
		s.role("crawler-"+s.id, *trusting("glue.amazonaws.com"), crawlerPolicy)
		folder, database := demoPrefix+"/"+s.id+"/", "crawled_"+s.id
		s.putObject(s.t, demoBucket, folder+"year=2026/a.log")
		_, err := s.glue.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: &database}})
		ok(s.t, err)
		ok(s.t, s.grant(ctx, "role/"+s.name, place(s), lftypes.PermissionDataLocationAccess))
		ok(s.t, s.grant(ctx, "role/"+s.name, onDatabase(database), lftypes.PermissionCreateTable, lftypes.PermissionDescribe))
		_, err = s.glue.CreateCrawler(ctx, &glue.CreateCrawlerInput{Name: &s.name, Role: aws.String(roleARN(s.name)), DatabaseName: &database, Classifiers: []string{demoClassifier},
			Targets: &gluetypes.CrawlerTargets{S3Targets: []gluetypes.S3Target{{Path: aws.String("s3://" + demoBucket + "/" + folder)}}}})
		ok(s.t, err)
		s.try = func() string {
			_, err := s.glue.StartCrawler(ctx, &glue.StartCrawlerInput{Name: &s.name})
			ok(s.t, err)
			var last *gluetypes.LastCrawlInfo
			until(s.t, "crawl", func() bool {
				out, err := s.glue.GetCrawler(ctx, &glue.GetCrawlerInput{Name: &s.name})
				ok(s.t, err)
				last = out.Crawler.LastCrawl
				return out.Crawler.State == gluetypes.CrawlerStateReady && last != nil
			})
			if last.Status == gluetypes.LastCrawlStatusSucceeded {
				return ""
			}
			return str(last.ErrorMessage)
		}
		if before {
			if said := s.try(); said != "" {
				s.t.Fatal(said)
			}
			s.putObject(s.t, demoBucket, folder+"year=2027/b.log")
		}
	}
}

// place is the folder that the crawler's role may make tables of.
func place(*stage) *lftypes.Resource { return onLocation(demoBucket, demoPrefix) }

func crawledDatabase(s *stage) *lftypes.Resource { return onDatabase("crawled_" + s.id) }

var crawlLosses = []loss{
	{name: "crawler, trust", stage: crawlStage(false), take: untrusted("glue.amazonaws.com"), named: "sts:AssumeRole"},
	{name: "crawler, ListBucket", stage: crawlStage(false), take: lacking("s3:ListBucket"), named: "s3:ListBucket"},
	{name: "crawler, GetObject", stage: crawlStage(false), take: lacking("s3:GetObject"), named: "s3:GetObject"},
	{name: "crawler, GetDatabase", stage: crawlStage(false), take: lacking("glue:GetDatabase"), named: "glue:GetDatabase"},
	{name: "crawler, GetTables", stage: crawlStage(false), take: lacking("glue:GetTables"), named: "glue:GetTables"},
	{name: "crawler, GetPartitions", stage: crawlStage(true), take: lacking("glue:GetPartitions"), named: "glue:GetPartitions", part: true},
	{name: "crawler, CreateTable", stage: crawlStage(false), take: lacking("glue:CreateTable"), named: "glue:CreateTable", part: true},
	{name: "crawler, UpdateTable", stage: crawlStage(true), take: lacking("glue:UpdateTable"), named: "glue:UpdateTable", part: true},
	{name: "crawler, BatchCreatePartition", stage: crawlStage(true), take: lacking("glue:BatchCreatePartition"), named: "glue:BatchCreatePartition", part: true},
	{name: "crawler, the grant on its location", stage: crawlStage(false), take: revoked(place, lftypes.PermissionDataLocationAccess),
		named: "Insufficient Lake Formation permission(s) on s3://" + demoBucket, shown: []string{"lakeformation:DataLocationAccess"}},
	{name: "crawler, the grant to create tables", stage: crawlStage(false), take: revoked(crawledDatabase, lftypes.PermissionCreateTable),
		named: "Insufficient Lake Formation permission(s): Required Create Table", shown: []string{"lakeformation:CreateTable"}},
}

// Catalogue and bucket → answers, as the analyst.

// analysed is a user who asks one statement of the shared table, of which two columns were granted.
func analysed(text string) func(*stage) {
	return func(s *stage) {
		who := s.newAnalyst()
		s.lines = "table " + takeawayDatabase
		s.try = func() string { return s.ask(who, text) }
	}
}

// newAnalyst makes the stage's actor a user with the analyst's policy and grant.
func (s *stage) newAnalyst() person {
	s.t.Helper()
	ctx := s.t.Context()
	s.kind, s.name, s.policy = "user", "analyst-"+s.id, *fill(analystPolicy)
	who, err := s.newUser(ctx, s.name)
	ok(s.t, err)
	s.put()
	ok(s.t, s.grant(ctx, "user/"+s.name, grantedOf(s), lftypes.PermissionSelect))
	return who
}

func grantedOf(*stage) *lftypes.Resource {
	return onColumns(takeawayDatabase, takeawayTable, "srcaddr", "dstaddr", "year")
}

// ask runs a statement and reads its result.
func (s *stage) ask(who person, text string) string {
	s.t.Helper()
	ctx := s.t.Context()
	q := &queryRun{client: who.athena, database: takeawayDatabase, workgroup: "primary"}
	id, err := q.start(ctx, text)
	if err == nil {
		err = q.wait(ctx, id)
	}
	if err == nil {
		_, err = who.athena.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: &id})
	}
	return told(err)
}

// stopped is an analyst who stops a statement.
func stopped(s *stage) {
	who := s.newAnalyst()
	s.lines = "table " + takeawayDatabase
	s.try = func() string {
		q := &queryRun{client: who.athena, database: takeawayDatabase, workgroup: "primary"}
		id, err := q.start(s.t.Context(), selectGranted)
		ok(s.t, err)
		_, err = who.athena.StopQueryExecution(s.t.Context(), &athena.StopQueryExecutionInput{QueryExecutionId: &id})
		return told(err)
	}
}

const (
	takeawayDatabase = "analysed"
	selectsOnly      = "the map has what a SELECT takes"
	selectGranted    = "SELECT srcaddr, dstaddr FROM flows WHERE year = '2026'"
)

var queryLosses = []loss{
	{name: "analyst, StartQueryExecution", stage: analysed(selectGranted), take: lacking("athena:StartQueryExecution"), named: "athena:StartQueryExecution"},
	{name: "analyst, GetQueryExecution", stage: analysed(selectGranted), take: lacking("athena:GetQueryExecution"), named: "athena:GetQueryExecution"},
	{name: "analyst, GetQueryResults", stage: analysed(selectGranted), take: lacking("athena:GetQueryResults"), named: "athena:GetQueryResults"},
	{name: "analyst, StopQueryExecution", stage: stopped, take: lacking("athena:StopQueryExecution"), named: "athena:StopQueryExecution",
		silent: "the map has what a statement takes, and none needs to be stopped"},
	{name: "analyst, GetDatabases", stage: analysed("SHOW DATABASES"), take: lacking("glue:GetDatabases"), named: "glue:GetDatabases", silent: selectsOnly},
	{name: "analyst, GetTable", stage: analysed(selectGranted), take: lacking("glue:GetTable"), named: "glue:GetTable"},
	{name: "analyst, GetTables", stage: analysed("SHOW TABLES"), take: lacking("glue:GetTables"), named: "glue:GetTables", silent: selectsOnly},
	{name: "analyst, GetPartitions", stage: analysed(selectGranted), take: lacking("glue:GetPartitions"), named: "glue:GetPartitions"},
	{name: "analyst, GetDataAccess", stage: analysed(selectGranted), take: lacking("lakeformation:GetDataAccess"), named: "lakeformation:GetDataAccess"},
	{name: "analyst, results, GetBucketLocation", stage: analysed(selectGranted), take: lacking("s3:GetBucketLocation"), named: "s3:GetBucketLocation"},
	{name: "analyst, results, GetObject", stage: analysed(selectGranted), take: lacking("s3:GetObject"), named: "s3:GetObject"},
	{name: "analyst, results, PutObject", stage: analysed(selectGranted), take: lacking("s3:PutObject"), named: "s3:PutObject"},
	{name: "analyst, the grant of columns", stage: analysed(selectGranted), take: revoked(grantedOf, lftypes.PermissionSelect), named: "does not exist",
		silent: "who was granted nothing is no reader", hidden: true},
}

// Bucket → the role that a data lake location was registered with.

const placePolicy = `{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"]}]
}`

// registered is a bucket that Lake Formation reads as a role of its own, for a table that an analyst was granted.
func registered(s *stage) {
	ctx := s.t.Context()
	bucket, database := "takeaway-lake-"+s.id, "lake_"+s.id
	s.makeBucketNamed(s.t, bucket)
	who := s.newAnalyst()
	analyst := s.name
	s.role("lake-"+s.id, *trusting("lakeformation.amazonaws.com"), strings.ReplaceAll(placePolicy, "BUCKET", bucket))
	s.lines = bucket
	_, err := s.grants.RegisterResource(ctx, &lakeformation.RegisterResourceInput{ResourceArn: aws.String("arn:aws:s3:::" + bucket), RoleArn: aws.String(roleARN(s.name))})
	ok(s.t, err)
	s.makeTable(s.t, database, bucket, "")
	ok(s.t, s.grant(ctx, "user/"+analyst, onTable(database, takeawayTable), lftypes.PermissionSelect))
	s.try = func() string { return s.ask(who, "SELECT srcaddr FROM "+database+".flows WHERE year = '2026'") }
}

var placeLosses = []loss{
	{name: "location, trust", stage: registered, take: untrusted("lakeformation.amazonaws.com"), named: "sts:AssumeRole"},
	{name: "location, GetObject", stage: registered, take: lacking("s3:GetObject"), named: "s3:GetObject"},
	{name: "location, ListBucket", stage: registered, take: lacking("s3:ListBucket"), named: "s3:ListBucket"},
}

// makeTable makes a table of flow logs with one file in one partition.
func (a *takeaway) makeTable(t *testing.T, database, bucket, prefix string) {
	t.Helper()
	ctx := t.Context()
	a.putObject(t, bucket, prefix+"year=2026/a.log")
	storage := &gluetypes.StorageDescriptor{Location: aws.String("s3://" + bucket + "/" + prefix), InputFormat: aws.String("org.apache.hadoop.mapred.TextInputFormat"),
		OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"),
		SerdeInfo:    &gluetypes.SerDeInfo{SerializationLibrary: aws.String("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"), Parameters: map[string]string{"field.delim": " "}}}
	for name := range strings.SplitSeq(strings.ReplaceAll(flowLineHeader, "-", "_"), " ") {
		storage.Columns = append(storage.Columns, gluetypes.Column{Name: &name, Type: aws.String("string")})
	}
	_, err := a.glue.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: &database}})
	ok(t, err)
	_, err = a.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: &database, TableInput: &gluetypes.TableInput{Name: aws.String(takeawayTable), TableType: aws.String("EXTERNAL_TABLE"),
		StorageDescriptor: storage, PartitionKeys: []gluetypes.Column{{Name: aws.String("year"), Type: aws.String("string")}}}})
	ok(t, err)
	partition := *storage
	partition.Location = aws.String(*storage.Location + "year=2026/")
	_, err = a.glue.CreatePartition(ctx, &glue.CreatePartitionInput{DatabaseName: &database, TableName: aws.String(takeawayTable),
		PartitionInput: &gluetypes.PartitionInput{Values: []string{"2026"}, StorageDescriptor: &partition}})
	ok(t, err)
}

// Flow log → bucket, by the bucket's policy, which CreateFlowLogs put there.

// flowLogToBucket is a flow log with a bucket of its own.
func flowLogToBucket(s *stage) {
	ctx := s.t.Context()
	s.bucket = "takeaway-files-" + s.id
	s.makeBucketNamed(s.t, s.bucket)
	eni := s.newInterface()
	id, err := s.newFlowLog(&ec2.CreateFlowLogsInput{ResourceIds: []string{eni}, LogDestinationType: ec2types.LogDestinationTypeS3, LogDestination: aws.String("arn:aws:s3:::" + s.bucket)})
	ok(s.t, err)
	out, err := s.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.bucket})
	ok(s.t, err)
	s.bucketPolicy = *out.Policy
	s.actor, s.lines = "delivery.logs.amazonaws.com", id
	arrived := func() bool {
		list, err := s.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String("AWSLogs/" + defaultAccount + "/vpcflowlogs/")})
		ok(s.t, err)
		return len(list.Contents) > 0
	}
	s.try = func() (status string) {
		answer, err := post(ctx, s.cfg, "flowlake", doorflowlake.RecordsPath+"?flow-log="+id, []byte(flowLineHeader+"\n"+flowLine(eni)+"\n"), nil)
		ok(s.t, err)
		answer.Close()
		until(s.t, "delivery", func() bool {
			status = s.flowLogStatus(id)
			return status != "" || arrived()
		})
		return status
	}
	s.again = func() string {
		until(s.t, "the record that waits", func() bool { return arrived() && s.flowLogStatus(id) == "" })
		return ""
	}
}

var fileLosses = []loss{
	{name: "flow log to a bucket, PutObject", stage: flowLogToBucket, take: closed("s3:PutObject"), named: "s3:PutObject"},
	{name: "flow log to a bucket, GetBucketAcl", stage: flowLogToBucket, take: closed("s3:GetBucketAcl"), named: "s3:GetBucketAcl"},
}

// spares are what the walk's policies and grants have, as AWS's documents do, and no step needs here.
var spares = []loss{
	{name: "analyst, results, CreateBucket", stage: analysed(selectGranted), take: lacking("s3:CreateBucket"), silent: "the results' bucket is there"},
	{name: "crawler, GetClassifier", stage: crawlStage(false), take: lacking("glue:GetClassifier"), silent: "the crawler's own service looks its classifiers up", shown: []string{"glue:GetClassifier"}},
	{name: "crawler, GetTable", stage: crawlStage(true), take: lacking("glue:GetTable"), silent: "a crawl reads its database's tables with glue:GetTables"},
	{name: "crawler, GetPartition", stage: crawlStage(true), take: lacking("glue:GetPartition"), silent: "a crawl lists partitions with glue:GetPartitions"},
	{name: "crawler, BatchGetPartition", stage: crawlStage(true), take: lacking("glue:BatchGetPartition"), silent: "a crawl lists partitions with glue:GetPartitions"},
	{name: "crawler, UpdatePartition", stage: crawlStage(true), take: lacking("glue:UpdatePartition"), silent: "partitions that are there stay as they are, unless they are to inherit from their table", shown: []string{"glue:UpdatePartition"}},
	{name: "crawler, GetDataAccess", stage: crawlStage(true), take: lacking("lakeformation:GetDataAccess"), silent: "a crawler reads with its role's own rights, unless it is told to use Lake Formation's"},
	{name: "crawler, the grant to describe its database", stage: crawlStage(false), take: revoked(crawledDatabase, lftypes.PermissionDescribe), silent: "who may create tables in a database sees it"},
	{name: "analyst, GetDatabase", stage: analysed(selectGranted), take: lacking("glue:GetDatabase"), silent: "a statement that names a table asks about that alone"},
	{name: "analyst, GetPartition", stage: analysed(selectGranted), take: lacking("glue:GetPartition"), silent: "a statement lists partitions with glue:GetPartitions"},
	{name: "analyst, results, ListBucket", stage: analysed(selectGranted), take: lacking("s3:ListBucket"), silent: "a result is one object with a known name"},
}
