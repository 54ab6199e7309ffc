package iam_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"flowlake/access"
	"flowlake/access/identity"
	door "flowlake/aws/iam"
	"flowlake/aws/wire"
	"flowlake/state"
)

const account = "123456789012"

// house is the identities behind IAM's door, and the official client of root before it.
type house struct {
	*api.Client
	t     *testing.T
	url   string
	store *identity.Store
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
	dir, config, quiet := t.TempDir(), t.TempDir(), slog.New(slog.DiscardHandler)
	keys := must(access.OpenKeys(filepath.Join(config, "flowlake", "credentials"), account))(t)
	seal := must(identity.OpenSeal(filepath.Join(config, "flowlake", "key")))(t)
	st := must(state.Open(filepath.Join(dir, "state")))(t)
	store := must(identity.Open(st, account, seal, quiet))(t)
	guard := access.OpenGuard(access.GuardConfig{Account: account, Identities: store, Log: quiet})
	keys.SetIdentities(store)
	server := httptest.NewServer(must(wire.New(wire.Config{Keys: keys, Guard: guard, Log: quiet}, []wire.Service{door.Service(store, guard)}))(t))
	t.Cleanup(func() {
		server.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{t: t, url: server.URL, store: store}
	h.Client = h.as(keys.Root().ID, keys.Root().Secret)
	return h
}

// as is the client of another key.
func (h *house) as(id, secret string) *api.Client {
	return api.New(api.Options{Region: "us-east-1", BaseEndpoint: &h.url, RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")})
}

// person makes a user who may do what the statements say, and returns their client.
func (h *house) person(name string, statements ...string) *api.Client {
	h.t.Helper()
	ctx := h.t.Context()
	must(h.CreateUser(ctx, &api.CreateUserInput{UserName: &name}))(h.t)
	if len(statements) > 0 {
		must(h.PutUserPolicy(ctx, &api.PutUserPolicyInput{UserName: &name, PolicyName: ptr("may"), PolicyDocument: document(statements...)}))(h.t)
	}
	key := must(h.CreateAccessKey(ctx, &api.CreateAccessKeyInput{UserName: &name}))(h.t).AccessKey
	return h.as(*key.AccessKeyId, *key.SecretAccessKey)
}

func document(statements ...string) *string {
	return ptr(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
}

func allow(action, resource string) string {
	return fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, action, resource)
}

// trusting is the trust policy of a service's role.
func trusting(service string) *string {
	return document(fmt.Sprintf(`{"Effect":"Allow","Principal":{"Service":%q},"Action":"sts:AssumeRole"}`, service))
}

func (h *house) role(name string) {
	h.t.Helper()
	must(h.CreateRole(h.t.Context(), &api.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trusting("ec2.amazonaws.com")}))(h.t)
}

func (h *house) policy(name string, statements ...string) string {
	h.t.Helper()
	return *must(h.CreatePolicy(h.t.Context(), &api.CreatePolicyInput{PolicyName: &name, PolicyDocument: document(statements...)}))(h.t).Policy.Arn
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

func TestUsers(t *testing.T) {
	h, ctx := open(t), t.Context()
	made := must(h.CreateUser(ctx, &api.CreateUserInput{UserName: ptr("ann"), Path: ptr("/team/"), Tags: []types.Tag{{Key: ptr("cost"), Value: ptr("a + b")}}}))(t).User
	if *made.Arn != "arn:aws:iam::123456789012:user/team/ann" || !strings.HasPrefix(*made.UserId, "AIDA") || *made.Path != "/team/" || made.CreateDate == nil || len(made.Tags) != 1 {
		t.Errorf("got %+v", made)
	}
	got := must(h.GetUser(ctx, &api.GetUserInput{UserName: ptr("ann")}))(t).User
	if *got.UserId != *made.UserId || *got.Tags[0].Value != "a + b" || !got.CreateDate.Equal(*made.CreateDate) {
		t.Errorf("got %+v, want %+v", got, made)
	}
	must(h.UpdateUser(ctx, &api.UpdateUserInput{UserName: ptr("ann"), NewUserName: ptr("anna"), NewPath: ptr("/")}))(t)
	if got := must(h.GetUser(ctx, &api.GetUserInput{UserName: ptr("anna")}))(t).User; *got.UserId != *made.UserId || *got.Arn != "arn:aws:iam::123456789012:user/anna" {
		t.Errorf("the renamed user is %+v", got)
	}
	if root := must(h.GetUser(ctx, &api.GetUserInput{}))(t).User; *root.Arn != "arn:aws:iam::123456789012:root" || *root.UserId != account {
		t.Errorf("root is %+v", root)
	}
	if users := must(h.ListUsers(ctx, &api.ListUsersInput{PathPrefix: ptr("/team/")}))(t); users.Users == nil || len(users.Users) != 0 || users.IsTruncated {
		t.Errorf("below the old path: %+v", users)
	}
	if users := must(h.ListUsers(ctx, &api.ListUsersInput{}))(t).Users; len(users) != 1 || users[0].Tags != nil {
		t.Errorf("users are listed as %+v; lists have no tags", users)
	}
	must(h.TagUser(ctx, &api.TagUserInput{UserName: ptr("anna"), Tags: []types.Tag{{Key: ptr("team"), Value: ptr("net")}, {Key: ptr("cost"), Value: ptr("c")}}}))(t)
	must(h.UntagUser(ctx, &api.UntagUserInput{UserName: ptr("anna"), TagKeys: []string{"cost"}}))(t)
	if tags := must(h.ListUserTags(ctx, &api.ListUserTagsInput{UserName: ptr("anna")}))(t).Tags; len(tags) != 1 || *tags[0].Key != "team" {
		t.Errorf("got %+v", tags)
	}
	must(h.DeleteUser(ctx, &api.DeleteUserInput{UserName: ptr("anna")}))(t)
	_, err := h.GetUser(ctx, &api.GetUserInput{UserName: ptr("anna")})
	refused(t, "a deleted user", err, "NoSuchEntity", "anna")
	if _, ok := errors.AsType[*types.NoSuchEntityException](err); !ok {
		t.Errorf("got %T", err)
	}
}

func TestAccessKeys(t *testing.T) {
	h, ctx := open(t), t.Context()
	ann := h.person("ann", allow("iam:*", "*"))
	keys := must(ann.ListAccessKeys(ctx, &api.ListAccessKeysInput{}))(t).AccessKeyMetadata
	if len(keys) != 1 || *keys[0].UserName != "ann" || keys[0].Status != types.StatusTypeActive {
		t.Fatalf("ann's own keys are %+v", keys)
	}
	if me := must(ann.GetUser(ctx, &api.GetUserInput{}))(t).User; *me.UserName != "ann" {
		t.Errorf("ann is %+v", me)
	}
	second := must(ann.CreateAccessKey(ctx, &api.CreateAccessKeyInput{}))(t).AccessKey
	if *second.UserName != "ann" || len(*second.SecretAccessKey) != 40 || !strings.HasPrefix(*second.AccessKeyId, "AKIA") || second.Status != types.StatusTypeActive {
		t.Errorf("got a key %s of %s", *second.AccessKeyId, *second.UserName)
	}
	_, err := h.CreateAccessKey(ctx, &api.CreateAccessKeyInput{UserName: ptr("ann")})
	refused(t, "a third key", err, "LimitExceeded", "AccessKeysPerUser")
	_, err = h.CreateAccessKey(ctx, &api.CreateAccessKeyInput{})
	refused(t, "a key of root", err, "ValidationError", "root")

	other := h.as(*second.AccessKeyId, *second.SecretAccessKey)
	_, err = h.UpdateAccessKey(ctx, &api.UpdateAccessKeyInput{UserName: ptr("ann"), AccessKeyId: second.AccessKeyId, Status: "Expired"})
	refused(t, "a status that a key has not", err, "ValidationError", "Active, Inactive")
	must(h.UpdateAccessKey(ctx, &api.UpdateAccessKeyInput{UserName: ptr("ann"), AccessKeyId: second.AccessKeyId, Status: types.StatusTypeInactive}))(t)
	if _, err := other.GetUser(ctx, &api.GetUserInput{}); err == nil {
		t.Error("an inactive key opens the door")
	}
	must(h.UpdateAccessKey(ctx, &api.UpdateAccessKeyInput{UserName: ptr("ann"), AccessKeyId: second.AccessKeyId, Status: types.StatusTypeActive}))(t)
	must(other.GetUser(ctx, &api.GetUserInput{}))(t)
	used := must(h.GetAccessKeyLastUsed(ctx, &api.GetAccessKeyLastUsedInput{AccessKeyId: second.AccessKeyId}))(t)
	if *used.UserName != "ann" || used.AccessKeyLastUsed == nil || *used.AccessKeyLastUsed.ServiceName == "" || *used.AccessKeyLastUsed.Region == "" {
		t.Errorf("got %+v", used)
	}
	_, err = h.DeleteUser(ctx, &api.DeleteUserInput{UserName: ptr("ann")})
	refused(t, "a user with keys", err, "DeleteConflict", "must delete")
	must(h.DeleteAccessKey(ctx, &api.DeleteAccessKeyInput{UserName: ptr("ann"), AccessKeyId: second.AccessKeyId}))(t)
	_, err = h.DeleteAccessKey(ctx, &api.DeleteAccessKeyInput{UserName: ptr("ann"), AccessKeyId: second.AccessKeyId})
	refused(t, "a key that is gone", err, "NoSuchEntity", *second.AccessKeyId)
	if _, err := other.GetUser(ctx, &api.GetUserInput{}); err == nil {
		t.Error("a deleted key opens the door")
	}
}

func TestGroups(t *testing.T) {
	h, ctx := open(t), t.Context()
	made := must(h.CreateGroup(ctx, &api.CreateGroupInput{GroupName: ptr("staff")}))(t).Group
	if *made.Arn != "arn:aws:iam::123456789012:group/staff" || !strings.HasPrefix(*made.GroupId, "AGPA") || *made.Path != "/" {
		t.Errorf("got %+v", made)
	}
	ann := h.person("ann")
	_, err := ann.ListUsers(ctx, &api.ListUsersInput{})
	refused(t, "ann, who may nothing", err, "AccessDenied", "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:ListUsers on resource: ")
	must(h.PutGroupPolicy(ctx, &api.PutGroupPolicyInput{GroupName: ptr("staff"), PolicyName: ptr("list"), PolicyDocument: document(allow("iam:List*", "*"))}))(t)
	must(h.AddUserToGroup(ctx, &api.AddUserToGroupInput{GroupName: ptr("staff"), UserName: ptr("ann")}))(t)
	must(ann.ListUsers(ctx, &api.ListUsersInput{}))(t)
	if got := must(h.GetGroup(ctx, &api.GetGroupInput{GroupName: ptr("staff")}))(t); *got.Group.GroupId != *made.GroupId || len(got.Users) != 1 || *got.Users[0].UserName != "ann" {
		t.Errorf("got %+v", got)
	}
	must(h.UpdateGroup(ctx, &api.UpdateGroupInput{GroupName: ptr("staff"), NewGroupName: ptr("crew")}))(t)
	if got := must(h.ListGroupsForUser(ctx, &api.ListGroupsForUserInput{UserName: ptr("ann")}))(t).Groups; len(got) != 1 || *got[0].GroupName != "crew" {
		t.Errorf("ann is in %+v", got)
	}
	must(ann.ListGroups(ctx, &api.ListGroupsInput{}))(t)
	_, err = h.DeleteGroup(ctx, &api.DeleteGroupInput{GroupName: ptr("crew")})
	refused(t, "a group of users", err, "DeleteConflict", "Cannot delete entity")
	must(h.RemoveUserFromGroup(ctx, &api.RemoveUserFromGroupInput{GroupName: ptr("crew"), UserName: ptr("ann")}))(t)
	_, err = ann.ListGroups(ctx, &api.ListGroupsInput{})
	refused(t, "ann, who left", err, "AccessDenied", "iam:ListGroups")
	must(h.DeleteGroupPolicy(ctx, &api.DeleteGroupPolicyInput{GroupName: ptr("crew"), PolicyName: ptr("list")}))(t)
	must(h.DeleteGroup(ctx, &api.DeleteGroupInput{GroupName: ptr("crew")}))(t)
	if groups := must(h.ListGroups(ctx, &api.ListGroupsInput{}))(t).Groups; groups == nil || len(groups) != 0 {
		t.Errorf("got %+v", groups)
	}
}

func TestRoles(t *testing.T) {
	h, ctx := open(t), t.Context()
	trust := trusting("vpc-flow-logs.amazonaws.com")
	made := must(h.CreateRole(ctx, &api.CreateRoleInput{RoleName: ptr("flows"), Path: ptr("/vpc/"), Description: ptr("writes flows"), AssumeRolePolicyDocument: trust,
		MaxSessionDuration: ptr(int32(7200)), Tags: []types.Tag{{Key: ptr("team"), Value: ptr("")}}}))(t).Role
	if *made.Arn != "arn:aws:iam::123456789012:role/vpc/flows" || !strings.HasPrefix(*made.RoleId, "AROA") || decoded(t, made.AssumeRolePolicyDocument) != *trust {
		t.Errorf("got %+v with %s", made, *made.AssumeRolePolicyDocument)
	}
	got := must(h.GetRole(ctx, &api.GetRoleInput{RoleName: ptr("flows")}))(t).Role
	if *got.Description != "writes flows" || *got.MaxSessionDuration != 7200 || len(got.Tags) != 1 || *got.Tags[0].Value != "" || got.RoleLastUsed == nil || strings.ContainsAny(*got.AssumeRolePolicyDocument, `{" +`) {
		t.Errorf("got %+v", got)
	}
	must(h.UpdateAssumeRolePolicy(ctx, &api.UpdateAssumeRolePolicyInput{RoleName: ptr("flows"), PolicyDocument: trusting("ec2.amazonaws.com")}))(t)
	must(h.UpdateRole(ctx, &api.UpdateRoleInput{RoleName: ptr("flows"), MaxSessionDuration: ptr(int32(3600)), Description: ptr("")}))(t)
	got = must(h.GetRole(ctx, &api.GetRoleInput{RoleName: ptr("flows")}))(t).Role
	if decoded(t, got.AssumeRolePolicyDocument) != *trusting("ec2.amazonaws.com") || *got.MaxSessionDuration != 3600 || got.Description != nil && *got.Description != "" {
		t.Errorf("got %+v", got)
	}
	if r := must(h.UpdateRoleDescription(ctx, &api.UpdateRoleDescriptionInput{RoleName: ptr("flows"), Description: ptr("again")}))(t).Role; *r.Description != "again" {
		t.Errorf("got %+v", r)
	}
	for _, tt := range []struct {
		name        string
		in          api.CreateRoleInput
		code, names string
	}{
		{"a role of the same name in other letters", api.CreateRoleInput{RoleName: ptr("FLOWS"), AssumeRolePolicyDocument: trust}, "EntityAlreadyExists", "flows"},
		{"a trust policy with a resource", api.CreateRoleInput{RoleName: ptr("r"), AssumeRolePolicyDocument: document(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Resource":"*"}`)}, "MalformedPolicyDocument", "esource"},
		{"a trust policy that is no JSON", api.CreateRoleInput{RoleName: ptr("r"), AssumeRolePolicyDocument: ptr(`{"Version":`)}, "MalformedPolicyDocument", ""},
		{"a name with a blank", api.CreateRoleInput{RoleName: ptr("a b"), AssumeRolePolicyDocument: trust}, "ValidationError", "oleName"},
		{"a session of a minute", api.CreateRoleInput{RoleName: ptr("r"), AssumeRolePolicyDocument: trust, MaxSessionDuration: ptr(int32(60))}, "ValidationError", "60"},
		{"a boundary that is not there", api.CreateRoleInput{RoleName: ptr("r"), AssumeRolePolicyDocument: trust, PermissionsBoundary: ptr("arn:aws:iam::123456789012:policy/none")}, "NoSuchEntity", "policy/none"},
		{"a tag twice", api.CreateRoleInput{RoleName: ptr("r"), AssumeRolePolicyDocument: trust, Tags: []types.Tag{{Key: ptr("a"), Value: ptr("1")}, {Key: ptr("A"), Value: ptr("2")}}}, "InvalidInput", "uplicate"},
		{"a tag of AWS's", api.CreateRoleInput{RoleName: ptr("r"), AssumeRolePolicyDocument: trust, Tags: []types.Tag{{Key: ptr("aws:a"), Value: ptr("1")}}}, "InvalidInput", "aws:"},
	} {
		_, err := h.CreateRole(ctx, &tt.in)
		refused(t, tt.name, err, tt.code, tt.names)
	}
	must(h.DeleteRole(ctx, &api.DeleteRoleInput{RoleName: ptr("flows")}))(t)

	slr := must(h.CreateServiceLinkedRole(ctx, &api.CreateServiceLinkedRoleInput{AWSServiceName: ptr("lakeformation.amazonaws.com")}))(t).Role
	if *slr.Arn != "arn:aws:iam::123456789012:role/aws-service-role/lakeformation.amazonaws.com/AWSServiceRoleForLakeFormationDataAccess" {
		t.Errorf("got %s", *slr.Arn)
	}
	_, err := h.DeleteRole(ctx, &api.DeleteRoleInput{RoleName: slr.RoleName})
	refused(t, "a service's role", err, "UnmodifiableEntity", "AWSServiceRoleForLakeFormationDataAccess")
	used := true
	h.store.SetLinkedUse("lakeformation.amazonaws.com", func(*state.Tx) ([]identity.LinkedUse, error) {
		if !used {
			return nil, nil
		}
		return []identity.LinkedUse{{Region: "us-east-1", Resources: []string{"arn:aws:s3:::lake"}}}, nil
	})
	kept := must(h.DeleteServiceLinkedRole(ctx, &api.DeleteServiceLinkedRoleInput{RoleName: slr.RoleName}))(t)
	status := must(h.GetServiceLinkedRoleDeletionStatus(ctx, &api.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: kept.DeletionTaskId}))(t)
	if status.Status != types.DeletionTaskStatusTypeFailed || status.Reason == nil || len(status.Reason.RoleUsageList) != 1 || status.Reason.RoleUsageList[0].Resources[0] != "arn:aws:s3:::lake" {
		t.Errorf("in use: got %+v", status)
	}
	used = false
	gone := must(h.DeleteServiceLinkedRole(ctx, &api.DeleteServiceLinkedRoleInput{RoleName: slr.RoleName}))(t)
	if status = must(h.GetServiceLinkedRoleDeletionStatus(ctx, &api.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: gone.DeletionTaskId}))(t); status.Status != types.DeletionTaskStatusTypeSucceeded {
		t.Errorf("got %s", status.Status)
	}
	_, err = h.GetServiceLinkedRoleDeletionStatus(ctx, &api.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: ptr("task/none")})
	refused(t, "no such deletion", err, "NoSuchEntity", "task/none")
}

// decoded undoes the encoding that documents have in answers.
func decoded(t *testing.T, document *string) string {
	t.Helper()
	return must(url.PathUnescape(aws.ToString(document)))(t)
}

func TestPolicies(t *testing.T) {
	h, ctx := open(t), t.Context()
	h.role("r")
	first := document(allow("s3:GetObject", "arn:aws:s3:::b/a+b%20*"))
	made := must(h.CreatePolicy(ctx, &api.CreatePolicyInput{PolicyName: ptr("read"), Path: ptr("/s3/"), Description: ptr("reads b"), PolicyDocument: first, Tags: []types.Tag{{Key: ptr("k"), Value: ptr("v")}}}))(t).Policy
	if *made.Arn != "arn:aws:iam::123456789012:policy/s3/read" || !strings.HasPrefix(*made.PolicyId, "ANPA") || *made.DefaultVersionId != "v1" || !made.IsAttachable {
		t.Errorf("got %+v", made)
	}
	arn := made.Arn
	if v := must(h.GetPolicyVersion(ctx, &api.GetPolicyVersionInput{PolicyArn: arn, VersionId: ptr("v1")}))(t).PolicyVersion; decoded(t, v.Document) != *first || strings.Contains(*v.Document, "+") || !v.IsDefaultVersion {
		t.Errorf("got %s", *v.Document)
	}
	must(h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: arn}))(t)
	must(h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: arn}))(t) // again is no error
	must(h.PutRolePermissionsBoundary(ctx, &api.PutRolePermissionsBoundaryInput{RoleName: ptr("r"), PermissionsBoundary: arn}))(t)
	if p := must(h.GetPolicy(ctx, &api.GetPolicyInput{PolicyArn: arn}))(t).Policy; *p.AttachmentCount != 1 || *p.PermissionsBoundaryUsageCount != 1 || *p.Description != "reads b" || len(p.Tags) != 1 {
		t.Errorf("got %+v", p)
	}
	if r := must(h.GetRole(ctx, &api.GetRoleInput{RoleName: ptr("r")}))(t).Role; *r.PermissionsBoundary.PermissionsBoundaryArn != *arn || r.PermissionsBoundary.PermissionsBoundaryType != types.PermissionsBoundaryAttachmentTypePolicy {
		t.Errorf("got %+v", r.PermissionsBoundary)
	}
	if at := must(h.ListAttachedRolePolicies(ctx, &api.ListAttachedRolePoliciesInput{RoleName: ptr("r")}))(t).AttachedPolicies; len(at) != 1 || *at[0].PolicyName != "read" || *at[0].PolicyArn != *arn {
		t.Errorf("got %+v", at)
	}
	who := must(h.ListEntitiesForPolicy(ctx, &api.ListEntitiesForPolicyInput{PolicyArn: arn, PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy}))(t)
	if len(who.PolicyRoles) != 1 || *who.PolicyRoles[0].RoleName != "r" || !strings.HasPrefix(*who.PolicyRoles[0].RoleId, "AROA") || who.PolicyUsers == nil || len(who.PolicyGroups) != 0 {
		t.Errorf("got %+v", who)
	}
	if who := must(h.ListEntitiesForPolicy(ctx, &api.ListEntitiesForPolicyInput{PolicyArn: arn, EntityFilter: types.EntityTypeUser}))(t); len(who.PolicyRoles) != 0 {
		t.Errorf("of users: %+v", who)
	}
	_, err := h.DeletePolicy(ctx, &api.DeletePolicyInput{PolicyArn: arn})
	refused(t, "an attached policy", err, "DeleteConflict", "attached to entities")
	_, err = h.DeleteRole(ctx, &api.DeleteRoleInput{RoleName: ptr("r")})
	refused(t, "a role with policies", err, "DeleteConflict", "must detach all policies first")

	for i := 2; i <= 5; i++ {
		v := must(h.CreatePolicyVersion(ctx, &api.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: document(allow("s3:*", "*")), SetAsDefault: i == 3}))(t).PolicyVersion
		if *v.VersionId != fmt.Sprintf("v%d", i) || v.IsDefaultVersion != (i == 3) {
			t.Errorf("got %+v", v)
		}
	}
	_, err = h.CreatePolicyVersion(ctx, &api.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: first})
	refused(t, "a sixth version", err, "LimitExceeded", "5")
	_, err = h.DeletePolicyVersion(ctx, &api.DeletePolicyVersionInput{PolicyArn: arn, VersionId: ptr("v3")})
	refused(t, "the version in force", err, "DeleteConflict", "default")
	must(h.SetDefaultPolicyVersion(ctx, &api.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: ptr("v1")}))(t)
	for _, v := range []string{"v2", "v3", "v4", "v5"} {
		must(h.DeletePolicyVersion(ctx, &api.DeletePolicyVersionInput{PolicyArn: arn, VersionId: &v}))(t)
	}
	if v := must(h.CreatePolicyVersion(ctx, &api.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: first}))(t).PolicyVersion; *v.VersionId != "v6" {
		t.Errorf("a number was used again: %s", *v.VersionId)
	}
	if versions := must(h.ListPolicyVersions(ctx, &api.ListPolicyVersionsInput{PolicyArn: arn}))(t).Versions; len(versions) != 2 || *versions[0].VersionId != "v6" || versions[0].Document != nil {
		t.Errorf("got %+v; the newest comes first, and no document", versions)
	}
	must(h.DetachRolePolicy(ctx, &api.DetachRolePolicyInput{RoleName: ptr("r"), PolicyArn: arn}))(t)
	_, err = h.DetachRolePolicy(ctx, &api.DetachRolePolicyInput{RoleName: ptr("r"), PolicyArn: arn})
	refused(t, "a policy that is not attached", err, "NoSuchEntity", *arn)
	must(h.DeleteRolePermissionsBoundary(ctx, &api.DeleteRolePermissionsBoundaryInput{RoleName: ptr("r")}))(t)
	_, err = h.DeletePolicy(ctx, &api.DeletePolicyInput{PolicyArn: arn})
	refused(t, "a policy of two versions", err, "DeleteConflict", "version")
	must(h.DeletePolicyVersion(ctx, &api.DeletePolicyVersionInput{PolicyArn: arn, VersionId: ptr("v6")}))(t)
	must(h.DeletePolicy(ctx, &api.DeletePolicyInput{PolicyArn: arn}))(t)
	_, err = h.GetPolicy(ctx, &api.GetPolicyInput{PolicyArn: arn})
	refused(t, "a deleted policy", err, "NoSuchEntity", *arn)
}

