package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// iam is the client of IAM, as root.
func (c *clients) iam() *iam.Client { return iam.NewFromConfig(c.config("")) }

const anyS3 = `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:*","Resource":"*"}]}`

func trusts(service string) *string {
	return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`)
}

// answered checks a call whose answer says nothing of interest.
func answered(t testing.TB) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		ok(t, err)
	}
}

func testIAMUsers(t *testing.T, c *clients) {
	ctx, root, me, crew := t.Context(), c.iam(), aws.String("walk-ann"), aws.String("walk-crew")
	done := answered(t)
	made, err := root.CreateUser(ctx, &iam.CreateUserInput{UserName: me, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("walk")}}})
	ok(t, err)
	if str(made.User.Arn) != "arn:aws:iam::"+defaultAccount+":user/walk-ann" {
		t.Errorf("got %s", str(made.User.Arn))
	}
	key, err := root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: me})
	ok(t, err)
	cfg := c.config("")
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	ok(t, err)
	if str(who.Arn) != str(made.User.Arn) || str(who.UserId) != str(made.User.UserId) {
		t.Errorf("the key's owner is %s, %s", str(who.Arn), str(who.UserId))
	}
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	_, err = objects.ListBuckets(ctx, &s3.ListBucketsInput{})
	refused(t, err, "AccessDenied", "s3:ListAllMyBuckets")

	done(root.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: crew}))
	done(root.PutGroupPolicy(ctx, &iam.PutGroupPolicyInput{GroupName: crew, PolicyName: aws.String("s3"), PolicyDocument: aws.String(anyS3)}))
	done(root.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: crew, UserName: me}))
	done(objects.ListBuckets(ctx, &s3.ListBucketsInput{}))
	done(root.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: me, AccessKeyId: key.AccessKey.AccessKeyId, Status: types.StatusTypeInactive}))
	if _, err := objects.ListBuckets(ctx, &s3.ListBucketsInput{}); err == nil {
		t.Error("an inactive key lists buckets")
	}
	used, err := root.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKey.AccessKeyId})
	ok(t, err)
	if str(used.UserName) != *me {
		t.Errorf("got %+v", used)
	}
	keys, err := root.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: me})
	ok(t, err)
	if len(keys.AccessKeyMetadata) != 1 || keys.AccessKeyMetadata[0].Status != types.StatusTypeInactive {
		t.Errorf("got %+v", keys.AccessKeyMetadata)
	}

	user, err := root.GetUser(ctx, &iam.GetUserInput{UserName: me})
	ok(t, err)
	if str(user.User.UserId) != str(made.User.UserId) {
		t.Errorf("got %+v", user.User)
	}
	done(root.UpdateUser(ctx, &iam.UpdateUserInput{UserName: me, NewPath: aws.String("/walk/")}))
	done(root.TagUser(ctx, &iam.TagUserInput{UserName: me, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	done(root.UntagUser(ctx, &iam.UntagUserInput{UserName: me, TagKeys: []string{"team"}}))
	tags, err := root.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: me})
	ok(t, err)
	if len(tags.Tags) != 1 || str(tags.Tags[0].Key) != "a" {
		t.Errorf("got %+v", tags.Tags)
	}
	users, err := root.ListUsers(ctx, &iam.ListUsersInput{PathPrefix: aws.String("/walk/")})
	ok(t, err)
	if len(users.Users) != 1 {
		t.Errorf("got %+v", users.Users)
	}
	groups, err := root.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: me})
	ok(t, err)
	if len(groups.Groups) != 1 || str(groups.Groups[0].GroupName) != *crew {
		t.Errorf("got %+v", groups.Groups)
	}

	admin := aws.String("arn:aws:iam::aws:policy/AdministratorAccess")
	done(root.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: me, PermissionsBoundary: admin}))
	done(root.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: me}))
	done(root.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: me, PolicyArn: admin}))
	attached, err := root.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: me})
	ok(t, err)
	if len(attached.AttachedPolicies) != 1 || str(attached.AttachedPolicies[0].PolicyName) != "AdministratorAccess" {
		t.Errorf("got %+v", attached.AttachedPolicies)
	}
	for _, call := range []func() (any, error){ // what nobody has here
		func() (any, error) { return root.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: me}) },
		func() (any, error) { return root.ListVirtualMFADevices(ctx, &iam.ListVirtualMFADevicesInput{}) },
		func() (any, error) {
			return root.ListSigningCertificates(ctx, &iam.ListSigningCertificatesInput{UserName: me})
		},
		func() (any, error) { return root.ListSSHPublicKeys(ctx, &iam.ListSSHPublicKeysInput{UserName: me}) },
		func() (any, error) {
			return root.ListServiceSpecificCredentials(ctx, &iam.ListServiceSpecificCredentialsInput{UserName: me})
		},
	} {
		done(call())
	}
	_, err = root.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: me})
	refused(t, err, "NoSuchEntity", *me)
	_, err = root.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: me})
	refused(t, err, "NoSuchEntity", *me)
	_, err = root.DeleteUser(ctx, &iam.DeleteUserInput{UserName: me})
	refused(t, err, "DeleteConflict", "")
	typed[*types.DeleteConflictException](t, err)
	done(root.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: me, PolicyArn: admin}))
	done(root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: me, PolicyName: aws.String("s3"), PolicyDocument: aws.String(anyS3)}))
	inline, err := root.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: me})
	ok(t, err)
	own, err := root.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: me, PolicyName: &inline.PolicyNames[0]})
	ok(t, err)
	if document, err := url.PathUnescape(*own.PolicyDocument); err != nil || document != anyS3 {
		t.Errorf("got %s, %v", document, err)
	}
	done(root.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: me, PolicyName: aws.String("s3")}))

	done(root.UpdateGroup(ctx, &iam.UpdateGroupInput{GroupName: crew, NewPath: aws.String("/walk/")}))
	group, err := root.GetGroup(ctx, &iam.GetGroupInput{GroupName: crew})
	ok(t, err)
	if len(group.Users) != 1 || str(group.Group.Path) != "/walk/" {
		t.Errorf("got %+v", group)
	}
	listed, err := root.ListGroups(ctx, &iam.ListGroupsInput{PathPrefix: aws.String("/walk/")})
	ok(t, err)
	if len(listed.Groups) != 1 {
		t.Errorf("got %+v", listed.Groups)
	}
	done(root.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: crew, PolicyArn: admin}))
	of, err := root.ListAttachedGroupPolicies(ctx, &iam.ListAttachedGroupPoliciesInput{GroupName: crew})
	ok(t, err)
	if len(of.AttachedPolicies) != 1 {
		t.Errorf("got %+v", of.AttachedPolicies)
	}
	done(root.DetachGroupPolicy(ctx, &iam.DetachGroupPolicyInput{GroupName: crew, PolicyArn: admin}))
	names, err := root.ListGroupPolicies(ctx, &iam.ListGroupPoliciesInput{GroupName: crew})
	ok(t, err)
	theirs, err := root.GetGroupPolicy(ctx, &iam.GetGroupPolicyInput{GroupName: crew, PolicyName: &names.PolicyNames[0]})
	ok(t, err)
	if str(theirs.PolicyName) != "s3" {
		t.Errorf("got %+v", theirs)
	}
	done(root.DeleteGroupPolicy(ctx, &iam.DeleteGroupPolicyInput{GroupName: crew, PolicyName: aws.String("s3")}))
	done(root.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: crew, UserName: me}))
	done(root.DeleteGroup(ctx, &iam.DeleteGroupInput{GroupName: crew}))
	done(root.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: me, AccessKeyId: key.AccessKey.AccessKeyId}))
	done(root.DeleteUser(ctx, &iam.DeleteUserInput{UserName: me}))
	_, err = root.GetUser(ctx, &iam.GetUserInput{UserName: me})
	typed[*types.NoSuchEntityException](t, err)
}

func testIAMRoles(t *testing.T, c *clients) {
	ctx, root, name := t.Context(), c.iam(), aws.String("walk-role")
	done := answered(t)
	made, err := root.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: trusts("ec2.amazonaws.com")})
	ok(t, err)
	done(root.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: trusts("vpc-flow-logs.amazonaws.com")}))
	done(root.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, MaxSessionDuration: aws.Int32(7200)}))
	done(root.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{RoleName: name, Description: aws.String("walks")}))
	done(root.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}, {Key: aws.String("c"), Value: aws.String("d")}}}))
	done(root.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"a"}}))
	tags, err := root.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: name})
	ok(t, err)
	if len(tags.Tags) != 1 || str(tags.Tags[0].Key) != "c" {
		t.Errorf("got %+v", tags.Tags)
	}
	shown, err := root.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	ok(t, err)
	if document, err := url.PathUnescape(*shown.Role.AssumeRolePolicyDocument); err != nil || document != *trusts("vpc-flow-logs.amazonaws.com") || str(shown.Role.RoleId) != str(made.Role.RoleId) || *shown.Role.MaxSessionDuration != 7200 {
		t.Errorf("got %+v with %s", shown.Role, document)
	}
	roles, err := root.ListRoles(ctx, &iam.ListRolesInput{})
	ok(t, err)
	if len(roles.Roles) == 0 {
		t.Error("there are no roles")
	}
	done(root.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("s3"), PolicyDocument: aws.String(anyS3)}))
	inline, err := root.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name})
	ok(t, err)
	if len(inline.PolicyNames) != 1 {
		t.Errorf("got %v", inline.PolicyNames)
	}
	done(root.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("s3")}))

	policy, err := root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("walk-policy"), PolicyDocument: aws.String(anyS3)})
	ok(t, err)
	arn := policy.Policy.Arn
	done(root.TagPolicy(ctx, &iam.TagPolicyInput{PolicyArn: arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}, {Key: aws.String("c"), Value: aws.String("d")}}}))
	done(root.UntagPolicy(ctx, &iam.UntagPolicyInput{PolicyArn: arn, TagKeys: []string{"a"}}))
	of, err := root.ListPolicyTags(ctx, &iam.ListPolicyTagsInput{PolicyArn: arn})
	ok(t, err)
	if len(of.Tags) != 1 {
		t.Errorf("got %+v", of.Tags)
	}
	done(root.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: arn}))
	done(root.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: arn}))
	attached, err := root.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name})
	ok(t, err)
	if len(attached.AttachedPolicies) != 1 {
		t.Errorf("got %+v", attached.AttachedPolicies)
	}
	who, err := root.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: arn})
	ok(t, err)
	if len(who.PolicyRoles) != 1 {
		t.Errorf("got %+v", who.PolicyRoles)
	}
	second, err := root.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(anyS3)})
	ok(t, err)
	done(root.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: second.PolicyVersion.VersionId}))
	versions, err := root.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: arn})
	ok(t, err)
	if len(versions.Versions) != 2 || !versions.Versions[0].IsDefaultVersion {
		t.Errorf("got %+v", versions.Versions)
	}
	done(root.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")}))
	done(root.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")}))
	mine, err := root.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal})
	ok(t, err)
	if len(mine.Policies) == 0 {
		t.Error("there are no policies")
	}
	done(root.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn}))

	decided, err := root.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: made.Role.Arn, ActionNames: []string{"s3:GetObject", "glue:GetTable"}})
	ok(t, err)
	if r := decided.EvaluationResults; len(r) != 2 || r[0].EvalDecision != types.PolicyEvaluationDecisionTypeAllowed || r[1].EvalDecision != types.PolicyEvaluationDecisionTypeImplicitDeny {
		t.Errorf("got %+v", r)
	}
	custom, err := root.SimulateCustomPolicy(ctx, &iam.SimulateCustomPolicyInput{PolicyInputList: []string{anyS3}, ActionNames: []string{"s3:GetObject"}})
	ok(t, err)
	if custom.EvaluationResults[0].EvalDecision != types.PolicyEvaluationDecisionTypeAllowed {
		t.Errorf("got %+v", custom.EvaluationResults)
	}
	conditional := strings.Replace(anyS3, `"Resource":"*"`, `"Resource":"arn:aws:s3:::b/${aws:username}/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}`, 1)
	keys, err := root.GetContextKeysForCustomPolicy(ctx, &iam.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{conditional}})
	ok(t, err)
	if len(keys.ContextKeyNames) != 2 {
		t.Errorf("got %v", keys.ContextKeyNames)
	}
	done(root.GetContextKeysForPrincipalPolicy(ctx, &iam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: made.Role.Arn}))

	done(root.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name}))
	done(root.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: arn}))
	done(root.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn}))
	done(root.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("s3")}))
	done(root.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name}))
	done(root.ListInstanceProfiles(ctx, &iam.ListInstanceProfilesInput{}))
	done(root.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name}))

	linked, err := root.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("lakeformation.amazonaws.com")})
	ok(t, err)
	task, err := root.DeleteServiceLinkedRole(ctx, &iam.DeleteServiceLinkedRoleInput{RoleName: linked.Role.RoleName})
	ok(t, err)
	done(root.GetServiceLinkedRoleDeletionStatus(ctx, &iam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: task.DeletionTaskId}))
}

func testIAMAccount(t *testing.T, c *clients) {
	ctx, root := t.Context(), c.iam()
	done := answered(t)
	done(root.CreateAccountAlias(ctx, &iam.CreateAccountAliasInput{AccountAlias: aws.String("walk")}))
	aliases, err := root.ListAccountAliases(ctx, &iam.ListAccountAliasesInput{})
	ok(t, err)
	if len(aliases.AccountAliases) != 1 {
		t.Errorf("got %v", aliases.AccountAliases)
	}
	done(root.DeleteAccountAlias(ctx, &iam.DeleteAccountAliasInput{AccountAlias: aws.String("walk")}))
	done(root.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{}))
	all, err := root.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeAWSManagedPolicy}})
	ok(t, err)
	if len(all.Policies) == 0 {
		t.Error("AWS has no policies here")
	}
	_, err = root.GenerateCredentialReport(ctx, &iam.GenerateCredentialReportInput{})
	refused(t, err, "InvalidAction", "GenerateCredentialReport")
}
