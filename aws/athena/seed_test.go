//go:build duckdb_arrow

package athena_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
)

// seedTable is the seed's DDL as it is written there: start, end and date are reserved words.
const seedTable = `CREATE EXTERNAL TABLE IF NOT EXISTS vpc_flow_logs(
    version int,
    account_id string,
    interface_id string,
    srcaddr string,
    dstaddr string,
    srcport int,
    dstport int,
    protocol bigint,
    packets bigint,
    bytes bigint,
    start bigint,
    end bigint,
    action string,
    log_status string
)
PARTITIONED BY (date date)
ROW FORMAT DELIMITED
FIELDS TERMINATED BY ' '
LOCATION 's3://flow-log-buckets/AWSLogs/1111122222233333/vpcflowlogs/ap-northeast-2/'
TBLPROPERTIES("skip.header.line.count"="1")`

const seedPartition = `ALTER TABLE vpc_flow_logs
ADD PARTITION (date='2022-08-29')
LOCATION 's3://flow-log-buckets/AWSLogs/1111122222233333/vpcflowlogs/ap-northeast-2/2022/08/29';`

const seedView = `CREATE VIEW vpc_flow_logs_kst AS
SELECT
  "version"
, "account_id"
, "interface_id"
, "srcaddr"
, "dstaddr"
, "srcport"
, "dstport"
, "protocol"
, "packets"
, "bytes"
, ("from_unixtime"("start") + INTERVAL  '9' HOUR) "start"
, ("from_unixtime"("end") + INTERVAL  '9' HOUR) "end"
, "action"
, "log_status"
, "date"
FROM
  vpc_flow_logs`

const header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"