func TestPoliciesOfAWS(t *testing.T) {
	h, ctx := open(t), t.Context()
	h.role("r")
	arn := ptr("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	must(h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: arn}))(t)
	p := must(h.GetPolicy(ctx, &api.GetPolicyInput{PolicyArn: arn}))(t).Policy
	v := must(h.GetPolicyVersion(ctx, &api.GetPolicyVersionInput{PolicyArn: arn, VersionId: p.DefaultVersionId}))(t).PolicyVersion
	if *p.PolicyName != "AmazonS3ReadOnlyAccess" || *p.AttachmentCount != 1 || !strings.Contains(decoded(t, v.Document), "s3:Get*") {
		t.Errorf("got %+v, %s", p, *v.Document)
	}
	names := func(in api.ListPoliciesInput) (names []string) {
		for pages := api.NewListPoliciesPaginator(h, &in); pages.HasMorePages(); {
			for _, p := range must(pages.NextPage(ctx))(t).Policies {
				names = append(names, *p.PolicyName)
			}
		}
		return names
	}
	h.policy("mine", allow("s3:*", "*"))
	if got := names(api.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal}); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("of the account: %v", got)
	}
	if got := names(api.ListPoliciesInput{OnlyAttached: true}); !slices.Equal(got, []string{"AmazonS3ReadOnlyAccess"}) {
		t.Errorf("attached: %v", got)
	}
	all := names(api.ListPoliciesInput{MaxItems: ptr(int32(3))})
	for _, want := range []string{"AdministratorAccess", "AWSGlueServiceRole", "mine"} {
		if !slices.Contains(all, want) {
			t.Errorf("%s is not in %v", want, all)
		}
	}
	if got := names(api.ListPoliciesInput{PathPrefix: ptr("/service-role/")}); !slices.Contains(got, "AWSGlueServiceRole") || slices.Contains(got, "mine") {
		t.Errorf("of service-role: %v", got)
	}
	_, err := h.CreatePolicyVersion(ctx, &api.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: document(allow("s3:*", "*"))})
	refused(t, "a version of AWS's", err, "AccessDenied", "AWS-managed")
	_, err = h.DeletePolicy(ctx, &api.DeletePolicyInput{PolicyArn: arn})
	refused(t, "AWS's policy", err, "AccessDenied", "AWS-managed")
	_, err = h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: ptr("arn:aws:iam::aws:policy/NoSuchAccess")})
	refused(t, "no policy of AWS's", err, "NoSuchEntity", "NoSuchAccess")
	_, err = h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: ptr("arn:aws:iam::999999999999:policy/p")})
	refused(t, "another account's policy", err, "NoSuchEntity", "999999999999")
	_, err = h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: ptr("s3readonly")})
	refused(t, "no ARN", err, "ValidationError", "s3readonly")
}

