package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func crawlerOf(role string) ask {
	return call(glueOf, (*glue.Client).CreateCrawler, &glue.CreateCrawlerInput{Name: new("c"), Role: roleNamed(role), DatabaseName: new("net"),
		Targets: &gluetypes.CrawlerTargets{S3Targets: []gluetypes.S3Target{{Path: new("s3://vault/")}}}})
}

func streamOf(role string) ask {
	return call(firehoseOf, (*firehose.Client).CreateDeliveryStream, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: new("d"),
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{BucketARN: new("arn:aws:s3:::vault"), RoleARN: roleNamed(role)}})
}

// flowLogOf makes a network when it is asked, so that a flow log has something to be of.
func (w *world) flowLogOf(role string) ask {
	if w.ids["vpc"] == "" {
		made, err := w.ec2.CreateVpc(w.t.Context(), &ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16")})
		ok(w.t, err)
		w.ids["vpc"] = *made.Vpc.VpcId
	}
	return call(ec2Of, (*ec2.Client).CreateFlowLogs, &ec2.CreateFlowLogsInput{ResourceIds: []string{w.ids["vpc"]}, ResourceType: ec2types.FlowLogsResourceTypeVpc, TrafficType: ec2types.TrafficTypeAll,
		LogGroupName: new("stolen"), DeliverLogsPermissionArn: roleNamed(role)})
}

func subscriptionOf(role string) ask {
	return call(logsOf, (*cloudwatchlogs.Client).PutSubscriptionFilter, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: new("flows"), FilterName: new("f"), FilterPattern: new(""),
		DestinationArn: new("arn:aws:firehose:" + defaultRegion + ":" + defaultAccount + ":deliverystream/into"), RoleArn: roleNamed(role)})
}

func locationOf(bucket, role string) ask {
	return call(formationOf, (*lakeformation.Client).RegisterResource, &lakeformation.RegisterResourceInput{ResourceArn: new("arn:aws:s3:::" + bucket), RoleArn: roleNamed(role)})
}

// passRefusals are of carl, who may hand weak to anybody and every role to EC2 alone.
func passRefusals(w *world) []forbidden {
	const pass = "iam:PassRole on resource: "
	strong := pass + *roleNamed("strong")
	return []forbidden{
		{"a stronger role to a crawler", "carl", crawlerOf("strong"), "AccessDeniedException", strong},
		{"a stronger role to a delivery stream", "carl", streamOf("strong"), "AccessDeniedException", strong},
		{"a stronger role to flow logs", "carl", w.flowLogOf("strong"), "UnauthorizedOperation", ""},
		{"a stronger role to a subscription", "carl", subscriptionOf("strong"), "AccessDeniedException", strong},
		{"a stronger role to Lake Formation", "carl", locationOf("vault", "strong"), "AccessDeniedException", strong},
		{"a stronger role to a crawler by its name alone", "carl", call(glueOf, (*glue.Client).CreateCrawler, &glue.CreateCrawlerInput{Name: new("c"), Role: new("strong"), DatabaseName: new("net"),
			Targets: &gluetypes.CrawlerTargets{S3Targets: []gluetypes.S3Target{{Path: new("s3://vault/")}}}}), "AccessDeniedException", strong},
		{"a stronger role for a location that is registered with a weaker", "carl", call(formationOf, (*lakeformation.Client).UpdateResource, &lakeformation.UpdateResourceInput{ResourceArn: new("arn:aws:s3:::lake"), RoleArn: roleNamed("strong")}), "AccessDeniedException", strong},
		{"a role that is not there to a crawler", "carl", crawlerOf("no-such-role"), "AccessDeniedException", pass + *roleNamed("no-such-role")},
		{"a role without the right to hand any over", "lena", crawlerOf("strong"), "AccessDeniedException", strong},
		{"a role to a crawler by one who may nothing", "nora", crawlerOf("weak"), "AccessDeniedException", "glue:CreateCrawler"},
	}
}