// TestSeed walks the article "AWS Athena 로 VPC Flow Log 분석하기" from its client's region.
func TestSeed(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.bucket("flow-log-buckets")
	h.bucket("aws-athena-query-result")
	day := "AWSLogs/1111122222233333/vpcflowlogs/ap-northeast-2/2022/08/"
	h.putGzip("flow-log-buckets", day+"29/a.log.gz", header+
		"2 123456789010 eni-1 10.0.0.1 10.0.0.2 50000 443 6 10 8000 1661731200 1661731260 ACCEPT OK\n"+
		"2 123456789010 eni-1 10.0.0.3 10.0.0.2 50001 22 6 1 40 1661731300 1661731360 REJECT OK\n"+
		"2 123456789010 eni-1 - - - - - - - 1661731400 1661731460 - NODATA\n")
	h.putGzip("flow-log-buckets", day+"27/a.log.gz", header+
		"2 123456789010 eni-1 10.0.0.9 10.0.0.2 50000 443 6 10 8000 1661558400 1661558460 ACCEPT OK\n")
	group := "athena-vpc-flow-log"
	if _, err := h.CreateWorkGroup(ctx, &api.CreateWorkGroupInput{Name: &group, Configuration: &types.WorkGroupConfiguration{
		EnforceWorkGroupConfiguration: aws.Bool(false), BytesScannedCutoffPerQuery: aws.Int64(10_000_000),
		ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://aws-athena-query-result/"),
			EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionOption: types.EncryptionOptionSseS3}},
	}}); err != nil {
		t.Fatal(err)
	}
	h.do("default", "CREATE DATABASE vpcflowlogs")
	h.do("vpcflowlogs", seedTable, seedTable, seedPartition)
	h.do("vpcflowlogs", "ALTER TABLE vpc_flow_logs ADD PARTITION (date='2022-08-27') LOCATION 's3://flow-log-buckets/"+day+"27'")

	t.Run("the dated query in the right spelling answers", func(t *testing.T) {
		h.want("vpcflowlogs", `SELECT srcaddr, dstport, "end", "date" FROM vpc_flow_logs WHERE "date" > DATE('2022-08-30') - interval '2' day AND "date" < DATE('2022-08-30') ORDER BY start DESC LIMIT 10`,
			"-|∅|1661731460|2022-08-29", "10.0.0.3|22|1661731360|2022-08-29", "10.0.0.1|443|1661731260|2022-08-29")
	})
	t.Run("the query as the seed has it is refused with the right spelling", func(t *testing.T) {
		_, err := h.StartQueryExecution(ctx, &api.StartQueryExecutionInput{QueryString: aws.String("SELECT * FROM vpc_flow_logs WHERE 'date' > DATE('2022-08-28') - interval 1 day and 'date' < DATE('2022-08-28') ORDER BY start DESC LIMIT 10"),
			QueryExecutionContext: &types.QueryExecutionContext{Database: aws.String("vpcflowlogs")}})
		wantError(t, err, "InvalidRequestException", "MALFORMED_QUERY", "line 1:")
		wantError(t, err, "InvalidRequestException", "MALFORMED_QUERY", "interval '1' day")
	})
	t.Run("with the interval mended, the string that stands for a column is told", func(t *testing.T) {
		s := h.fails("vpcflowlogs", "SELECT * FROM vpc_flow_logs WHERE 'date' > DATE('2022-08-28') - interval '1' day")
		if *s.AthenaError.ErrorType != 1002 || !strings.HasPrefix(*s.StateChangeReason, "TYPE_MISMATCH: line 1:") || !strings.Contains(*s.StateChangeReason, `"date"`) {
			t.Errorf("got %d %s", *s.AthenaError.ErrorType, *s.StateChangeReason)
		}
	})
	t.Run("the view shows Korean time", func(t *testing.T) {
		h.do("vpcflowlogs", seedView)
		h.want("vpcflowlogs", `SELECT srcaddr, "start", "end" FROM vpc_flow_logs_kst WHERE action = 'ACCEPT' AND "date" = DATE '2022-08-29'`,
			"10.0.0.1|2022-08-29 09:00:00.000 UTC|2022-08-29 09:01:00.000 UTC") // as Athena has it: the hours are Seoul's, the name is not
		h.want("default", `SELECT count(*) FROM AwsDataCatalog.vpcflowlogs.VPC_flow_logs_KST`, "4")
	})
	t.Run("its script's call adds today's partition", func(t *testing.T) {
		text := "\n                ALTER TABLE vpc_flow_logs\n                ADD PARTITION (date='2022-08-30')\n                LOCATION 's3://flow-log-buckets/AWSLogs/111112222233333/vpcflowlogs/ap-northeast-2/2022/08/30'\n            "
		in := &api.StartQueryExecutionInput{QueryString: &text,
			QueryExecutionContext: &types.QueryExecutionContext{Catalog: aws.String("AwsDataCatalog"), Database: aws.String("vpcflowlogs")}, WorkGroup: &group,
			ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://aws-athena-query-result/"),
				EncryptionConfiguration: &types.EncryptionConfiguration{EncryptionOption: types.EncryptionOptionSseS3}}}
		out, err := h.StartQueryExecution(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		e := h.wait(*out.QueryExecutionId)
		if e.Status.State != "SUCCEEDED" || *e.WorkGroup != group || e.StatementType != "DDL" || *e.SubstatementType != "ALTER_TABLE_ADD_PARTITION" {
			t.Errorf("got %s %s %s", e.Status.State, e.StatementType, aws.ToString(e.Status.StateChangeReason))
		}
		at := *e.ResultConfiguration.OutputLocation
		if m := regexp.MustCompile(`.*/(.*)`).FindStringSubmatch(at); m == nil || m[1] != *out.QueryExecutionId+".txt" {
			t.Errorf("the result is at %s", at)
		}
		o, err := h.lake.Head(ctx, h.root, "aws-athena-query-result", *out.QueryExecutionId+".txt")
		if err != nil || o.Encryption != "AES256" || o.Size != 0 {
			t.Errorf("got %+v, %v", o, err)
		}
		h.want("vpcflowlogs", "SHOW PARTITIONS vpc_flow_logs", "date=2022-08-27", "date=2022-08-29", "date=2022-08-30")
	})
	t.Run("the bucket that its role does not have is named when it is not there", func(t *testing.T) {
		_, err := h.StartQueryExecution(ctx, &api.StartQueryExecutionInput{QueryString: aws.String("SELECT 1"), WorkGroup: &group,
			ResultConfiguration: &types.ResultConfiguration{OutputLocation: aws.String("s3://athena-query-result/")}})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "Unable to verify/create output bucket athena-query-result")
	})
	t.Run("another region has none of it", func(t *testing.T) {
		_, err := h.in("us-east-1").GetWorkGroup(ctx, &api.GetWorkGroupInput{WorkGroup: &group})
		wantError(t, err, "InvalidRequestException", "INVALID_INPUT", "WorkGroup is not found.")
	})
}
