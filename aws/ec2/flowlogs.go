package ec2

import (
	"context"
	"strings"

	api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/vpc"
)

func (d *door) flowLogs() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateFlowLogs", wire.Row[api.CreateFlowLogsInput]{
			Permissions: []wire.Permission[api.CreateFlowLogsInput]{
				{Action: "ec2:CreateFlowLogs", Resource: func(c access.Caller, _ *api.CreateFlowLogsInput) string { return arn(c, "vpc-flow-log", "") }},
				{Action: "ec2:CreateFlowLogs", Resources: func(c access.Caller, in *api.CreateFlowLogsInput) []string { return taggedARNs(c, in.ResourceIds) }},
				{Action: "iam:PassRole", Resource: func(_ access.Caller, in *api.CreateFlowLogsInput) string { return *in.DeliverLogsPermissionArn },
					When: func(in *api.CreateFlowLogsInput) bool { return in.DeliverLogsPermissionArn != nil },
					Context: func(*api.CreateFlowLogsInput) []policy.Entry {
						return []policy.Entry{{Key: "iam:PassedToService", Values: []string{vpc.RoleService}}}
					}},
				// Source: VPC user guide, "IAM policy for IAM principals that publish flow logs to Amazon S3".
				{Action: "logs:CreateLogDelivery", When: func(in *api.CreateFlowLogsInput) bool {
					return in.LogDestinationType == types.LogDestinationTypeS3 || in.LogDestinationType == types.LogDestinationTypeKinesisDataFirehose
				}},
				tagging("vpc-flow-log", func(in *api.CreateFlowLogsInput) []types.TagSpecification { return in.TagSpecifications }),
			},
			Honoured: []string{"ResourceIds", "ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName", "LogFormat",
				"MaxAggregationInterval", "DestinationOptions", "DeliverLogsPermissionArn", "TagSpecifications", "ClientToken", "DryRun"},
			Required: []string{"ResourceIds", "ResourceType"},
		}, d.createFlowLogs),
		wire.Op("DescribeFlowLogs", wire.Row[api.DescribeFlowLogsInput]{
			Permissions: []wire.Permission[api.DescribeFlowLogsInput]{{Action: "ec2:DescribeFlowLogs"}},
			Honoured:    []string{"FlowLogIds", "Filter", "MaxResults", "NextToken", "DryRun"},
		}, d.describeFlowLogs),
		wire.Op("DeleteFlowLogs", wire.Row[api.DeleteFlowLogsInput]{
			Permissions: []wire.Permission[api.DeleteFlowLogsInput]{{Action: "ec2:DeleteFlowLogs",
				Resources: func(c access.Caller, in *api.DeleteFlowLogsInput) []string { return taggedARNs(c, in.FlowLogIds) }}},
			Honoured: []string{"FlowLogIds", "DryRun"}, Required: []string{"FlowLogIds"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteFlowLogsInput) (*api.DeleteFlowLogsOutput, error) {
			return &api.DeleteFlowLogsOutput{Unsuccessful: []types.UnsuccessfulItem{}}, d.vpc.DeleteFlowLogs(ctx, c, in.FlowLogIds)
		}),
		wire.Op("GetFlowLogsIntegrationTemplate", wire.Row[api.GetFlowLogsIntegrationTemplateInput]{
			Permissions: []wire.Permission[api.GetFlowLogsIntegrationTemplateInput]{{Action: "ec2:GetFlowLogsIntegrationTemplate",
				Resource: func(c access.Caller, in *api.GetFlowLogsIntegrationTemplateInput) string {
					return arn(c, "vpc-flow-log", *in.FlowLogId)
				}}},
			Honoured: []string{"FlowLogId", "ConfigDeliveryS3DestinationArn", "IntegrateServices", "DryRun"},
			Required: []string{"FlowLogId", "ConfigDeliveryS3DestinationArn", "IntegrateServices"},
		}, d.integrationTemplate),
	}
}

