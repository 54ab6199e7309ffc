package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const flowRole = "arn:aws:iam::" + defaultAccount + ":role/flow-logs"

// network makes a VPC, a subnet and an interface.
func (c *clients) network(t *testing.T) (vpc, subnet, eni string) {
	t.Helper()
	ctx := t.Context()
	v, err := c.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: []types.TagSpecification{{
		ResourceType: types.ResourceTypeVpc, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("walk")}}}}})
	ok(t, err)
	n, err := c.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24")})
	ok(t, err)
	i, err := c.ec2.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: n.Subnet.SubnetId, Description: aws.String("walk")})
	ok(t, err)
	return *v.Vpc.VpcId, *n.Subnet.SubnetId, *i.NetworkInterface.NetworkInterfaceId
}

func testNetworks(t *testing.T, c *clients) {
	ctx := t.Context()
	vpc, subnet, eni := c.network(t)
	tagged := []types.Filter{{Name: aws.String("tag:Name"), Values: []string{"wa*"}}}
	vpcs, err := c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: tagged})
	ok(t, err)
	if len(vpcs.Vpcs) != 1 || *vpcs.Vpcs[0].VpcId != vpc || *vpcs.Vpcs[0].CidrBlock != "10.0.0.0/16" || str(vpcs.Vpcs[0].OwnerId) != defaultAccount {
		t.Errorf("got %+v", vpcs.Vpcs)
	}
	subnets, err := c.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{subnet}})
	ok(t, err)
	if len(subnets.Subnets) != 1 || *subnets.Subnets[0].AvailableIpAddressCount != 250 || *subnets.Subnets[0].VpcId != vpc {
		t.Errorf("got %+v", subnets.Subnets)
	}
	enis, err := c.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpc}}}})
	ok(t, err)
	if len(enis.NetworkInterfaces) != 1 || *enis.NetworkInterfaces[0].NetworkInterfaceId != eni || *enis.NetworkInterfaces[0].PrivateIpAddress != "10.0.1.4" {
		t.Errorf("got %+v", enis.NetworkInterfaces)
	}
	_, err = c.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{eni, subnet}, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}})
	ok(t, err)
	tags, err := c.ec2.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: []types.Filter{{Name: aws.String("key"), Values: []string{"team"}}}})
	ok(t, err)
	if len(tags.Tags) != 2 {
		t.Errorf("got %+v", tags.Tags)
	}
	_, err = c.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{eni, subnet}, Tags: []types.Tag{{Key: aws.String("team")}}})
	ok(t, err)
	_, err = c.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &vpc})
	refused(t, err, "DependencyViolation", vpc)
	_, err = c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-0"}})
	refused(t, err, "InvalidVpcID.NotFound", "vpc-0")
	_, err = c.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})
	refused(t, err, "UnknownParameter", "AmazonProvidedIpv6CidrBlock")
	_, err = c.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{})
	refused(t, err, "InvalidAction", "DescribeInstances")
	_, err = c.ec2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &eni})
	ok(t, err)
	_, err = c.ec2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &subnet})
	ok(t, err)
	_, err = c.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &vpc, DryRun: aws.Bool(true)})
	refused(t, err, "DryRunOperation", "DryRun")
	_, err = c.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &vpc})
	ok(t, err)
}

