package main

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// keyRefusals are of keys that ended and sessions that were tampered with.
func keyRefusals(w *world) []forbidden {
	who := call(stsOf, (*sts.Client).GetCallerIdentity, &sts.GetCallerIdentityInput{})
	buckets := call(s3Of, (*s3.Client).ListBuckets, &s3.ListBucketsInput{})
	users := call(iamOf, (*iam.Client).ListUsers, &iam.ListUsersInput{})
	groups := call(logsOf, (*cloudwatchlogs.Client).DescribeLogGroups, &cloudwatchlogs.DescribeLogGroupsInput{})
	const invalid = "The security token included in the request is invalid"
	return []forbidden{
		{"a key of a user who was deleted", "deleted", who, "InvalidClientTokenId", invalid},
		{"a session of a user who was deleted", "session of deleted", who, "InvalidClientTokenId", invalid},
		{"a key of a user whose name another has now", "the one before", buckets, "InvalidAccessKeyId", ""},
		{"a session of a user whose name another has now", "session of made-again", users, "InvalidClientTokenId", invalid},
		{"a session of a role that was deleted", "session of a removed role", buckets, "InvalidAccessKeyId", ""},
		{"an inactive key asks for buckets", "idle", buckets, "InvalidAccessKeyId", ""},
		{"an inactive key asks who it is", "idle", who, "InvalidClientTokenId", invalid},
		{"an inactive key makes itself active", "idle", func(ctx context.Context, p *actor) error {
			return call(iamOf, (*iam.Client).UpdateAccessKey, &iam.UpdateAccessKeyInput{AccessKeyId: &p.key.AccessKeyID, Status: "Active"})(ctx, p)
		}, "InvalidClientTokenId", invalid},
		{"a session that is over asks for buckets", "over", buckets, "ExpiredToken", "expired"},
		{"a session that is over asks for users", "over", users, "ExpiredToken", "expired"},
		{"a session that is over asks for logs", "over", groups, "ExpiredTokenException", "expired"},
		{"a session that is over prolongs itself", "over", call(stsOf, (*sts.Client).AssumeRole, &sts.AssumeRoleInput{RoleArn: roleNamed("reader"), RoleSessionName: new("again")}), "ExpiredToken", "expired"},
		{"a session's key without its token", "without token", buckets, "InvalidAccessKeyId", ""},
		{"a session's key without its token asks for logs", "without token", groups, "UnrecognizedClientException", ""},
		{"a session's key with the token of another session", "another's token", buckets, "InvalidAccessKeyId", ""},
		{"a long-term key with a session's token", "long-term + token", buckets, "InvalidToken", "unset AWS_SESSION_TOKEN"},
		{"a token with something added", "longer token", users, "InvalidClientTokenId", invalid},
		{"a token cut short", "shorter token", users, "InvalidClientTokenId", invalid},
		{"a token with one character changed", "changed token", users, "InvalidClientTokenId", invalid},
		{"a session's token with another key's secret", "another's secret", users, "SignatureDoesNotMatch", ""},
		{"a user without policies", "nora", buckets, "AccessDenied", "no identity-based policy allows the s3:ListAllMyBuckets action"},
		{"a session of a user calls IAM", "own session", users, "AccessDenied", "iam:ListUsers"},
	}
}

