package ec2_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"flowlake/access"
	door "flowlake/aws/ec2"
	"flowlake/aws/wire"
	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/flow"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"
	"flowlake/vpc"
)

const (
	account = "123456789012"
	seoul   = "ap-northeast-2"
	role    = "arn:aws:iam::123456789012:role/flow-logs"
)

// house is the rooms below EC2's door, and the official client before it.
type house struct {
	*api.Client
	t        *testing.T
	key      access.Key
	url      string
	lake     *lake.Store
	delivery *delivery.Store
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func open(t *testing.T) *house {
	t.Helper()
	dir, quiet, guard := t.TempDir(), slog.New(slog.DiscardHandler), access.NewGuard(account)
	keys := must(access.OpenKeys(filepath.Join(t.TempDir(), "config", "credentials"), account))(t)
	st := must(state.Open(filepath.Join(dir, "state")))(t)
	lk := must(lake.Open(lake.Config{Dir: filepath.Join(dir, "lake")}, st, guard, quiet))(t)
	lg := must(logs.Open(logs.Config{Dir: filepath.Join(dir, "logs")}, st, lk, guard, quiet))(t)
	dl := must(delivery.Open(delivery.Config{Dir: filepath.Join(dir, "delivery"), Scratch: filepath.Join(dir, "scratch")}, st, lk, lg, catalog.Open(st, guard, quiet), guard, quiet))(t)
	room := must(vpc.Open(vpc.Config{}, st, lk, lg, dl, guard, quiet))(t)
	server := httptest.NewServer(must(wire.New(wire.Config{Keys: keys, Guard: guard, Log: quiet}, []wire.Service{door.Service(room)}))(t))
	t.Cleanup(func() {
		server.Close()
		for _, c := range []io.Closer{dl, lg, lk, st} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	h := &house{t: t, key: keys.Root(), url: server.URL, lake: lk, delivery: dl}
	h.Client = api.NewFromConfig(h.config(seoul))
	return h
}

func (h *house) config(region string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &h.url, RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider(h.key.ID, h.key.Secret, "")}
}

func (h *house) bucket(name string) {
	h.t.Helper()
	if err := h.lake.CreateBucket(h.t.Context(), access.Root(account, seoul), name); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) vpcID(cidr string, tags ...types.Tag) string {
	h.t.Helper()
	in := &api.CreateVpcInput{CidrBlock: &cidr}
	if len(tags) > 0 {
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeVpc, Tags: tags}}
	}
	return *must(h.CreateVpc(h.t.Context(), in))(h.t).Vpc.VpcId
}

// refused checks an error's code, and that its message names the thing.
func refused(t *testing.T, what string, err error, code, names string) {
	t.Helper()
	var e smithy.APIError
	switch {
	case !errors.As(err, &e):
		t.Errorf("%s: got %v, want %s", what, err, code)
	case e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), names):
		t.Errorf("%s: got %s: %s; want %s, which names %q", what, e.ErrorCode(), e.ErrorMessage(), code, names)
	}
}

func ptr[T any](v T) *T { return &v }