func testFlowLogs(t *testing.T, c *clients) {
	ctx := t.Context()
	c.letRole(t, flowRole)
	vpc, _, _ := c.network(t)
	made, err := c.ec2.CreateFlowLogs(ctx, &ec2.CreateFlowLogsInput{ResourceIds: []string{vpc, "vpc-0nobody"}, ResourceType: types.FlowLogsResourceTypeVpc,
		TrafficType: types.TrafficTypeAll, LogGroupName: aws.String("walk-flows"), DeliverLogsPermissionArn: aws.String(flowRole)})
	ok(t, err)
	if len(made.FlowLogIds) != 1 || len(made.Unsuccessful) != 1 || str(made.Unsuccessful[0].ResourceId) != "vpc-0nobody" || str(made.Unsuccessful[0].Error.Code) != "InvalidVpcID.NotFound" {
		t.Fatalf("got %+v", made)
	}
	id := made.FlowLogIds[0]
	// The records of generate's command are delivered into the group, which nobody made.
	out, errs, code := runCommand(t, c.env(t), "", "generate", "--into", id, "--interfaces", "3", "--rows", "500", "--seed", "4")
	if code != 0 || out != "" || !strings.Contains(errs, "500 records delivered by "+id) {
		t.Errorf("generate: exit %d, %q, %q", code, out, errs)
	}
	streams, err := c.logs.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("walk-flows")})
	ok(t, err)
	if len(streams.LogStreams) != 3 || !strings.HasPrefix(*streams.LogStreams[0].LogStreamName, "eni-") || !strings.HasSuffix(*streams.LogStreams[0].LogStreamName, "-all") {
		t.Errorf("got %d streams", len(streams.LogStreams))
	}
	events, err := c.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("walk-flows")})
	ok(t, err)
	if len(events.Events) != 500 {
		t.Errorf("got %d events, want 500", len(events.Events))
	}
	_, errs, code = runCommand(t, c.env(t), "", "generate", "--into", "fl-0nobody")
	if code != exitFailed || !strings.Contains(errs, "fl-0nobody") {
		t.Errorf("generate into nothing: exit %d, %q", code, errs)
	}

	shown, err := c.ec2.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{FlowLogIds: []string{id}})
	ok(t, err)
	if f := shown.FlowLogs[0]; str(f.LogDestination) != "arn:aws:logs:"+defaultRegion+":"+defaultAccount+":log-group:walk-flows" || str(f.DeliverLogsStatus) != "SUCCESS" ||
		!strings.HasPrefix(str(f.LogFormat), "${version} ") || *f.MaxAggregationInterval != 600 {
		t.Errorf("got %+v", f)
	}

	_, err = c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("walk-flow-logs")})
	ok(t, err)
	toBucket, err := c.ec2.CreateFlowLogs(ctx, &ec2.CreateFlowLogsInput{ResourceIds: []string{vpc}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeReject,
		LogDestinationType: types.LogDestinationTypeS3, LogDestination: aws.String("arn:aws:s3:::walk-flow-logs/x")})
	ok(t, err)
	template, err := c.ec2.GetFlowLogsIntegrationTemplate(ctx, &ec2.GetFlowLogsIntegrationTemplateInput{FlowLogId: &toBucket.FlowLogIds[0],
		ConfigDeliveryS3DestinationArn: aws.String("arn:aws:s3:::walk-flow-logs/templates"),
		IntegrateServices: &types.IntegrateServices{AthenaIntegrations: []types.AthenaIntegration{{IntegrationResultS3DestinationArn: aws.String("arn:aws:s3:::walk-flow-logs"),
			PartitionLoadFrequency: types.PartitionLoadFrequencyNone, PartitionStartDate: aws.Time(time.Now().Add(-time.Hour)), PartitionEndDate: aws.Time(time.Now())}}}})
	ok(t, err)
	link, err := url.Parse(str(template.Result))
	ok(t, err)
	if link.Host != "walk-flow-logs.s3."+defaultRegion+".amazonaws.com" || path.Dir(link.Path) != "/templates" {
		t.Errorf("got %s", link)
	}
	object, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("walk-flow-logs"), Key: aws.String(strings.TrimPrefix(link.Path, "/"))})
	ok(t, err)
	var document struct{ Resources map[string]any }
	err = json.NewDecoder(object.Body).Decode(&document)
	object.Body.Close()
	ok(t, err)
	if document.Resources["Table"] == nil {
		t.Errorf("the template has no table: %v", document.Resources)
	}

	_, err = c.ec2.DeleteFlowLogs(ctx, &ec2.DeleteFlowLogsInput{FlowLogIds: []string{id, "fl-0nobody"}})
	refused(t, err, "InvalidFlowLogId.NotFound", "fl-0nobody")
	_, err = c.ec2.DeleteFlowLogs(ctx, &ec2.DeleteFlowLogsInput{FlowLogIds: []string{id, toBucket.FlowLogIds[0]}})
	ok(t, err)
	left, err := c.ec2.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{})
	ok(t, err)
	if slices.ContainsFunc(left.FlowLogs, func(f types.FlowLog) bool { return str(f.ResourceId) == vpc }) {
		t.Errorf("left are %+v", left.FlowLogs)
	}
}