// trustRefusals are of roles that do not trust who asks.
func trustRefusals(w *world) []forbidden {
	assume := func(role string, change ...func(*sts.AssumeRoleInput)) ask {
		in := &sts.AssumeRoleInput{RoleArn: roleNamed(role), RoleSessionName: new("work")}
		for _, c := range change {
			c(in)
		}
		return call(stsOf, (*sts.Client).AssumeRole, in)
	}
	return []forbidden{
		{"root assumes a role", "root", assume("reader"), "AccessDenied", "Roles may not be assumed by root accounts."},
		{"root assumes a role that trusts its account", "root", assume("delegates"), "AccessDenied", "Roles may not be assumed by root accounts."},
		{"a role that trusts somebody else", "bob", assume("reader"), "AccessDenied", "sts:AssumeRole"},
		{"a role that trusts a service", "adam", assume("strong"), "AccessDenied", "sts:AssumeRole"},
		{"a role that trusts another account", "adam", assume("distrusts"), "AccessDenied", "sts:AssumeRole"},
		{"a role that trusts the account, by one who has no policy for it", "bob", assume("delegates"), "AccessDenied", "no identity-based policy allows the sts:AssumeRole action"},
		{"a role that trusts the account, by one whom a boundary stops from all but IAM", "nora", assume("delegates"), "AccessDenied", "sts:AssumeRole"},
		{"a role that trusted a user whose name another has now", "made-again", assume("trusts-the-one-before"), "AccessDenied", "sts:AssumeRole"},
		{"a role without the external id", "tess", assume("external"), "AccessDenied", "sts:AssumeRole"},
		{"a role with another external id", "tess", assume("external", func(in *sts.AssumeRoleInput) { in.ExternalId = new("The-ID") }), "AccessDenied", "sts:AssumeRole"},
		{"a role without the session tag that it wants", "tess", assume("tagged"), "AccessDenied", "sts:AssumeRole"},
		{"a role with another session tag", "tess", assume("tagged", func(in *sts.AssumeRoleInput) {
			in.Tags = []ststypes.Tag{{Key: new("team"), Value: new("others")}}
		}), "AccessDenied", "sts:"},
		{"a source identity that the trust does not allow to set", "tess", assume("reader", func(in *sts.AssumeRoleInput) { in.SourceIdentity = new("root") }), "AccessDenied", "sts:SetSourceIdentity"},
		{"a session longer than the role allows", "tess", assume("reader", func(in *sts.AssumeRoleInput) { in.DurationSeconds = new(int32(7200)) }), "ValidationError", "MaxSessionDuration"},
		{"a chained session of more than an hour", "session", call(stsOf, (*sts.Client).AssumeRole, &sts.AssumeRoleInput{RoleArn: roleNamed("delegates"), RoleSessionName: new("work"), DurationSeconds: new(int32(3601))}), "ValidationError", "hour"},
		{"a role that is not there, told as one that does not trust", "adam", assume("no-such-role"), "AccessDenied", "sts:AssumeRole on resource: " + *roleNamed("no-such-role")},
		{"a session asks for a session of its user", "session", call(stsOf, (*sts.Client).GetSessionToken, &sts.GetSessionTokenInput{}), "AccessDenied", "session credentials"},
		{"the AWS-managed policy as a session policy that gives more", "bob", assume("reader", func(in *sts.AssumeRoleInput) {
			in.PolicyArns = []ststypes.PolicyDescriptorType{{Arn: new("arn:aws:iam::aws:policy/AdministratorAccess")}}
		}), "AccessDenied", "sts:AssumeRole"},
	}
}