func TestNetworks(t *testing.T) {
	h, ctx := open(t), t.Context()
	id := h.vpcID("10.0.0.0/16", types.Tag{Key: ptr("Name"), Value: ptr("main & only")})
	v := must(h.DescribeVpcs(ctx, &api.DescribeVpcsInput{VpcIds: []string{id}}))(t).Vpcs[0]
	if *v.CidrBlock != "10.0.0.0/16" || v.State != types.VpcStateAvailable || *v.OwnerId != account || *v.IsDefault || v.InstanceTenancy != types.TenancyDefault ||
		len(v.Tags) != 1 || *v.Tags[0].Value != "main & only" || len(v.CidrBlockAssociationSet) != 1 || v.CidrBlockAssociationSet[0].CidrBlockState.State != "associated" {
		t.Errorf("got %+v", v)
	}
	n := must(h.CreateSubnet(ctx, &api.CreateSubnetInput{VpcId: &id, CidrBlock: ptr("10.0.1.0/24"), AvailabilityZone: ptr("ap-northeast-2c")}))(t).Subnet
	if *n.AvailabilityZoneId != "apne2-az3" || *n.AvailableIpAddressCount != 251 || *n.SubnetArn != "arn:aws:ec2:ap-northeast-2:123456789012:subnet/"+*n.SubnetId {
		t.Errorf("got %+v", n)
	}
	in := &api.CreateNetworkInterfaceInput{SubnetId: n.SubnetId, PrivateIpAddress: ptr("10.0.1.9"), Description: ptr("web"), ClientToken: ptr("once")}
	i := must(h.CreateNetworkInterface(ctx, in))(t).NetworkInterface
	if *i.PrivateIpAddress != "10.0.1.9" || *i.VpcId != id || i.InterfaceType != types.NetworkInterfaceTypeInterface || len(i.PrivateIpAddresses) != 1 || !*i.PrivateIpAddresses[0].Primary {
		t.Errorf("got %+v", i)
	}
	if again := must(h.CreateNetworkInterface(ctx, in))(t).NetworkInterface; *again.NetworkInterfaceId != *i.NetworkInterfaceId {
		t.Errorf("the same token made %s and %s", *i.NetworkInterfaceId, *again.NetworkInterfaceId)
	}
	in.Description = ptr("other")
	_, err := h.CreateNetworkInterface(ctx, in)
	refused(t, "the token of another request", err, "IdempotentParameterMismatch", "once")

	for _, tc := range []struct {
		name        string
		do          func() error
		code, names string
	}{
		{"no CIDR", func() error { _, err := h.CreateVpc(ctx, &api.CreateVpcInput{}); return err }, "MissingParameter", "CidrBlock"},
		{"a large VPC", func() error {
			_, err := h.CreateVpc(ctx, &api.CreateVpcInput{CidrBlock: ptr("10.0.0.0/8")})
			return err
		}, "InvalidVpc.Range", "10.0.0.0/8"},
		{"IPv6", func() error {
			_, err := h.CreateVpc(ctx, &api.CreateVpcInput{CidrBlock: ptr("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: ptr(true)})
			return err
		}, "UnknownParameter", "AmazonProvidedIpv6CidrBlock"},
		{"tags of another type", func() error {
			_, err := h.CreateVpc(ctx, &api.CreateVpcInput{CidrBlock: ptr("10.0.0.0/16"), TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSubnet}}})
			return err
		}, "InvalidParameterValue", "subnet"},
		{"a rehearsal", func() error {
			_, err := h.CreateVpc(ctx, &api.CreateVpcInput{CidrBlock: ptr("10.0.0.0/16"), DryRun: ptr(true)})
			return err
		}, "DryRunOperation", "DryRun"},
		{"a subnet that overlaps", func() error {
			_, err := h.CreateSubnet(ctx, &api.CreateSubnetInput{VpcId: &id, CidrBlock: ptr("10.0.0.0/20")})
			return err
		}, "InvalidSubnet.Conflict", "10.0.0.0/20"},
		{"a subnet outside", func() error {
			_, err := h.CreateSubnet(ctx, &api.CreateSubnetInput{VpcId: &id, CidrBlock: ptr("10.9.0.0/20")})
			return err
		}, "InvalidSubnet.Range", "10.9.0.0/20"},
		{"a subnet of nothing", func() error {
			_, err := h.CreateSubnet(ctx, &api.CreateSubnetInput{VpcId: ptr("vpc-0"), CidrBlock: ptr("10.9.0.0/20")})
			return err
		}, "InvalidVpcID.NotFound", "vpc-0"},
		{"an address in use", func() error {
			_, err := h.CreateNetworkInterface(ctx, &api.CreateNetworkInterfaceInput{SubnetId: n.SubnetId, PrivateIpAddress: ptr("10.0.1.9")})
			return err
		}, "InvalidIPAddress.InUse", "10.0.1.9"},
		{"security groups", func() error {
			_, err := h.CreateNetworkInterface(ctx, &api.CreateNetworkInterfaceInput{SubnetId: n.SubnetId, Groups: []string{"sg-1"}})
			return err
		}, "UnknownParameter", "SecurityGroupId"},
		{"a subnet that is not there", func() error {
			_, err := h.DeleteSubnet(ctx, &api.DeleteSubnetInput{SubnetId: ptr("subnet-0")})
			return err
		}, "InvalidSubnetID.NotFound", "subnet-0"},
		{"a subnet in use", func() error { _, err := h.DeleteSubnet(ctx, &api.DeleteSubnetInput{SubnetId: n.SubnetId}); return err }, "DependencyViolation", *i.NetworkInterfaceId},
		{"an unknown filter", func() error {
			_, err := h.DescribeSubnets(ctx, &api.DescribeSubnetsInput{Filters: []types.Filter{{Name: ptr("colour"), Values: []string{"red"}}}})
			return err
		}, "InvalidParameterValue", "colour"},
		{"a filter without a name", func() error {
			_, err := h.DescribeSubnets(ctx, &api.DescribeSubnetsInput{Filters: []types.Filter{{Values: []string{"red"}}}})
			return err
		}, "MissingParameter", "Filter.Name"},
		{"a small page", func() error {
			_, err := h.DescribeVpcs(ctx, &api.DescribeVpcsInput{MaxResults: ptr(int32(4))})
			return err
		}, "InvalidParameterValue", "4"},
		{"a page of ids", func() error {
			_, err := h.DescribeVpcs(ctx, &api.DescribeVpcsInput{MaxResults: ptr(int32(5)), VpcIds: []string{id}})
			return err
		}, "InvalidParameterCombination", "maxResults"},
		{"another listing's token", func() error { _, err := h.DescribeVpcs(ctx, &api.DescribeVpcsInput{NextToken: ptr("x")}); return err }, "InvalidParameterValue", "NextToken"},
		{"an operation that is not built", func() error {
			_, err := h.DescribeSecurityGroups(ctx, &api.DescribeSecurityGroupsInput{})
			return err
		}, "InvalidAction", "DescribeSecurityGroups"},
	} {
		refused(t, tc.name, tc.do(), tc.code, tc.names)
	}
	if _, err := h.DeleteNetworkInterface(ctx, &api.DeleteNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaceId}); err != nil {
		t.Error(err)
	}
	if _, err := h.DeleteSubnet(ctx, &api.DeleteSubnetInput{SubnetId: n.SubnetId}); err != nil {
		t.Error(err)
	}
	if _, err := h.DeleteVpc(ctx, &api.DeleteVpcInput{VpcId: &id}); err != nil {
		t.Error(err)
	}
	if got := must(h.DescribeVpcs(ctx, &api.DescribeVpcsInput{}))(t); len(got.Vpcs) != 0 {
		t.Errorf("left are %+v", got.Vpcs)
	}
}