// TestFlowLogsToSQL follows records through flow logs of each layout and file format to the table that table create
// makes, and asks SQL about them.
func TestFlowLogsToSQL(t *testing.T) {
	c := launch(t, t.TempDir(), "--publish-every", "300ms").clients("")
	ctx := t.Context()
	vpc, _, _ := c.network(t)
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("flow-log-buckets")})
	ok(t, err)
	day := func(format string) string { return time.Now().UTC().Format(format) }
	for _, tc := range []struct {
		name    string
		options types.DestinationOptionsRequest
		where   string
	}{
		{"daily", types.DestinationOptionsRequest{}, "day >= '" + day("2006/01/02") + "'"},
		{"hourly", types.DestinationOptionsRequest{PerHourPartition: aws.Bool(true)}, "hour >= '" + day("2006/01/02/15") + "'"},
		{"hive", types.DestinationOptionsRequest{HiveCompatiblePartitions: aws.Bool(true)}, "year >= " + day("2006")},
		{"hive-hourly-parquet", types.DestinationOptionsRequest{HiveCompatiblePartitions: aws.Bool(true), PerHourPartition: aws.Bool(true), FileFormat: types.DestinationFileFormatParquet}, "year >= " + day("2006")},
		{"parquet", types.DestinationOptionsRequest{FileFormat: types.DestinationFileFormatParquet}, "day >= '" + day("2006/01/02") + "'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			made, err := c.ec2.CreateFlowLogs(ctx, &ec2.CreateFlowLogsInput{ResourceIds: []string{vpc}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll,
				LogDestinationType: types.LogDestinationTypeS3, LogDestination: aws.String("arn:aws:s3:::flow-log-buckets/" + tc.name), DestinationOptions: &tc.options,
				LogFormat: aws.String("${end} ${start} ${bytes} ${action} ${srcaddr} ${dstport} ${log-status} ${tcp-flags} ${interface-id}")})
			ok(t, err)
			id := made.FlowLogIds[0]
			_, errs, code := runCommand(t, c.env(t), "", "generate", "--into", id, "--rows", "1000", "--seed", "7")
			if code != 0 || !strings.Contains(errs, "1000 records delivered") {
				t.Fatalf("generate: exit %d, %s", code, errs)
			}
			out, errs, code := runCommand(t, c.env(t), "", "table", "create", "--flow-log", id, "--table", strings.ReplaceAll(tc.name, "-", "_"), "--result-location", "s3://flow-log-buckets/results/")
			if code != 0 || !strings.Contains(out, "s3://flow-log-buckets/"+tc.name+"/AWSLogs/") {
				t.Fatalf("table create: exit %d, %q, %s", code, out, errs)
			}
			if tc.name == "hourly" { // the name is the daily one's, which reads another folder
				_, errs, code := runCommand(t, c.env(t), "", "table", "create", "--flow-log", id, "--table", "daily", "--result-location", "s3://flow-log-buckets/results/")
				if code != 1 || !strings.Contains(errs, "--table") || !strings.Contains(errs, "s3://flow-log-buckets/daily/") {
					t.Errorf("a name that is taken: exit %d, %s", code, errs)
				}
			}
			until(t, "files of all records", func() bool {
				out, errs, code := runCommand(t, c.env(t), "", "query", "--output", "csv", "--result-location", "s3://flow-log-buckets/results/",
					`SELECT count(*) AS n, count("end") AS ended, count(DISTINCT interface_id) AS enis, count_if(log_status = 'OK') AS ok, count(bytes) AS with_bytes FROM vpcflowlogs.`+
						strings.ReplaceAll(tc.name, "-", "_")+" WHERE "+tc.where)
				if code != 0 {
					t.Fatalf("query: exit %d, %s", code, errs)
				}
				_, row, _ := strings.Cut(strings.TrimSpace(out), "\n")
				f := strings.Split(row, ",")
				if len(f) == 5 && f[0] == "1000" {
					if f[1] != "1000" || f[2] != "1" || f[3] != f[4] {
						t.Errorf("got %s", out)
					}
					return true
				}
				return false
			})
		})
	}
}

// rawPost sends a body to flowlake's own door, for answers that its commands never ask for.
func (c *clients) rawPost(t *testing.T, path, body string) error {
	t.Helper()
	answer, err := post(t.Context(), c.rawConfig(), "flowlake", path, []byte(body), http.Header{})
	if err != nil {
		return err
	}
	return answer.Close()
}

func (c *clients) rawConfig() aws.Config {
	cfg := c.config("")
	cfg.HTTPClient = http.DefaultClient
	return cfg
}

func TestFlowRecordsAreRefusedByName(t *testing.T) {
	c := launch(t, t.TempDir()).clients("")
	c.letRole(t, flowRole)
	vpc, _, eni := c.network(t)
	made, err := c.ec2.CreateFlowLogs(t.Context(), &ec2.CreateFlowLogsInput{ResourceIds: []string{vpc}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll,
		LogDestinationType: types.LogDestinationTypeCloudWatchLogs, LogGroupName: aws.String("flows"), DeliverLogsPermissionArn: aws.String(flowRole)})
	ok(t, err)
	at := "/flow-records?flow-log=" + made.FlowLogIds[0]
	if err := c.rawPost(t, at, "interface-id srcport\n"+eni+" 1\n"); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct{ name, path, body, want string }{
		{"a flow log that there is not", "/flow-records?flow-log=fl-0", "interface-id\n", "NoSuchFlowLog"},
		{"no flow log", "/flow-records", "interface-id\n", "?flow-log="},
		{"no header", at, eni + " 1\n", "field names"},
		{"a line that does not fit", at, "interface-id srcport\n" + eni + " x\n", "flow record 1"},
		{"a parameter that nobody knows", at + "&x=1", "interface-id\n", "NotImplemented"},
		{"too many", at, "interface-id\n" + strings.Repeat("x\n", 10_001), "EntityTooLarge"},
	} {
		if err := c.rawPost(t, tc.path, tc.body); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}