// climbRefusals are of carl, who may read all of IAM and make keys for himself.
func climbRefusals(w *world) []forbidden {
	const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
	everything, carl := document(allow("*", "*")), new("carl")
	carlOnly := trustIn(`{"AWS":"`+w.people["carl"].arn+`"}`, "")
	return []forbidden{
		{"CreatePolicyVersion of his own policy", "carl", call(iamOf, (*iam.Client).CreatePolicyVersion, &iam.CreatePolicyVersionInput{PolicyArn: policyNamed("carls"), PolicyDocument: everything, SetAsDefault: true}), "AccessDenied", "iam:CreatePolicyVersion on resource: " + *policyNamed("carls")},
		{"SetDefaultPolicyVersion to a version that allows all", "carl", call(iamOf, (*iam.Client).SetDefaultPolicyVersion, &iam.SetDefaultPolicyVersionInput{PolicyArn: policyNamed("carls"), VersionId: new("v2")}), "AccessDenied", "iam:SetDefaultPolicyVersion"},
		{"DeletePolicyVersion", "carl", call(iamOf, (*iam.Client).DeletePolicyVersion, &iam.DeletePolicyVersionInput{PolicyArn: policyNamed("carls"), VersionId: new("v2")}), "AccessDenied", "iam:DeletePolicyVersion"},
		{"AttachUserPolicy to himself", "carl", call(iamOf, (*iam.Client).AttachUserPolicy, &iam.AttachUserPolicyInput{UserName: carl, PolicyArn: new(administrator)}), "AccessDenied", "iam:AttachUserPolicy"},
		{"AttachRolePolicy to a role that he may hand over", "carl", call(iamOf, (*iam.Client).AttachRolePolicy, &iam.AttachRolePolicyInput{RoleName: new("weak"), PolicyArn: new(administrator)}), "AccessDenied", "iam:AttachRolePolicy"},
		{"AttachGroupPolicy", "carl", call(iamOf, (*iam.Client).AttachGroupPolicy, &iam.AttachGroupPolicyInput{GroupName: new("admins"), PolicyArn: new(administrator)}), "AccessDenied", "iam:AttachGroupPolicy"},
		{"PutUserPolicy on himself", "carl", call(iamOf, (*iam.Client).PutUserPolicy, &iam.PutUserPolicyInput{UserName: carl, PolicyName: new("own"), PolicyDocument: everything}), "AccessDenied", "iam:PutUserPolicy"},
		{"PutRolePolicy", "carl", call(iamOf, (*iam.Client).PutRolePolicy, &iam.PutRolePolicyInput{RoleName: new("weak"), PolicyName: new("all"), PolicyDocument: everything}), "AccessDenied", "iam:PutRolePolicy"},
		{"PutGroupPolicy", "carl", call(iamOf, (*iam.Client).PutGroupPolicy, &iam.PutGroupPolicyInput{GroupName: new("admins"), PolicyName: new("more"), PolicyDocument: everything}), "AccessDenied", "iam:PutGroupPolicy"},
		{"AddUserToGroup of himself", "carl", call(iamOf, (*iam.Client).AddUserToGroup, &iam.AddUserToGroupInput{GroupName: new("admins"), UserName: carl}), "AccessDenied", "iam:AddUserToGroup"},
		{"UpdateAssumeRolePolicy to trust himself", "carl", call(iamOf, (*iam.Client).UpdateAssumeRolePolicy, &iam.UpdateAssumeRolePolicyInput{RoleName: new("strong"), PolicyDocument: carlOnly}), "AccessDenied", "iam:UpdateAssumeRolePolicy"},
		{"CreateAccessKey for another user", "carl", call(iamOf, (*iam.Client).CreateAccessKey, &iam.CreateAccessKeyInput{UserName: new("adam")}), "AccessDenied", "iam:CreateAccessKey on resource: " + w.people["adam"].arn},
		{"UpdateAccessKey of another user", "carl", call(iamOf, (*iam.Client).UpdateAccessKey, &iam.UpdateAccessKeyInput{UserName: new("idle"), AccessKeyId: &w.people["idle"].key.AccessKeyID, Status: "Active"}), "AccessDenied", "iam:UpdateAccessKey"},
		{"DeleteAccessKey of another user", "carl", call(iamOf, (*iam.Client).DeleteAccessKey, &iam.DeleteAccessKeyInput{UserName: new("adam"), AccessKeyId: &w.people["adam"].key.AccessKeyID}), "AccessDenied", "iam:DeleteAccessKey"},
		{"DeleteAccessKey of another user, named as one's own", "adam", call(iamOf, (*iam.Client).DeleteAccessKey, &iam.DeleteAccessKeyInput{AccessKeyId: &w.people["carl"].key.AccessKeyID}), "NoSuchEntity", w.people["carl"].key.AccessKeyID},
		{"CreateUser", "carl", call(iamOf, (*iam.Client).CreateUser, &iam.CreateUserInput{UserName: new("carl2")}), "AccessDenied", "iam:CreateUser"},
		{"UpdateUser to another path", "carl", call(iamOf, (*iam.Client).UpdateUser, &iam.UpdateUserInput{UserName: carl, NewPath: new("/admins/")}), "AccessDenied", "iam:UpdateUser"},
		{"CreateRole that trusts himself", "carl", call(iamOf, (*iam.Client).CreateRole, &iam.CreateRoleInput{RoleName: new("mine"), AssumeRolePolicyDocument: carlOnly}), "AccessDenied", "iam:CreateRole"},
		{"DetachUserPolicy of what denies", "carl", call(iamOf, (*iam.Client).DetachUserPolicy, &iam.DetachUserPolicyInput{UserName: carl, PolicyArn: policyNamed("carls")}), "AccessDenied", "iam:DetachUserPolicy"},
		{"DeleteUserPolicy", "carl", call(iamOf, (*iam.Client).DeleteUserPolicy, &iam.DeleteUserPolicyInput{UserName: carl, PolicyName: new("own")}), "AccessDenied", "iam:DeleteUserPolicy"},
		{"simulating what an administrator may", "nora", call(iamOf, (*iam.Client).SimulatePrincipalPolicy, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &w.people["adam"].arn, ActionNames: []string{"s3:GetObject"}}), "AccessDenied", "iam:SimulatePrincipalPolicy"},
		{"reading the policies of all", "nora", call(iamOf, (*iam.Client).GetAccountAuthorizationDetails, &iam.GetAccountAuthorizationDetailsInput{}), "AccessDenied", "iam:GetAccountAuthorizationDetails"},
		{"changing an AWS-managed policy", "adam", call(iamOf, (*iam.Client).CreatePolicyVersion, &iam.CreatePolicyVersionInput{PolicyArn: new(administrator), PolicyDocument: everything}), "AccessDenied", ""},
		{"a policy with a principal of its own", "adam", call(iamOf, (*iam.Client).CreatePolicy, &iam.CreatePolicyInput{PolicyName: new("p"), PolicyDocument: new(strings.Replace(*everything, `"Action"`, `"Principal":"*","Action"`, 1))}), "MalformedPolicyDocument", "Principal"},
		{"a trust in nobody who is there", "adam", call(iamOf, (*iam.Client).CreateRole, &iam.CreateRoleInput{RoleName: new("r"), AssumeRolePolicyDocument: trustIn(`{"AWS":"arn:aws:iam::`+defaultAccount+`:user/nobody"}`, "")}), "MalformedPolicyDocument", "Invalid principal in policy"},
		{"a trust policy with two Effects, of which a reader takes either", "adam", call(iamOf, (*iam.Client).CreateRole, &iam.CreateRoleInput{RoleName: new("r"), AssumeRolePolicyDocument: new(strings.Replace(*carlOnly, `"Effect":"Allow"`, `"Effect":"Deny","Effect":"Allow"`, 1))}), "MalformedPolicyDocument", "Effect"},
	}
}