func TestPagesAndTags(t *testing.T) {
	h, ctx := open(t), t.Context()
	var ids []string
	for i := range 12 {
		ids = append(ids, h.vpcID("10.0.0.0/16", types.Tag{Key: ptr("n"), Value: ptr(string(rune('a' + i)))}))
	}
	var seen []string
	pages := api.NewDescribeVpcsPaginator(h, &api.DescribeVpcsInput{MaxResults: ptr(int32(5))})
	for pages.HasMorePages() {
		for _, v := range must(pages.NextPage(ctx))(t).Vpcs {
			seen = append(seen, *v.VpcId)
		}
	}
	slices.Sort(ids)
	if !slices.Equal(seen, ids) {
		t.Errorf("pages gave %v, want %v", seen, ids)
	}
	if _, err := h.CreateTags(ctx, &api.CreateTagsInput{Resources: ids[:2], Tags: []types.Tag{{Key: ptr("team"), Value: ptr("x")}}}); err != nil {
		t.Fatal(err)
	}
	var keys []string
	tags := api.NewDescribeTagsPaginator(h, &api.DescribeTagsInput{Filters: []types.Filter{{Name: ptr("resource-id"), Values: ids[:3]}}, MaxResults: ptr(int32(5))})
	for tags.HasMorePages() {
		for _, tag := range must(tags.NextPage(ctx))(t).Tags {
			keys = append(keys, *tag.Key)
			if tag.ResourceType != types.ResourceTypeVpc {
				t.Errorf("got type %s", tag.ResourceType)
			}
		}
	}
	if got := strings.Join(keys, " "); got != "n team n team n" {
		t.Errorf("got %s", got)
	}
	if _, err := h.DeleteTags(ctx, &api.DeleteTagsInput{Resources: ids[:1]}); err != nil {
		t.Fatal(err)
	}
	if got := must(h.DescribeTags(ctx, &api.DescribeTagsInput{Filters: []types.Filter{{Name: ptr("resource-id"), Values: ids[:1]}}}))(t); len(got.Tags) != 0 {
		t.Errorf("left are %+v", got.Tags)
	}
	_, err := h.CreateTags(ctx, &api.CreateTagsInput{Resources: []string{"vpc-0"}, Tags: []types.Tag{{Key: ptr("a")}}})
	refused(t, "tags of nothing", err, "InvalidVpcID.NotFound", "vpc-0")
	_, err = h.CreateTags(ctx, &api.CreateTagsInput{Resources: ids[:1], Tags: []types.Tag{{Key: ptr("aws:a"), Value: ptr("")}}})
	refused(t, "a tag of AWS's", err, "InvalidParameterValue", "aws:")
}