func TestInlinePolicies(t *testing.T) {
	h, ctx := open(t), t.Context()
	h.role("r")
	written := document(allow("logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/vpc/flow+%25:*"))
	must(h.PutRolePolicy(ctx, &api.PutRolePolicyInput{RoleName: ptr("r"), PolicyName: ptr("write"), PolicyDocument: written}))(t)
	got := must(h.GetRolePolicy(ctx, &api.GetRolePolicyInput{RoleName: ptr("r"), PolicyName: ptr("write")}))(t)
	if decoded(t, got.PolicyDocument) != *written || *got.RoleName != "r" || *got.PolicyName != "write" {
		t.Errorf("got %s", *got.PolicyDocument)
	}
	if names := must(h.ListRolePolicies(ctx, &api.ListRolePoliciesInput{RoleName: ptr("r")}))(t).PolicyNames; !slices.Equal(names, []string{"write"}) {
		t.Errorf("got %v", names)
	}
	_, err := h.PutRolePolicy(ctx, &api.PutRolePolicyInput{RoleName: ptr("r"), PolicyName: ptr("bad"), PolicyDocument: ptr("{\n \"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Alow\", \"Action\": \"s3:*\", \"Resource\": \"*\"}]\n}")})
	refused(t, "a bad effect", err, "MalformedPolicyDocument", "line 3, column 27")
	_, err = h.GetRolePolicy(ctx, &api.GetRolePolicyInput{RoleName: ptr("r"), PolicyName: ptr("none")})
	refused(t, "no such policy", err, "NoSuchEntity", "none")
	_, err = h.DeleteRole(ctx, &api.DeleteRoleInput{RoleName: ptr("r")})
	refused(t, "a role with a policy", err, "DeleteConflict", "must delete policies first")
	must(h.DeleteRolePolicy(ctx, &api.DeleteRolePolicyInput{RoleName: ptr("r"), PolicyName: ptr("write")}))(t)
	must(h.DeleteRole(ctx, &api.DeleteRoleInput{RoleName: ptr("r")}))(t)
	_, err = h.PutRolePolicy(ctx, &api.PutRolePolicyInput{RoleName: ptr("r"), PolicyName: ptr("p"), PolicyDocument: written})
	refused(t, "a policy of no role", err, "NoSuchEntity", "The role with name r cannot be found")
}