func (d *door) createFlowLogs(ctx context.Context, c access.Caller, in *api.CreateFlowLogsInput) (*api.CreateFlowLogsOutput, error) {
	if in.TrafficType == "" && !strings.HasPrefix(string(in.ResourceType), "TransitGateway") { // which the room refuses by name
		return nil, missing("TrafficType")
	}
	tags, err := fromTags(in.TagSpecifications, types.ResourceTypeVpcFlowLog)
	if err != nil {
		return nil, err
	}
	plain := *in
	plain.ClientToken, plain.DryRun = nil, nil
	request := vpc.FlowLogInput{
		Resources: in.ResourceIds, ResourceType: string(in.ResourceType), Traffic: string(in.TrafficType), Type: string(in.LogDestinationType),
		Destination: text(in.LogDestination), Group: text(in.LogGroupName), Role: text(in.DeliverLogsPermissionArn), Format: text(in.LogFormat),
		Tags: tags, Token: token(in.ClientToken, plain),
	}
	if in.MaxAggregationInterval != nil {
		if request.Interval = int(*in.MaxAggregationInterval); request.Interval == 0 {
			request.Interval = -1 // 0 is not EC2's word for its default
		}
	}
	if o := in.DestinationOptions; o != nil {
		request.Options = vpc.Options{Given: true, Parquet: o.FileFormat == types.DestinationFileFormatParquet,
			Hive: o.HiveCompatiblePartitions != nil && *o.HiveCompatiblePartitions, Hourly: o.PerHourPartition != nil && *o.PerHourPartition}
	}
	made, failed, err := d.vpc.CreateFlowLogs(ctx, c, request)
	if err != nil {
		return nil, err
	}
	out := &api.CreateFlowLogsOutput{ClientToken: in.ClientToken, FlowLogIds: []string{}, Unsuccessful: []types.UnsuccessfulItem{}}
	for _, f := range made {
		out.FlowLogIds = append(out.FlowLogIds, f.ID)
	}
	for _, f := range failed {
		out.Unsuccessful = append(out.Unsuccessful, itemError(f.Resource, f.Err))
	}
	return out, nil
}

func (d *door) describeFlowLogs(ctx context.Context, c access.Caller, in *api.DescribeFlowLogsInput) (*api.DescribeFlowLogsOutput, error) {
	l, err := page("DescribeFlowLogs", in.FlowLogIds, in.Filter, in.MaxResults, in.NextToken, 1)
	if err != nil {
		return nil, err
	}
	found, next, err := d.vpc.FlowLogs(ctx, c, l.Query)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeFlowLogsOutput{FlowLogs: make([]types.FlowLog, len(found)), NextToken: l.token(next)}
	for i, f := range found {
		status, err := d.vpc.Status(ctx, c, f)
		if err != nil {
			return nil, err
		}
		out.FlowLogs[i] = toFlowLog(f, status)
	}
	return out, nil
}

func toFlowLog(f vpc.FlowLog, status vpc.Status) types.FlowLog {
	shown := types.FlowLog{
		FlowLogId: &f.ID, ResourceId: &f.Resource, TrafficType: types.TrafficType(f.Traffic), CreationTime: &f.Created, FlowLogStatus: to("ACTIVE"),
		LogDestinationType: types.LogDestinationType(f.Type), LogDestination: &f.Destination, LogGroupName: ref(f.Group), LogFormat: &f.Format,
		MaxAggregationInterval: to(int32(f.Interval)), DeliverLogsPermissionArn: ref(f.Role), Tags: toTags(f.Tags),
		DeliverLogsStatus: to("SUCCESS"),
	}
	if status.Failed {
		shown.DeliverLogsStatus, shown.DeliverLogsErrorMessage = to("FAILED"), &status.Message
	}
	if f.Options.Given {
		shown.DestinationOptions = &types.DestinationOptionsResponse{FileFormat: types.DestinationFileFormatPlainText,
			HiveCompatiblePartitions: &f.Options.Hive, PerHourPartition: &f.Options.Hourly}
		if f.Options.Parquet {
			shown.DestinationOptions.FileFormat = types.DestinationFileFormatParquet
		}
	}
	return shown
}

func (d *door) integrationTemplate(ctx context.Context, c access.Caller, in *api.GetFlowLogsIntegrationTemplateInput) (*api.GetFlowLogsIntegrationTemplateOutput, error) {
	var wanted []vpc.Integration
	for _, a := range in.IntegrateServices.AthenaIntegrations {
		if text(a.IntegrationResultS3DestinationArn) == "" {
			return nil, missing("IntegrateService.AthenaIntegration.IntegrationResultS3DestinationArn")
		}
		if a.PartitionLoadFrequency == "" {
			return nil, missing("IntegrateService.AthenaIntegration.PartitionLoadFrequency")
		}
		i := vpc.Integration{Results: *a.IntegrationResultS3DestinationArn, Load: string(a.PartitionLoadFrequency)}
		if a.PartitionStartDate != nil {
			i.From = *a.PartitionStartDate
		}
		if a.PartitionEndDate != nil {
			i.To = *a.PartitionEndDate
		}
		wanted = append(wanted, i)
	}
	if len(wanted) == 0 {
		return nil, fault.Newf(fault.Invalid, "member IntegrateServices", "it asks for no integration")
	}
	url, err := d.vpc.PutTemplate(ctx, c, *in.FlowLogId, *in.ConfigDeliveryS3DestinationArn, wanted)
	return &api.GetFlowLogsIntegrationTemplateOutput{Result: &url}, err
}