func TestAFlowLogIsEchoed(t *testing.T) {
	h, ctx := open(t), t.Context()
	v := h.vpcID("10.0.0.0/16")
	h.bucket("flow-log-buckets")
	const format = "${version} ${srcaddr} ${reject-reason} ${next-hop-az-id}"
	options := &types.DestinationOptionsRequest{FileFormat: types.DestinationFileFormatParquet, HiveCompatiblePartitions: ptr(true), PerHourPartition: ptr(true)}
	for _, tc := range []struct {
		name string
		in   api.CreateFlowLogsInput
		want types.FlowLog
	}{
		{"to a log group by name", api.CreateFlowLogsInput{LogGroupName: ptr("flows"), DeliverLogsPermissionArn: ptr(role)},
			types.FlowLog{LogDestinationType: types.LogDestinationTypeCloudWatchLogs, LogDestination: ptr("arn:aws:logs:ap-northeast-2:123456789012:log-group:flows"),
				LogGroupName: ptr("flows"), DeliverLogsPermissionArn: ptr(role), MaxAggregationInterval: ptr(int32(600))}},
		{"to a log group by ARN, as Terraform's attribute has it", api.CreateFlowLogsInput{LogDestination: ptr("arn:aws:logs:ap-northeast-2:123456789012:log-group:/vpc/flows:*"),
			LogDestinationType: types.LogDestinationTypeCloudWatchLogs, DeliverLogsPermissionArn: ptr(role), MaxAggregationInterval: ptr(int32(60))},
			types.FlowLog{LogDestinationType: types.LogDestinationTypeCloudWatchLogs, LogDestination: ptr("arn:aws:logs:ap-northeast-2:123456789012:log-group:/vpc/flows"),
				LogGroupName: ptr("/vpc/flows"), DeliverLogsPermissionArn: ptr(role), MaxAggregationInterval: ptr(int32(60))}},
		{"to a folder in S3", api.CreateFlowLogsInput{LogDestination: ptr("arn:aws:s3:::flow-log-buckets/team/"), LogDestinationType: types.LogDestinationTypeS3, LogFormat: ptr(format), DestinationOptions: options},
			types.FlowLog{LogDestinationType: types.LogDestinationTypeS3, LogDestination: ptr("arn:aws:s3:::flow-log-buckets/team/"), LogFormat: ptr(format), MaxAggregationInterval: ptr(int32(600)),
				DestinationOptions: &types.DestinationOptionsResponse{FileFormat: types.DestinationFileFormatParquet, HiveCompatiblePartitions: ptr(true), PerHourPartition: ptr(true)}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := tc.in
			in.ResourceIds, in.ResourceType, in.TrafficType = []string{v}, types.FlowLogsResourceTypeVpc, types.TrafficTypeAll
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeVpcFlowLog, Tags: []types.Tag{{Key: ptr("Name"), Value: ptr(tc.name)}}}}
			made := must(h.CreateFlowLogs(ctx, &in))(t)
			if len(made.FlowLogIds) != 1 || len(made.Unsuccessful) != 0 || !strings.HasPrefix(made.FlowLogIds[0], "fl-0") {
				t.Fatalf("got %+v", made)
			}
			got := must(h.DescribeFlowLogs(ctx, &api.DescribeFlowLogsInput{FlowLogIds: made.FlowLogIds}))(t).FlowLogs[0]
			want := tc.want
			if want.LogFormat == nil {
				want.LogFormat = ptr(flow.FormatString(flow.DefaultFormat()))
			}
			text := func(p *string) string { return aws.ToString(p) }
			if got.LogDestinationType != want.LogDestinationType || text(got.LogDestination) != text(want.LogDestination) || text(got.LogGroupName) != text(want.LogGroupName) ||
				text(got.DeliverLogsPermissionArn) != text(want.DeliverLogsPermissionArn) || text(got.LogFormat) != text(want.LogFormat) ||
				*got.MaxAggregationInterval != *want.MaxAggregationInterval || text(got.FlowLogStatus) != "ACTIVE" || text(got.DeliverLogsStatus) != "SUCCESS" ||
				got.DeliverLogsErrorMessage != nil || text(got.ResourceId) != v || got.TrafficType != types.TrafficTypeAll || time.Since(*got.CreationTime) > time.Minute || len(got.Tags) != 1 {
				t.Errorf("got %+v", got)
			}
			if (got.DestinationOptions == nil) != (want.DestinationOptions == nil) ||
				got.DestinationOptions != nil && (*got.DestinationOptions.PerHourPartition != true || got.DestinationOptions.FileFormat != types.DestinationFileFormatParquet) {
				t.Errorf("got options %+v", got.DestinationOptions)
			}
			_, err := h.CreateFlowLogs(ctx, &in)
			refused(t, "the same again", err, "FlowLogAlreadyExists", "existing Flow Log")
		})
	}
	t.Run("filters", func(t *testing.T) {
		for name, tc := range map[string]struct {
			value string
			want  int
		}{
			"resource-id": {v, 3}, "traffic-type": {"REJECT", 0}, "log-destination-type": {"s3", 1}, "log-group-name": {"flows", 1}, "deliver-log-status": {"SUCCESS", 3},
			"tag:Name": {"to a log group*", 2}, "tag-key": {"Name", 3},
		} {
			got := must(h.DescribeFlowLogs(ctx, &api.DescribeFlowLogsInput{Filter: []types.Filter{{Name: &name, Values: []string{tc.value}}}}))(t)
			if len(got.FlowLogs) != tc.want {
				t.Errorf("%s=%s: got %d flow logs, want %d", name, tc.value, len(got.FlowLogs), tc.want)
			}
		}
		if got := must(h.DescribeFlowLogs(ctx, &api.DescribeFlowLogsInput{FlowLogIds: []string{"fl-0"}}))(t); len(got.FlowLogs) != 0 {
			t.Errorf("got %+v", got.FlowLogs)
		}
		n := 0
		pages := api.NewDescribeFlowLogsPaginator(h, &api.DescribeFlowLogsInput{MaxResults: ptr(int32(2))})
		for pages.HasMorePages() {
			n += len(must(pages.NextPage(ctx))(t).FlowLogs)
		}
		if n != 3 {
			t.Errorf("pages gave %d", n)
		}
	})
	t.Run("another region has none", func(t *testing.T) {
		other := api.NewFromConfig(h.config("eu-west-1"))
		if got := must(other.DescribeFlowLogs(ctx, &api.DescribeFlowLogsInput{}))(t); len(got.FlowLogs) != 0 {
			t.Errorf("got %+v", got.FlowLogs)
		}
	})
	t.Run("a VPC takes its flow logs with it", func(t *testing.T) {
		if _, err := h.DeleteVpc(ctx, &api.DeleteVpcInput{VpcId: &v}); err != nil {
			t.Fatal(err)
		}
		if got := must(h.DescribeFlowLogs(ctx, &api.DescribeFlowLogsInput{}))(t); len(got.FlowLogs) != 0 {
			t.Errorf("got %+v", got.FlowLogs)
		}
	})
}

