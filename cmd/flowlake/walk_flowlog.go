package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"flowlake/flow/synthetic"
)

// The third path's things: its table and database are those of the third article.
const (
	flowLogDatabase = "vpcflowlogs"
	flowLogTable    = "vpc_flow_logs"
	flowLogFolder   = "AWSLogs/"
	flowLogRows     = 2000

	// Those of the article on monitoring.
	flowLogRole  = "my-flowlog-role"
	flowLogGroup = "MyVpc22-Log"
)

// logged is the third path: a flow log that goes straight to a bucket, read by a table with projected partitions.
func (w *walk) logged() []func(context.Context) error {
	return []func(context.Context) error{w.makeFlowLog, w.playRecords, w.makeFlowLogTable, w.queryProjected, w.flowLogToGroup}
}

func (w *walk) makeFlowLog(ctx context.Context) error {
	w.begin("Flow log to a bucket", "you → EC2 → S3",
		"A flow log of a VPC logs each of its network interfaces. To a bucket, its files lie in folders of dates, every hour's in one.",
		"ec2:CreateVpc", "ec2:CreateSubnet", "ec2:CreateNetworkInterface", "ec2:CreateFlowLogs")
	v, err := w.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		return err
	}
	s, err := w.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24")})
	if err != nil {
		return err
	}
	if _, err := w.ec2.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: s.Subnet.SubnetId}); err != nil {
		return err
	}
	out, err := w.ec2.CreateFlowLogs(ctx, &ec2.CreateFlowLogsInput{
		ResourceIds: []string{*v.Vpc.VpcId}, ResourceType: ec2types.FlowLogsResourceTypeVpc, TrafficType: ec2types.TrafficTypeAll,
		LogDestinationType: ec2types.LogDestinationTypeS3, LogDestination: aws.String("arn:aws:s3:::" + demoBucket), MaxAggregationInterval: aws.Int32(60),
		DestinationOptions: &ec2types.DestinationOptionsRequest{FileFormat: ec2types.DestinationFileFormatPlainText, PerHourPartition: aws.Bool(true)},
	})
	if err != nil {
		return err
	}
	if len(out.FlowLogIds) != 1 {
		return fmt.Errorf("no flow log was made: %v", out.Unsuccessful)
	}
	w.flowLog, w.vpc = out.FlowLogIds[0], *v.Vpc.VpcId
	w.did("flow log %s of %s → s3://%s/AWSLogs/…", w.flowLog, *v.Vpc.VpcId, demoBucket)
	return nil
}

func (w *walk) playRecords(ctx context.Context) error {
	w.begin("Records", "the flow-log service → S3",
		"delivery.logs.amazonaws.com writes, as the bucket's policy lets it: CreateFlowLogs put the statements there. Until flowlake captures packets itself, made-up records go through the flow log's delivery. AWS writes a file every five minutes; here it is a second.",
		"flowlake:PutFlowRecords", "s3:ListObjectsV2")
	p := &player{cfg: w.cfg, ec2: w.ec2, flowLog: w.flowLog, live: true, log: io.Discard}
	if err := p.run(ctx, synthetic.Config{Seed: 1, Rows: flowLogRows}); err != nil {
		return err
	}
	w.did("%d records", p.sent.Delivered)
	return w.objects(ctx, flowLogFolder)
}

func (w *walk) makeFlowLogTable(ctx context.Context) error {
	w.begin("Table with projected partitions", "you → Athena → Glue",
		"No crawler, no Lambda that adds each day: the table's properties say which folders there are.",
		"ec2:DescribeFlowLogs", "athena:StartQueryExecution")
	t, err := tableOf(ctx, w.cfg, w.flowLog)
	if err != nil {
		return err
	}
	t.Database, t.Name = flowLogDatabase, flowLogTable
	q := &queryRun{client: athena.NewFromConfig(w.cfg), database: "default", workgroup: "primary"}
	if err := createTable(ctx, q, t, io.Discard); err != nil {
		return err
	}
	if err := w.grantSelect(ctx, flowLogDatabase, flowLogTable); err != nil {
		return err
	}
	var projected []string
	for line := range strings.SplitSeq(t.DDL(), "\n") {
		if strings.Contains(line, "projection.") || strings.Contains(line, "location.template") {
			projected = append(projected, strings.TrimSpace(line))
		}
	}
	if len(projected) == 0 {
		return errors.New("the flow log's table has no projection")
	}
	w.did("table %s.%s", t.Database, t.Name)
	for _, line := range projected {
		fmt.Fprintln(w.out, "     "+line)
	}
	return nil
}

func (w *walk) queryProjected(ctx context.Context) error {
	w.begin("SQL on this hour", "the analyst → Athena → the catalogue and S3",
		"The condition on the hour names one folder: no other is looked at.",
		"athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults")
	hours := []string{time.Now().UTC().Add(-time.Hour).Format("2006/01/02/15"), time.Now().UTC().Format("2006/01/02/15")}
	return w.query(ctx, flowLogDatabase, fmt.Sprintf("SELECT action, count(*) AS flows, sum(bytes) AS total\nFROM %s\nWHERE hour BETWEEN '%s' AND '%s'\nGROUP BY action\nORDER BY flows DESC",
		flowLogTable, hours[0], hours[1]), 5)
}

// flowLogToGroup is the article on monitoring: a role made for EC2, whose trust has to be edited before a flow log can use it.
func (w *walk) flowLogToGroup(ctx context.Context) error {
	w.begin("Flow log to a log group, with a role made for EC2", "you → IAM and EC2; the flow-log service, as the role → CloudWatch Logs",
		"The role's policy is right, and its trust names ec2.amazonaws.com: the flow-log service may not assume it. The article edits the trust.",
		"iam:CreateRole", "iam:PutRolePolicy", "ec2:CreateFlowLogs", "iam:UpdateAssumeRolePolicy", "flowlake:PutFlowRecords")
	if err := w.newRole(ctx, flowLogRole, trusting("ec2.amazonaws.com"), flowLogPolicy); err != nil {
		return err
	}
	if _, err := w.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(flowLogGroup)}); err != nil {
		return err
	}
	create := func() (string, error) {
		out, err := w.ec2.CreateFlowLogs(ctx, &ec2.CreateFlowLogsInput{
			ResourceIds: []string{w.vpc}, ResourceType: ec2types.FlowLogsResourceTypeVpc, TrafficType: ec2types.TrafficTypeAll,
			LogGroupName: aws.String(flowLogGroup), DeliverLogsPermissionArn: aws.String(roleARN(flowLogRole)), MaxAggregationInterval: aws.Int32(60),
		})
		switch {
		case err != nil:
			return "", err
		case len(out.FlowLogIds) != 1:
			return "", fmt.Errorf("no flow log was made: %s", aws.ToString(out.Unsuccessful[0].Error.Message))
		}
		return out.FlowLogIds[0], nil
	}
	id, err := create()
	if err == nil {
		return fmt.Errorf("flow log %s was made with a role that does not trust the service", id)
	}
	w.refused(err)
	trust := trusting("vpc-flow-logs.amazonaws.com")
	if _, err := w.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(flowLogRole), PolicyDocument: trust}); err != nil {
		return err
	}
	if id, err = create(); err != nil {
		return err
	}
	p := &player{cfg: w.cfg, ec2: w.ec2, flowLog: id, live: true, log: io.Discard}
	if err := p.run(ctx, synthetic.Config{Seed: 2, Rows: 100}); err != nil {
		return err
	}
	w.did("the trust names vpc-flow-logs.amazonaws.com: flow log %s wrote %d records into %s", id, p.sent.Delivered, flowLogGroup)
	return nil
}
