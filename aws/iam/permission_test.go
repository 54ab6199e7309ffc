package iam_test

import (
	"testing"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// TestPermissions holds what a permission is asked with: its resource, with the path of what exists, and its condition
// keys. A user may do the action under that condition alone.
func TestPermissions(t *testing.T) {
	h, ctx := open(t), t.Context()
	must(h.CreateRole(ctx, &api.CreateRoleInput{RoleName: ptr("app"), Path: ptr("/team/"), AssumeRolePolicyDocument: trusting("ec2.amazonaws.com"), Tags: []types.Tag{{Key: ptr("owner"), Value: ptr("net")}}}))(t)
	bound := h.policy("bound", allow("s3:*", "*"))
	other := h.policy("other", allow("*", "*"))
	must(h.CreateRole(ctx, &api.CreateRoleInput{RoleName: ptr("bounded"), AssumeRolePolicyDocument: trusting("ec2.amazonaws.com"), PermissionsBoundary: &bound}))(t)
	condition := func(action, resource, operator, key, value string) string {
		return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `","Condition":{"` + operator + `":{"` + key + `":"` + value + `"}}}`
	}
	role := "arn:aws:iam::123456789012:role/"
	create := func(c *api.Client, name string, boundary *string, tags ...types.Tag) error {
		_, err := c.CreateRole(ctx, &api.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trusting("ec2.amazonaws.com"), PermissionsBoundary: boundary, Tags: tags})
		return err
	}
	put := func(c *api.Client, name string) error {
		_, err := c.PutRolePolicy(ctx, &api.PutRolePolicyInput{RoleName: &name, PolicyName: ptr("p"), PolicyDocument: document(allow("s3:*", "*"))})
		return err
	}
	attach := func(c *api.Client, arn string) error {
		_, err := c.AttachRolePolicy(ctx, &api.AttachRolePolicyInput{RoleName: ptr("app"), PolicyArn: &arn})
		return err
	}
	tag := func(c *api.Client, key, value string) error {
		_, err := c.TagRole(ctx, &api.TagRoleInput{RoleName: ptr("app"), Tags: []types.Tag{{Key: &key, Value: &value}}})
		return err
	}
	for _, name := range []string{"zoe", "ada"} {
		h.person(name)
	}
	zoe := must(h.ListAccessKeys(ctx, &api.ListAccessKeysInput{UserName: ptr("zoe")}))(t).AccessKeyMetadata[0].AccessKeyId
	adas := must(h.ListAccessKeys(ctx, &api.ListAccessKeysInput{UserName: ptr("ada")}))(t).AccessKeyMetadata[0].AccessKeyId
	cost := types.Tag{Key: ptr("cost"), Value: ptr("1")}
	must(h.CreateUser(ctx, &api.CreateUserInput{UserName: ptr("dora"), Path: ptr("/dev/")}))(t)
	must(h.CreateGroup(ctx, &api.CreateGroupInput{GroupName: ptr("writers")}))(t)
	for _, tt := range []struct {
		name       string
		statements []string
		may, not   func(c *api.Client) error
		names      string // in the refusal
	}{
		{"a role has its path", []string{allow("iam:GetRole", role+"team/*")},
			func(c *api.Client) error {
				_, err := c.GetRole(ctx, &api.GetRoleInput{RoleName: ptr("app")})
				return err
			},
			func(c *api.Client) error {
				_, err := c.GetRole(ctx, &api.GetRoleInput{RoleName: ptr("bounded")})
				return err
			}, "iam:GetRole on resource: " + role + "bounded"},
		{"a role has its tags", []string{condition("iam:DeleteRole*", "*", "StringEquals", "iam:ResourceTag/owner", "none"), condition("iam:PutRolePolicy", "*", "StringEquals", "aws:ResourceTag/owner", "net")},
			func(c *api.Client) error { return put(c, "app") },
			func(c *api.Client) error {
				_, err := c.DeleteRole(ctx, &api.DeleteRoleInput{RoleName: ptr("app")})
				return err
			}, "iam:DeleteRole on resource: " + role + "team/app"},
		{"a new role has the boundary that it must have", []string{condition("iam:CreateRole", "*", "ArnEquals", "iam:PermissionsBoundary", bound)},
			func(c *api.Client) error { return create(c, "b1", &bound) },
			func(c *api.Client) error { return create(c, "b2", &other) }, "iam:CreateRole"},
		{"a policy goes on a bounded role alone", []string{condition("iam:PutRolePolicy", "*", "ArnEquals", "iam:PermissionsBoundary", bound)},
			func(c *api.Client) error { return put(c, "bounded") },
			func(c *api.Client) error { return put(c, "app") }, "iam:PutRolePolicy"},
		{"a boundary stays", []string{allow("iam:*", "*"), `{"Effect":"Deny","Action":"iam:DeleteRolePermissionsBoundary","Resource":"*","Condition":{"ArnEquals":{"iam:PermissionsBoundary":"` + bound + `"}}}`},
			func(c *api.Client) error { return put(c, "bounded") },
			func(c *api.Client) error {
				_, err := c.DeleteRolePermissionsBoundary(ctx, &api.DeleteRolePermissionsBoundaryInput{RoleName: ptr("bounded")})
				return err
			}, "explicit deny"},
		{"a policy is one of those that may be attached", []string{condition("iam:AttachRolePolicy", "*", "ArnLike", "iam:PolicyARN", "arn:aws:iam::aws:policy/AmazonS3*")},
			func(c *api.Client) error { return attach(c, "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess") },
			func(c *api.Client) error { return attach(c, "arn:aws:iam::aws:policy/AdministratorAccess") }, "iam:AttachRolePolicy"},
		{"tags are those that may be set", []string{condition("iam:TagRole", "*", "ForAllValues:StringEquals", "aws:TagKeys", "cost")},
			func(c *api.Client) error { return tag(c, "cost", "1") },
			func(c *api.Client) error { return tag(c, "owner", "me") }, "iam:TagRole"},
		{"tags have the values that they may have", []string{condition("iam:TagRole", "*", "StringEquals", "aws:RequestTag/cost", "2")},
			func(c *api.Client) error { return tag(c, "cost", "2") },
			func(c *api.Client) error { return tag(c, "cost", "3") }, "iam:TagRole"},
		{"a role with tags takes TagRole too", []string{allow("iam:CreateRole", "*")},
			func(c *api.Client) error { return create(c, "t1", nil) },
			func(c *api.Client) error { return create(c, "t2", nil, cost) }, "iam:TagRole on resource: " + role + "t2"},
		{"a service's role is of the service", []string{condition("iam:CreateServiceLinkedRole", role+"aws-service-role/*", "StringEquals", "iam:AWSServiceName", "lakeformation.amazonaws.com")},
			func(c *api.Client) error {
				_, err := c.CreateServiceLinkedRole(ctx, &api.CreateServiceLinkedRoleInput{AWSServiceName: ptr("lakeformation.amazonaws.com")})
				return err
			},
			func(c *api.Client) error {
				_, err := c.CreateServiceLinkedRole(ctx, &api.CreateServiceLinkedRoleInput{AWSServiceName: ptr("events.amazonaws.com")})
				return err
			}, "iam:CreateServiceLinkedRole"},
		{"a user is renamed within what one may change", []string{allow("iam:UpdateUser", "arn:aws:iam::*:user/dev/*")},
			func(c *api.Client) error {
				_, err := c.UpdateUser(ctx, &api.UpdateUserInput{UserName: ptr("dora"), NewUserName: ptr("dana")})
				return err
			},
			func(c *api.Client) error {
				_, err := c.UpdateUser(ctx, &api.UpdateUserInput{UserName: ptr("dana"), NewPath: ptr("/admin/")})
				return err
			}, "iam:UpdateUser on resource: arn:aws:iam::123456789012:user/admin/dana"},
		{"a group is renamed to what one may change", []string{allow("iam:UpdateGroup", "arn:aws:iam::*:group/*writers")},
			func(c *api.Client) error {
				_, err := c.UpdateGroup(ctx, &api.UpdateGroupInput{GroupName: ptr("writers"), NewPath: ptr("/x/"), NewGroupName: ptr("rewriters")})
				return err
			},
			func(c *api.Client) error {
				_, err := c.UpdateGroup(ctx, &api.UpdateGroupInput{GroupName: ptr("rewriters"), NewGroupName: ptr("owners")})
				return err
			}, "iam:UpdateGroup on resource: arn:aws:iam::123456789012:group/x/owners"},
		{"a key is its user's", []string{allow("iam:GetAccessKeyLastUsed", "arn:aws:iam::*:user/zoe")},
			func(c *api.Client) error {
				_, err := c.GetAccessKeyLastUsed(ctx, &api.GetAccessKeyLastUsedInput{AccessKeyId: zoe})
				return err
			},
			func(c *api.Client) error {
				_, err := c.GetAccessKeyLastUsed(ctx, &api.GetAccessKeyLastUsedInput{AccessKeyId: adas})
				return err
			}, "iam:GetAccessKeyLastUsed on resource: arn:aws:iam::123456789012:user/ada"},
		{"users see to their own keys", []string{allow("iam:*AccessKey*", "arn:aws:iam::*:user/${aws:username}")},
			func(c *api.Client) error { _, err := c.ListAccessKeys(ctx, &api.ListAccessKeysInput{}); return err },
			func(c *api.Client) error {
				_, err := c.CreateAccessKey(ctx, &api.CreateAccessKeyInput{UserName: ptr("zoe")})
				return err
			}, "iam:CreateAccessKey on resource: arn:aws:iam::123456789012:user/zoe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &house{Client: h.Client, t: t, url: h.url}
			name := "person"
			person := h.person(name, tt.statements...)
			if err := tt.may(person); err != nil {
				t.Errorf("refused: %v", err)
			}
			refused(t, "the other", tt.not(person), "AccessDenied", tt.names)
			for _, k := range must(h.ListAccessKeys(ctx, &api.ListAccessKeysInput{UserName: &name}))(t).AccessKeyMetadata {
				must(h.DeleteAccessKey(ctx, &api.DeleteAccessKeyInput{UserName: &name, AccessKeyId: k.AccessKeyId}))(t)
			}
			must(h.DeleteUserPolicy(ctx, &api.DeleteUserPolicyInput{UserName: &name, PolicyName: ptr("may")}))(t)
			must(h.DeleteUser(ctx, &api.DeleteUserInput{UserName: &name}))(t)
		})
	}
}
