package vpc

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/flow"
	"flowlake/lake"
)

// Integration is one table that a template sets up.
type Integration struct {
	Results  string    // the ARN of the bucket, or of a folder in it, for results of queries
	Load     string    // "none", "daily", "weekly", "monthly": how often partitions would be added; "none" ends with To
	From, To time.Time // of the partitions; zero: the flow log's creation, and now
}

// maxIntegrations bounds a template. Source: EC2 API reference, IntegrateServices: 1 to 10 items.
const maxIntegrations = 10

// Template writes the CloudFormation template that sets up tables over a flow log's files: a database, for each
// integration a table whose partitions are projected, a workgroup whose results go where the integration says, and a few
// named queries that the format has the fields for.
//
// Differs from AWS: the document is JSON, not YAML. Partitions are projected, so there is no function that adds them: a
// Load other than none means that the last partition is always now's.
//
// Source: VPC user guide, "Query flow logs using Amazon Athena".
func Template(f FlowLog, wanted []Integration) ([]byte, error) {
	if len(wanted) == 0 || len(wanted) > maxIntegrations {
		return nil, fault.Newf(fault.Invalid, "integrations", "there are %d; 1 to %d are allowed", len(wanted), maxIntegrations)
	}
	table, err := TableOf(f)
	if err != nil {
		return nil, err
	}
	table.Database = strings.ReplaceAll("vpcflowlogsathenadatabase"+f.ID, "-", "_")
	type object = map[string]any
	resources := object{"Database": object{"Type": "AWS::Glue::Database", "Properties": object{
		"CatalogId":     object{"Ref": "AWS::AccountId"},
		"DatabaseInput": object{"Name": table.Database, "Description": "Tables over the files of flow log " + f.ID},
	}}}
	for i, w := range wanted {
		suffix := ""
		if len(wanted) > 1 {
			suffix = strconv.Itoa(i + 1)
		}
		t := table
		t.Name = f.ID + w.Load
		if suffix != "" {
			t.Name += "_" + suffix
		}
		t.Name = strings.ReplaceAll(t.Name, "-", "_")
		bucket, folder := splitBucket(w.Results)
		if !strings.HasPrefix(w.Results, "arn:aws") || !bucketName.MatchString(bucket) {
			return nil, fault.Newf(fault.Invalid, "log destination", "%s is not the ARN of a bucket", w.Results)
		}
		if !w.From.IsZero() {
			t.From = w.From
		}
		if t.To = w.To; w.Load != "none" {
			t.To = time.Time{}
		} else if w.From.IsZero() || w.To.IsZero() || w.To.Before(w.From) {
			return nil, fault.Newf(fault.Invalid, "integrations", "PartitionStartDate and PartitionEndDate, in this order, are needed where PartitionLoadFrequency is none")
		}
		resources["Table"+suffix] = object{"Type": "AWS::Glue::Table", "DependsOn": "Database", "Properties": object{
			"CatalogId": object{"Ref": "AWS::AccountId"}, "DatabaseName": object{"Ref": "Database"}, "TableInput": t.input(),
		}}
		group := f.ID + w.Load + suffix + "-workgroup"
		resources["WorkGroup"+suffix] = object{"Type": "AWS::Athena::WorkGroup", "Properties": object{
			"Name": group, "State": "ENABLED", "RecursiveDeleteOption": true,
			"WorkGroupConfiguration": object{"EnforceWorkGroupConfiguration": true, "ResultConfiguration": object{
				"OutputLocation": fileURL(bucket, folder),
			}},
		}}
		for name, q := range namedQueries {
			if !q.fits(t.Fields) {
				continue
			}
			resources[name+suffix] = object{"Type": "AWS::Athena::NamedQuery", "DependsOn": []string{"Table" + suffix, "WorkGroup" + suffix}, "Properties": object{
				"Name": name, "Description": q.about, "Database": object{"Ref": "Database"}, "WorkGroup": group,
				"QueryString": q.text + strings.ReplaceAll(q.rest, "TABLE", `"`+t.Database+`"."`+t.Name+`"`),
			}}
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the document is read by people too
	enc.SetIndent("", "  ")
	err = enc.Encode(struct {
		AWSTemplateFormatVersion string
		Description              string
		Resources                object
	}{"2010-09-09", "Athena over the files of flow log " + f.ID + " in " + f.Destination, resources})
	return b.Bytes(), err
}

// input is the table as Glue's TableInput has it.
func (t Table) input() map[string]any {
	type object = map[string]any
	column := func(name, kind string) object { return object{"Name": name, "Type": kind} }
	var columns, keys []object
	for _, f := range t.Fields {
		columns = append(columns, column(f.Column(), f.Type.Hive()))
	}
	for _, k := range t.partitionKeys() {
		keys = append(keys, column(k.name, k.value))
	}
	parameters := object{"EXTERNAL": "TRUE"}
	for _, p := range t.properties() {
		// CloudFormation leaves ${…} alone outside of Fn::Sub.
		parameters[p.name] = p.value
	}
	storage := object{
		"Location": t.Location(), "Columns": columns,
		"InputFormat":  "org.apache.hadoop.mapred.TextInputFormat",
		"OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
		"SerdeInfo": object{"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
			"Parameters": object{"field.delim": " ", "serialization.format": " "}},
	}
	if t.Options.Parquet {
		storage["InputFormat"] = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
		storage["OutputFormat"] = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
		storage["SerdeInfo"] = object{"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", "Parameters": object{"serialization.format": "1"}}
	}
	return object{"Name": t.Name, "TableType": "EXTERNAL_TABLE", "Parameters": parameters, "PartitionKeys": keys, "StorageDescriptor": storage}
}

// namedQuery is a query that people begin with.
type namedQuery struct {
	about      string
	needs      []string // columns
	text, rest string
}

func (q namedQuery) fits(fields []flow.Field) bool {
	for _, need := range q.needs {
		there := false
		for _, f := range fields {
			there = there || f.Column() == need
		}
		if !there {
			return false
		}
	}
	return true
}

// namedQueries are some of those that AWS's template has. TABLE is the table's name.
var namedQueries = map[string]namedQuery{
	"VpcFlowLogsAcceptedTraffic": {"The TCP connections that were allowed", []string{"srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action"},
		"SELECT srcaddr, dstaddr, srcport, dstport, count(*) AS records ", "FROM TABLE WHERE action = 'ACCEPT' AND protocol = 6 GROUP BY srcaddr, dstaddr, srcport, dstport ORDER BY records DESC LIMIT 100"},
	"VpcFlowLogsRejectedTraffic": {"What was rejected, by protocol and port", []string{"dstaddr", "dstport", "protocol", "packets", "action"},
		"SELECT protocol, dstaddr, dstport, sum(packets) AS packets ", "FROM TABLE WHERE action = 'REJECT' GROUP BY protocol, dstaddr, dstport ORDER BY packets DESC LIMIT 100"},
	"VpcFlowLogsAdminPortTraffic": {"Traffic to the ports of SSH and RDP", []string{"srcaddr", "dstaddr", "dstport", "bytes"},
		"SELECT srcaddr, dstaddr, dstport, sum(bytes) AS bytes ", "FROM TABLE WHERE dstport IN (22, 3389) GROUP BY srcaddr, dstaddr, dstport ORDER BY bytes DESC LIMIT 100"},
	"VpcFlowLogsTopTalkers": {"The 50 addresses that sent most", []string{"srcaddr", "bytes"},
		"SELECT srcaddr, sum(bytes) AS bytes ", "FROM TABLE GROUP BY srcaddr ORDER BY bytes DESC LIMIT 50"},
	"VpcFlowLogsTotalBytesTransferred": {"The 50 pairs of addresses with most bytes between them", []string{"srcaddr", "dstaddr", "bytes"},
		"SELECT srcaddr, dstaddr, sum(bytes) AS bytes ", "FROM TABLE GROUP BY srcaddr, dstaddr ORDER BY bytes DESC LIMIT 50"},
	"VpcFlowLogsSubnetTraffic": {"Bytes by subnet", []string{"subnet_id", "bytes"},
		"SELECT subnet_id, sum(bytes) AS bytes ", "FROM TABLE GROUP BY subnet_id ORDER BY bytes DESC LIMIT 50"},
}

// PutTemplate writes a flow log's template to the bucket, or the folder in it, that an ARN names, and returns its URL as AWS
// spells it. The object's key is the URL's path, unescaped.
func (s *Store) PutTemplate(ctx context.Context, c access.Caller, id, to string, wanted []Integration) (string, error) {
	f, err := s.FlowLog(ctx, c, id)
	if err != nil {
		return "", err
	}
	bucket, folder := splitBucket(to)
	if !strings.HasPrefix(to, "arn:aws") || !bucketName.MatchString(bucket) {
		return "", fault.Newf(fault.Invalid, "log destination", "%s is not the ARN of a bucket", to)
	}
	document, err := Template(f, wanted)
	if err != nil {
		return "", err
	}
	key := folder + "VPCFlowLogsIntegrationTemplate_" + f.ID + "_" + time.Now().UTC().Format("Mon Jan 2 15:04:05 UTC 2006") + ".json"
	_, err = s.lake.Put(ctx, c, lake.PutInput{Bucket: bucket, Key: key, Body: bytes.NewReader(document), Size: int64(len(document)),
		Headers: lake.Headers{ContentType: "application/json"}})
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "https", Host: bucket + ".s3." + c.Region + ".amazonaws.com", Path: "/" + key}).String(), nil
}
