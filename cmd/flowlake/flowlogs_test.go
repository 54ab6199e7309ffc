package main

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/parquet-go/parquet-go"

	"flowlake/flow"
	"flowlake/vpc"
)

// awsRow is a row of a Parquet file as AWS's flow logs have it: the types of each field, null where a line has "-".
type awsRow struct {
	Account   string  `parquet:"account_id"`
	Action    *string `parquet:"action,optional"`
	Bytes     *int64  `parquet:"bytes,optional"`
	End       int64   `parquet:"end"`
	Interface string  `parquet:"interface_id"`
	Status    string  `parquet:"log_status"`
	Protocol  *int32  `parquet:"protocol,optional"`
	Source    *string `parquet:"srcaddr,optional"`
	Start     int64   `parquet:"start"`
	Version   int32   `parquet:"version"`
}

const awsHeader = "account-id action bytes end interface-id log-status protocol srcaddr start version"

var awsLines = []string{
	"123456789012 ACCEPT 840 1795258859 eni-1 OK 6 10.0.1.4 1795258800 2",
	"123456789012 REJECT 40 1795258859 eni-1 OK 17 198.51.100.7 1795258801 2",
	"123456789012 - - 1795258859 eni-2 NODATA - - 1795258802 2",
}

// TestFilesThatAWSWroteAreRead puts files under the names that AWS gives them, a text file whose header has its columns in
// alphabetical order and a gzip-compressed Parquet file, and asks SQL about both: in seed 002's way, with partitions
// that someone added, and by projection.
func TestFilesThatAWSWroteAreRead(t *testing.T) {
	c := launch(t, t.TempDir()).clients("")
	ctx := t.Context()
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("flow-log-buckets")})
	ok(t, err)
	put := func(key string, body []byte) {
		t.Helper()
		_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("flow-log-buckets"), Key: &key, Body: bytes.NewReader(body)})
		ok(t, err)
	}
	const folder, name = "/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/21/", "123456789012_vpcflowlogs_us-east-1_fl-0123456789abcdef0_20261121T0100Z_1ab23c4d.log"
	var text bytes.Buffer
	zip := gzip.NewWriter(&text)
	_, err = zip.Write([]byte(awsHeader + "\n" + strings.Join(awsLines, "\n") + "\n"))
	ok(t, err)
	ok(t, zip.Close())
	put("text"+folder+name+".gz", text.Bytes())
	var columns bytes.Buffer
	w := parquet.NewGenericWriter[awsRow](&columns, parquet.Compression(&parquet.Gzip))
	_, err = w.Write([]awsRow{
		{"123456789012", aws.String("ACCEPT"), aws.Int64(840), 1795258859, "eni-1", "OK", aws.Int32(6), aws.String("10.0.1.4"), 1795258800, 2},
		{"123456789012", aws.String("REJECT"), aws.Int64(40), 1795258859, "eni-1", "OK", aws.Int32(17), aws.String("198.51.100.7"), 1795258801, 2},
		{"123456789012", nil, nil, 1795258859, "eni-2", "NODATA", nil, nil, 1795258802, 2},
	})
	ok(t, err)
	ok(t, w.Close())
	put("parquet"+folder+name+".parquet", columns.Bytes())

	query := func(t *testing.T, sql string) string {
		t.Helper()
		out, errs, code := runCommand(t, c.env(t), "", "query", "--output", "csv", "--result-location", "s3://flow-log-buckets/results/", sql)
		if code != 0 {
			t.Fatalf("%s: exit %d, %s", sql, code, errs)
		}
		return out
	}
	// A "-" is text in a string column of a text file, as Athena's SerDe has it, and NULL in a number's.
	const rows = "interface_id,action,protocol,bytes,start,end\neni-1,ACCEPT,6,840,1795258800,1795258859\neni-1,REJECT,17,40,1795258801,1795258859\n"
	answers := map[string]string{"text": rows + "eni-2,-,,,1795258802,1795258859\n", "parquet": rows + "eni-2,,,,1795258802,1795258859\n"}
	const question = `SELECT interface_id, action, protocol, bytes, start, "end" FROM `
	for _, format := range []string{"text", "parquet"} {
		want := answers[format]
		t.Run(format+" with added partitions", func(t *testing.T) {
			layout := "ROW FORMAT DELIMITED FIELDS TERMINATED BY ' '"
			if format == "parquet" {
				layout = "STORED AS PARQUET"
			}
			// bigint over the file's INT32: seed 002 and AWS's own examples declare protocol so.
			query(t, "CREATE EXTERNAL TABLE IF NOT EXISTS seed_"+format+" (account_id string, action string, bytes bigint, `end` bigint, interface_id string, log_status string, "+
				"protocol bigint, srcaddr string, start bigint, version int) PARTITIONED BY (`date` date) "+layout+
				" LOCATION 's3://flow-log-buckets/"+format+"/AWSLogs/123456789012/vpcflowlogs/us-east-1/' TBLPROPERTIES (\"skip.header.line.count\"=\"1\")")
			query(t, "ALTER TABLE seed_"+format+" ADD PARTITION (`date`='2026-11-21') LOCATION 's3://flow-log-buckets/"+format+folder+"'")
			if got := query(t, question+"seed_"+format+" WHERE date = DATE '2026-11-21' ORDER BY start"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
		t.Run(format+" by projection", func(t *testing.T) {
			fields, known := flow.ParseHeader([]byte(awsHeader))
			if !known {
				t.Fatal("the header is not one")
			}
			table := vpc.Table{Database: "default", Name: "projected_" + format, Fields: fields, Options: vpc.Options{Parquet: format == "parquet"}, Bucket: "flow-log-buckets", Folder: format + "/",
				Account: "123456789012", Region: "us-east-1", From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}
			query(t, table.DDL())
			if got := query(t, question+table.Name+" WHERE day = '2026/11/21' ORDER BY start"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if got := query(t, question+table.Name+" WHERE day BETWEEN '2026/11/01' AND '2026/11/20' ORDER BY start"); strings.Count(got, "\n") != 1 {
				t.Errorf("other days have\n%s", got)
			}
		})
	}
}
