package main

import (
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// requestIDOf is the id of a request whose answer has failures in it.
func requestIDOf(m middleware.Metadata) (string, bool) { return awsmiddleware.GetRequestIDMetadata(m) }

// within is a failure that stood in an answer, as an error.
func within(code, message, id string) error {
	return &rawAnswer{GenericAPIError: smithy.GenericAPIError{Code: code, Message: message}, id: id, within: true}
}

// accountRefusals name what belongs to another account. adam may everything in this one.
func accountRefusals(w *world) []forbidden {
	const other = "999999999999"
	role, key, bob := "arn:aws:iam::"+other+":role/r", "arn:aws:iam::"+other+":policy/p", new("bob")
	group := "arn:aws:logs:" + defaultRegion + ":" + other + ":log-group:flows"
	table := func(account string) *lftypes.Resource {
		return &lftypes.Resource{Table: &lftypes.TableResource{CatalogId: &account, DatabaseName: new("net"), Name: new("flows")}}
	}
	return []forbidden{
		{"another account's role, by an administrator", "adam", call(stsOf, (*sts.Client).AssumeRole, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: new("work")}), "AccessDenied", "Access Denied"},
		{"another account's role, by root", "root", call(stsOf, (*sts.Client).AssumeRole, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: new("work")}), "AccessDenied", ""},
		{"another account's policy", "adam", call(iamOf, (*iam.Client).GetPolicy, &iam.GetPolicyInput{PolicyArn: &key}), "AccessDenied", "Access Denied"},
		{"another account's policy, attached to a user", "adam", call(iamOf, (*iam.Client).AttachUserPolicy, &iam.AttachUserPolicyInput{UserName: bob, PolicyArn: &key}), "NoSuchEntity", "not exist or is not attachable"},
		{"another account's policy as a boundary", "adam", call(iamOf, (*iam.Client).PutUserPermissionsBoundary, &iam.PutUserPermissionsBoundaryInput{UserName: bob, PermissionsBoundary: &key}), "NoSuchEntity", "not exist or is not attachable"},
		{"what another account's role may", "adam", call(iamOf, (*iam.Client).SimulatePrincipalPolicy, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &role, ActionNames: []string{"s3:GetObject"}}), "AccessDenied", ""},
		{"another account's role for a crawler", "adam", call(glueOf, (*glue.Client).CreateCrawler, &glue.CreateCrawlerInput{Name: new("c"), Role: &role, DatabaseName: new("net"),
			Targets: &gluetypes.CrawlerTargets{S3Targets: []gluetypes.S3Target{{Path: new("s3://vault/")}}}}), "AccessDeniedException", "iam:PassRole"},
		{"another account's role for a place of the data lake", "adam", call(formationOf, (*lakeformation.Client).RegisterResource, &lakeformation.RegisterResourceInput{ResourceArn: new("arn:aws:s3:::vault"), RoleArn: &role}), "AccessDeniedException", ""},
		{"another account's log group by its ARN", "adam", call(logsOf, (*cloudwatchlogs.Client).FilterLogEvents, &cloudwatchlogs.FilterLogEventsInput{LogGroupIdentifier: &group}), "InvalidParameterException", "is not the ARN of a log group of account"},
		{"another account's log group: its tags", "adam", call(logsOf, (*cloudwatchlogs.Client).ListTagsForResource, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &group}), "InvalidParameterException", "is not the ARN of a log group of account"},
		{"another account's log group, asked for by root", "root", call(logsOf, (*cloudwatchlogs.Client).FilterLogEvents, &cloudwatchlogs.FilterLogEventsInput{LogGroupIdentifier: &group}), "InvalidParameterException", "is not the ARN of a log group of account"},
		{"another account's stream for a subscription", "adam", call(logsOf, (*cloudwatchlogs.Client).PutSubscriptionFilter, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: new("flows"), FilterName: new("f"), FilterPattern: new(""),
			DestinationArn: new("arn:aws:firehose:" + defaultRegion + ":" + other + ":deliverystream/d"), RoleArn: roleNamed("weak")}), "InvalidParameterException", "is not in the log group's account"},
		{"another account's catalogue: its databases", "adam", call(glueOf, (*glue.Client).GetDatabases, &glue.GetDatabasesInput{CatalogId: new(other)}), "EntityNotFoundException", "catalog 999999999999: not found"},
		{"another account's catalogue: a table", "root", call(glueOf, (*glue.Client).GetTable, &glue.GetTableInput{CatalogId: new(other), DatabaseName: new("net"), Name: new("flows")}), "EntityNotFoundException", "catalog 999999999999: not found"},
		{"another account's catalogue: a new table", "adam", call(glueOf, (*glue.Client).CreateTable, &glue.CreateTableInput{CatalogId: new(other), DatabaseName: new("net"), TableInput: textTable("t", "s3://vault/")}), "EntityNotFoundException", "catalog 999999999999: not found"},
		{"another account's data lake: settings", "adam", call(formationOf, (*lakeformation.Client).GetDataLakeSettings, &lakeformation.GetDataLakeSettingsInput{CatalogId: new(other)}), "EntityNotFoundException", "catalog 999999999999: not found"},
		{"another account's data lake: a grant on its table", "root", call(formationOf, (*lakeformation.Client).GrantPermissions, &lakeformation.GrantPermissionsInput{Principal: whom(w.people["ana"].arn), Resource: table(other), Permissions: []lftypes.Permission{selects}}), "EntityNotFoundException", "catalog 999999999999: not found"},
		{"a grant to another account's user", "root", call(formationOf, (*lakeformation.Client).GrantPermissions, &lakeformation.GrantPermissionsInput{Principal: whom("arn:aws:iam::" + other + ":user/u"), Resource: table(defaultAccount), Permissions: []lftypes.Permission{selects}}), "InvalidInputException", "Invalid principal"},
		{"credentials for another account's table", "fay", call(formationOf, (*lakeformation.Client).GetTemporaryGlueTableCredentials, &lakeformation.GetTemporaryGlueTableCredentialsInput{TableArn: new("arn:aws:glue:" + defaultRegion + ":" + other + ":table/net/open"),
			SupportedPermissionTypes: []lftypes.PermissionType{lftypes.PermissionTypeColumnPermission}}), "InvalidInputException", "is not the ARN of a table"},
		{"a bucket, said to be another account's", "root", call(s3Of, (*s3.Client).ListObjectsV2, &s3.ListObjectsV2Input{Bucket: new("home"), ExpectedBucketOwner: new(other)}), "AccessDenied", ""},
		{"a source to copy, said to be another account's", "root", call(s3Of, (*s3.Client).CopyObject, &s3.CopyObjectInput{Bucket: new("home"), Key: new("copy"), CopySource: new("home/bob/mine"), ExpectedSourceBucketOwner: new(other)}), "NotImplemented", "x-amz-source-expected-bucket-owner"},
		{"a bucket's policy for another account's user, who is not known", "root", call(s3Of, (*s3.Client).PutBucketPolicy, &s3.PutBucketPolicyInput{Bucket: new("closed"), Policy: new(strings.Replace(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:*","Resource":["arn:aws:s3:::closed","arn:aws:s3:::closed/*"],"Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:root"}}}]}`, "\n", "", -1))}), "AccessDenied", "BlockPublicPolicy"},
		{"another account's catalogue in a query", "ana", says("SELECT * FROM \"" + other + "\".net.flows"), statementFailed, "CATALOG_NOT_FOUND"},
		{"another account's workgroup by its tags", "adam", call(athenaOf, (*athena.Client).ListTagsForResource, &athena.ListTagsForResourceInput{ResourceARN: new("arn:aws:athena:" + defaultRegion + ":" + other + ":workgroup/primary")}), "AccessDeniedException", "athena:ListTagsForResource"},
	}
}