func TestATokenMakesFlowLogsOnce(t *testing.T) {
	h, ctx := open(t), t.Context()
	in := &api.CreateFlowLogsInput{ResourceIds: []string{h.vpcID("10.0.0.0/16"), h.vpcID("10.1.0.0/16")}, ResourceType: types.FlowLogsResourceTypeVpc,
		TrafficType: types.TrafficTypeAll, LogGroupName: ptr("flows"), DeliverLogsPermissionArn: ptr(role), ClientToken: ptr("once")}
	first, again := must(h.CreateFlowLogs(ctx, in))(t), must(h.CreateFlowLogs(ctx, in))(t)
	slices.Sort(first.FlowLogIds)
	slices.Sort(again.FlowLogIds)
	if len(first.FlowLogIds) != 2 || !slices.Equal(first.FlowLogIds, again.FlowLogIds) || aws.ToString(again.ClientToken) != "once" {
		t.Errorf("got %v and %v", first.FlowLogIds, again.FlowLogIds)
	}
	in.TrafficType = types.TrafficTypeReject
	_, err := h.CreateFlowLogs(ctx, in)
	refused(t, "other parameters", err, "IdempotentParameterMismatch", "once")
}

func TestFlowLogsAreRefusedByName(t *testing.T) {
	h, ctx := open(t), t.Context()
	v := h.vpcID("10.0.0.0/16")
	h.bucket("flow-log-buckets")
	toS3 := func(in *api.CreateFlowLogsInput, arn string) {
		in.LogGroupName, in.DeliverLogsPermissionArn, in.LogDestinationType, in.LogDestination = nil, nil, types.LogDestinationTypeS3, &arn
	}
	for _, tc := range []struct {
		name        string
		change      func(*api.CreateFlowLogsInput)
		code, names string
	}{
		{"a transit gateway", func(in *api.CreateFlowLogsInput) {
			in.ResourceType, in.ResourceIds, in.TrafficType = types.FlowLogsResourceTypeTransitGateway, []string{"tgw-1"}, "" // it takes none
		}, "UnsupportedOperation", "TransitGateway"},
		{"an id of another kind", func(in *api.CreateFlowLogsInput) { in.ResourceIds = []string{"subnet-1"} }, "InvalidParameter", "subnet-1"},
		{"no traffic type", func(in *api.CreateFlowLogsInput) { in.TrafficType = "" }, "MissingParameter", "TrafficType"},
		{"no role", func(in *api.CreateFlowLogsInput) { in.DeliverLogsPermissionArn = nil }, "InvalidParameter", "DeliverLogsPermissionArn"},
		{"a role that is none", func(in *api.CreateFlowLogsInput) { in.DeliverLogsPermissionArn = ptr("flow-logs") }, "InvalidParameter", "role"},
		{"a role for S3", func(in *api.CreateFlowLogsInput) {
			toS3(in, "arn:aws:s3:::flow-log-buckets")
			in.DeliverLogsPermissionArn = ptr(role)
		}, "InvalidParameter", "s3"},
		{"no destination", func(in *api.CreateFlowLogsInput) { in.LogGroupName = nil }, "InvalidParameter", "LogDestination can't be empty"},
		{"two destinations", func(in *api.CreateFlowLogsInput) { in.LogDestination = ptr("arn:aws:logs:x") }, "InvalidParameter", "only provide"},
		{"a log group for S3", func(in *api.CreateFlowLogsInput) {
			in.LogDestinationType, in.DeliverLogsPermissionArn = types.LogDestinationTypeS3, nil
		}, "InvalidParameter", "must be cloud-watch-logs"},
		{"AWS's own folder", func(in *api.CreateFlowLogsInput) { toS3(in, "arn:aws:s3:::flow-log-buckets/x/AWSLogs/") }, "InvalidParameter", "AWSLogs"},
		{"a bucket's name", func(in *api.CreateFlowLogsInput) { toS3(in, "flow-log-buckets") }, "InvalidParameter", "ARN"},
		{"another region's group", func(in *api.CreateFlowLogsInput) {
			in.LogGroupName, in.LogDestination = nil, ptr("arn:aws:logs:us-east-1:123456789012:log-group:flows")
		}, "InvalidParameter", "same region"},
		{"another account's group", func(in *api.CreateFlowLogsInput) {
			in.LogGroupName, in.LogDestination = nil, ptr("arn:aws:logs:ap-northeast-2:210987654321:log-group:flows")
		}, "UnsupportedOperation", "another account"},
		{"a field that there is not", func(in *api.CreateFlowLogsInput) { in.LogFormat = ptr("${version} ${srcadr}") }, "InvalidParameter", "srcaddr"},
		{"a transit gateway's field", func(in *api.CreateFlowLogsInput) { in.LogFormat = ptr("${version} ${tgw-id}") }, "InvalidParameter", "tgw-id"},
		{"an interval of two minutes", func(in *api.CreateFlowLogsInput) { in.MaxAggregationInterval = ptr(int32(120)) }, "InvalidParameter", "Aggregation Interval"},
		{"options without files", func(in *api.CreateFlowLogsInput) {
			in.DestinationOptions = &types.DestinationOptionsRequest{PerHourPartition: ptr(true)}
		}, "InvalidParameter", "s3"},
		{"another account's role", func(in *api.CreateFlowLogsInput) { in.DeliverCrossAccountRole = ptr(role) }, "UnknownParameter", "DeliverCrossAccountRole"},
		{"tags of another type", func(in *api.CreateFlowLogsInput) {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeVpc, Tags: []types.Tag{{Key: ptr("a"), Value: ptr("b")}}}}
		}, "InvalidParameterValue", "vpc-flow-log"},
		{"a rehearsal", func(in *api.CreateFlowLogsInput) { in.DryRun = ptr(true) }, "DryRunOperation", "DryRun"},
	} {
		in := &api.CreateFlowLogsInput{ResourceIds: []string{v}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll, LogGroupName: ptr("flows"), DeliverLogsPermissionArn: ptr(role)}
		tc.change(in)
		_, err := h.CreateFlowLogs(ctx, in)
		refused(t, tc.name, err, tc.code, tc.names)
	}
	if got := must(h.DescribeFlowLogs(ctx, &api.DescribeFlowLogsInput{}))(t); len(got.FlowLogs) != 0 {
		t.Errorf("a refused request made %+v", got.FlowLogs)
	}
	t.Run("a resource or a destination that there is not is told by resource", func(t *testing.T) {
		made := must(h.CreateFlowLogs(ctx, &api.CreateFlowLogsInput{ResourceIds: []string{"vpc-0", v}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll,
			LogGroupName: ptr("flows"), DeliverLogsPermissionArn: ptr(role)}))(t)
		if len(made.FlowLogIds) != 1 || len(made.Unsuccessful) != 1 || *made.Unsuccessful[0].ResourceId != "vpc-0" || *made.Unsuccessful[0].Error.Code != "InvalidVpcID.NotFound" {
			t.Errorf("got %+v", made)
		}
		for kind, arn := range map[types.LogDestinationType]string{types.LogDestinationTypeS3: "arn:aws:s3:::nobodys-bucket",
			types.LogDestinationTypeKinesisDataFirehose: "arn:aws:firehose:ap-northeast-2:123456789012:deliverystream/nobodys"} {
			made := must(h.CreateFlowLogs(ctx, &api.CreateFlowLogsInput{ResourceIds: []string{v}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll,
				LogDestinationType: kind, LogDestination: &arn}))(t)
			if len(made.FlowLogIds) != 0 || len(made.Unsuccessful) != 1 || !strings.Contains(*made.Unsuccessful[0].Error.Message, "does not exist") {
				t.Errorf("%s: got %+v", kind, made)
			}
		}
	})
}

func TestAChangedBodyIsRefused(t *testing.T) {
	h := open(t)
	client := api.NewFromConfig(h.config(seoul), func(o *api.Options) { o.HTTPClient = rewriting{"Action=DescribeVpcs&Version=2016-11-15&x=1"} })
	_, err := client.DescribeVpcs(t.Context(), &api.DescribeVpcsInput{})
	refused(t, "a body that its signature does not cover", err, "AuthFailure", "")
}

// rewriting replaces a request's body behind its signature.
type rewriting struct{ body string }

// Do sends the request with the other body.
func (w rewriting) Do(r *http.Request) (*http.Response, error) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(w.body)), int64(len(w.body))
	return http.DefaultClient.Do(r)
}