// confusedRefusals are of services that would act for somebody whom the role or the bucket did not mean. olga may hand over every role.
func confusedRefusals(w *world) []forbidden {
	exporting := func(policy string) ask {
		return func(ctx context.Context, p *actor) error {
			root := s3Of(w.root)
			if _, err := root.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: new("exports"), Policy: &policy}); err != nil {
				return err
			}
			_, err := logsOf(p).CreateExportTask(ctx, &cloudwatchlogs.CreateExportTaskInput{LogGroupName: new("flows"), From: new(int64(0)), To: new(time.Now().UnixMilli()), Destination: new("exports"), DestinationPrefix: new("p")})
			if _, undo := root.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: new("exports")}); undo != nil {
				return undo
			}
			return err
		}
	}
	// lets is the bucket policy of CloudWatch Logs' documents, with one condition on the service's requests.
	lets := func(service, condition string) string {
		return *document(`{"Effect":"Allow","Principal":{"Service":"`+service+`"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::exports","Condition":`+condition+`}`,
			`{"Effect":"Allow","Principal":{"Service":"`+service+`"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::exports/p/*","Condition":`+condition+`}`)
	}
	logs := "logs." + defaultRegion + ".amazonaws.com"
	const acl, put = "GetBucketAcl call on the given bucket failed", "PutObject call on the given bucket failed"
	return []forbidden{
		{"an export into a bucket without a policy", "olga", call(logsOf, (*cloudwatchlogs.Client).CreateExportTask, &cloudwatchlogs.CreateExportTaskInput{LogGroupName: new("flows"), From: new(int64(0)), To: new(int64(1)), Destination: new("exports")}), "InvalidParameterException", acl},
		{"an export into a bucket that trusts another account's logs", "olga", exporting(lets(logs, `{"StringEquals":{"aws:SourceAccount":"999999999999"}}`)), "InvalidParameterException", acl},
		{"an export of a log group that the bucket does not name", "olga", exporting(lets(logs, `{"ArnLike":{"aws:SourceArn":"arn:aws:logs:`+defaultRegion+`:`+defaultAccount+`:log-group:others:*"}}`)), "InvalidParameterException", acl},
		{"an export of a log group of another region", "olga", exporting(lets(logs, `{"ArnLike":{"aws:SourceArn":"arn:aws:logs:eu-west-1:*:log-group:*"}}`)), "InvalidParameterException", acl},
		{"an export into a bucket that trusts another region's service", "olga", exporting(lets("logs.eu-west-1.amazonaws.com", `{"StringEquals":{"aws:SourceAccount":"`+defaultAccount+`"}}`)), "InvalidParameterException", acl},
		{"an export into a bucket that trusts another service", "olga", exporting(lets("delivery.logs.amazonaws.com", `{"StringEquals":{"aws:SourceAccount":"`+defaultAccount+`"}}`)), "InvalidParameterException", acl},
		{"an export that may see the ACL and not write", "olga", exporting(*document(`{"Effect":"Allow","Principal":{"Service":"` + logs + `"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::exports"}`)), "InvalidParameterException", put},
		{"an export to another prefix than the bucket allows", "olga", exporting(*document(`{"Effect":"Allow","Principal":{"Service":"`+logs+`"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::exports"}`,
			`{"Effect":"Allow","Principal":{"Service":"`+logs+`"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::exports/q/*"}`)), "InvalidParameterException", put},
		{"an export where the bucket wants another ACL", "olga", exporting(*document(`{"Effect":"Allow","Principal":{"Service":"`+logs+`"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::exports"}`,
			`{"Effect":"Allow","Principal":{"Service":"`+logs+`"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::exports/p/*","Condition":{"StringEquals":{"s3:x-amz-acl":"private"}}}`)), "InvalidParameterException", put},
		{"a place registered with a role that trusts another account", "ana", says("SELECT * FROM misled_account"), statementFailed, "sts:AssumeRole"},
		{"a place registered with a role that trusts another resource", "ana", says("SELECT * FROM misled_resource"), statementFailed, "sts:AssumeRole"},
		{"a place registered with a role that trusts another service", "ana", says("SELECT * FROM misled_service"), statementFailed, "sts:AssumeRole"},
		{"a role that EC2 alone may assume, to Lake Formation", "olga", locationOf("home", "only-ec2"), "InvalidInputException", "lakeformation.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role that EC2 alone may assume, to a crawler", "olga", crawlerOf("only-ec2"), "InvalidInputException", "glue.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role that EC2 alone may assume, to a delivery stream", "olga", streamOf("only-ec2"), "InvalidArgumentException", "firehose.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role that EC2 alone may assume, to flow logs", "olga", w.flowLogOf("only-ec2"), "InvalidParameter", "vpc-flow-logs.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role for crawlers of another account", "olga", crawlerOf("for-another-account"), "InvalidInputException", "glue.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role for another crawler", "olga", crawlerOf("for-another-resource"), "InvalidInputException", "glue.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role for delivery streams of another account", "olga", streamOf("for-another-account"), "InvalidArgumentException", "firehose.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role for another delivery stream", "olga", streamOf("for-another-resource"), "InvalidArgumentException", "firehose.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role for flow logs of another account", "olga", w.flowLogOf("for-another-account"), "InvalidParameter", "vpc-flow-logs.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role for another flow log", "olga", w.flowLogOf("for-another-resource"), "InvalidParameter", "vpc-flow-logs.amazonaws.com is not authorized to perform: sts:AssumeRole"},
		{"a role for subscriptions of another account", "olga", subscriptionOf("for-another-account"), "InvalidParameterException", ""},
		{"a user who calls himself a service in a header", "nora", changed(objectRequest().with(func(e *envelope) {
			e.headers = map[string]string{"X-Amz-Source-Account": defaultAccount, "X-Amz-Source-Arn": "arn:aws:logs:us-east-1:" + defaultAccount + ":log-group:flows"}
		})), "NotImplemented", "x-amz-source-"},
	}
}