func TestPages(t *testing.T) {
	h, ctx := open(t), t.Context()
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("u%d", i)
		must(h.CreateUser(ctx, &api.CreateUserInput{UserName: &name}))(t)
		want = append(want, name)
	}
	var got []string
	pages := api.NewListUsersPaginator(h, &api.ListUsersInput{MaxItems: ptr(int32(3))})
	for n := 0; pages.HasMorePages(); n++ {
		out := must(pages.NextPage(ctx))(t)
		for _, u := range out.Users {
			got = append(got, *u.UserName)
		}
		if n == 0 { // what goes between pages moves nothing
			must(h.DeleteUser(ctx, &api.DeleteUserInput{UserName: ptr("u2")}))(t)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	out := must(h.ListUsers(ctx, &api.ListUsersInput{MaxItems: ptr(int32(1))}))(t)
	_, err := h.ListRoles(ctx, &api.ListRolesInput{Marker: out.Marker})
	refused(t, "another listing's marker", err, "ValidationError", "Marker")
	_, err = h.ListUsers(ctx, &api.ListUsersInput{MaxItems: ptr(int32(1001))})
	refused(t, "a page too large", err, "ValidationError", "1001")
	_, err = h.ListUsers(ctx, &api.ListUsersInput{PathPrefix: ptr("team")})
	refused(t, "a prefix that is none", err, "ValidationError", "athPrefix")
}

func TestAccount(t *testing.T) {
	h, ctx := open(t), t.Context()
	must(h.CreateAccountAlias(ctx, &api.CreateAccountAliasInput{AccountAlias: ptr("flows")}))(t)
	if got := must(h.ListAccountAliases(ctx, &api.ListAccountAliasesInput{}))(t).AccountAliases; !slices.Equal(got, []string{"flows"}) {
		t.Errorf("got %v", got)
	}
	must(h.DeleteAccountAlias(ctx, &api.DeleteAccountAliasInput{AccountAlias: ptr("flows")}))(t)
	ann := h.person("ann", allow("s3:*", "*"))
	h.role("r")
	arn := h.policy("p", allow("s3:*", "*"))
	must(h.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("r"), PolicyArn: &arn}))(t)
	must(h.CreateGroup(ctx, &api.CreateGroupInput{GroupName: ptr("g")}))(t)
	must(h.AddUserToGroup(ctx, &api.AddUserToGroupInput{GroupName: ptr("g"), UserName: ptr("ann")}))(t)
	sum := must(h.GetAccountSummary(ctx, &api.GetAccountSummaryInput{}))(t).SummaryMap
	for key, want := range map[string]int32{"Users": 1, "Roles": 1, "Groups": 1, "Policies": 1, "AccessKeysPerUserQuota": 2, "VersionsPerPolicyQuota": 5} {
		if sum[key] != want {
			t.Errorf("%s is %d, want %d", key, sum[key], want)
		}
	}
	all := must(h.GetAccountAuthorizationDetails(ctx, &api.GetAccountAuthorizationDetailsInput{}))(t)
	if len(all.UserDetailList) != 1 || len(all.UserDetailList[0].UserPolicyList) != 1 || !slices.Equal(all.UserDetailList[0].GroupList, []string{"g"}) ||
		len(all.RoleDetailList) != 1 || *all.RoleDetailList[0].AttachedManagedPolicies[0].PolicyArn != arn || len(all.GroupDetailList) != 1 {
		t.Errorf("got %+v", all)
	}
	if !strings.Contains(decoded(t, all.UserDetailList[0].UserPolicyList[0].PolicyDocument), `"s3:*"`) {
		t.Errorf("got %s", *all.UserDetailList[0].UserPolicyList[0].PolicyDocument)
	}
	mine := must(h.GetAccountAuthorizationDetails(ctx, &api.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeLocalManagedPolicy}}))(t)
	if len(mine.Policies) != 1 || len(mine.Policies[0].PolicyVersionList) != 1 || *mine.Policies[0].AttachmentCount != 1 || len(mine.UserDetailList) != 0 {
		t.Errorf("got %+v", mine)
	}
	count := 0
	for pages := api.NewGetAccountAuthorizationDetailsPaginator(h, &api.GetAccountAuthorizationDetailsInput{MaxItems: ptr(int32(2))}); pages.HasMorePages(); {
		out := must(pages.NextPage(ctx))(t)
		count += len(out.UserDetailList) + len(out.RoleDetailList) + len(out.GroupDetailList) + len(out.Policies)
	}
	if want := 3 + len(all.Policies); count != want {
		t.Errorf("pages have %d, want %d", count, want)
	}
	_, err := ann.GetAccountAuthorizationDetails(ctx, &api.GetAccountAuthorizationDetailsInput{})
	refused(t, "one who may not", err, "AccessDenied", "iam:GetAccountAuthorizationDetails")
	_, err = h.GenerateCredentialReport(ctx, &api.GenerateCredentialReportInput{})
	refused(t, "what is not built", err, "InvalidAction", "GenerateCredentialReport")
}