// boundRefusals are of people who may everything, but for what bounds them.
func boundRefusals(w *world) []forbidden {
	get := func(bucket, key string) ask {
		return call(s3Of, (*s3.Client).GetObject, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	}
	bo := new("bo")
	const boundary = "no permissions boundary allows"
	return []forbidden{
		{"an object outside the boundary", "bo", get("home", "bob/mine"), "AccessDenied", boundary},
		{"a bucket's listing outside the boundary", "bo", call(s3Of, (*s3.Client).ListObjectsV2, &s3.ListObjectsV2Input{Bucket: new("home")}), "AccessDenied", boundary},
		{"a table outside the boundary", "bo", call(glueOf, (*glue.Client).GetDatabases, &glue.GetDatabasesInput{}), "AccessDeniedException", boundary},
		{"a query outside the boundary", "bo", call(athenaOf, (*athena.Client).StartQueryExecution, &athena.StartQueryExecutionInput{QueryString: new("SELECT 1")}), "AccessDeniedException", boundary},
		{"taking one's boundary away", "bo", call(iamOf, (*iam.Client).DeleteUserPermissionsBoundary, &iam.DeleteUserPermissionsBoundaryInput{UserName: bo}), "AccessDenied", "explicit deny in a permissions boundary"},
		{"taking a wider boundary", "bo", call(iamOf, (*iam.Client).PutUserPermissionsBoundary, &iam.PutUserPermissionsBoundaryInput{UserName: bo, PermissionsBoundary: new("arn:aws:iam::aws:policy/AdministratorAccess")}), "AccessDenied", "explicit deny in a permissions boundary"},
		{"widening the boundary's policy", "bo", call(iamOf, (*iam.Client).CreatePolicyVersion, &iam.CreatePolicyVersionInput{PolicyArn: policyNamed("edge"), PolicyDocument: document(allow("*", "*")), SetAsDefault: true}), "AccessDenied", "explicit deny in a permissions boundary"},
		{"deleting the policy that is a boundary", "adam", call(iamOf, (*iam.Client).DeletePolicy, &iam.DeletePolicyInput{PolicyArn: policyNamed("edge")}), "DeleteConflict", ""},
		{"an object outside the session policy", "narrow session", get("home", "eve/hers"), "AccessDenied", "no session policy allows the s3:GetObject action"},
		{"a write under a session policy that reads", "narrow session", call(s3Of, (*s3.Client).PutObject, &s3.PutObjectInput{Bucket: new("home"), Key: new("bob/mine"), Body: strings.NewReader("x")}), "AccessDenied", "no session policy allows"},
		{"what the session policy allows and the role does not", "narrow session", call(iamOf, (*iam.Client).CreateUser, &iam.CreateUserInput{UserName: new("x")}), "AccessDenied", "no identity-based policy allows the iam:CreateUser action"},
		{"another role from a limited session", "narrow session", call(stsOf, (*sts.Client).AssumeRole, &sts.AssumeRoleInput{RoleArn: roleNamed("delegates"), RoleSessionName: new("work")}), "AccessDenied", "sts:AssumeRole"},
		{"what the session's user may and its role does not", "session", call(iamOf, (*iam.Client).ListRoles, &iam.ListRolesInput{}), "AccessDenied", "assumed-role/reader/work"},
	}
}
