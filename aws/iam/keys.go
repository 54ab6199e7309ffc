package iam

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
	"flowlake/fault"
)

// keys are long-term access keys, of users alone.
//
// Differs from AWS: root has the one key of its credentials file, and none can be made for it.
func (d *door) keys() []wire.Operation {
	return []wire.Operation{
		op(d, "CreateAccessKey", row{on: user, takes: []string{"UserName"}}, d.createAccessKey),
		op(d, "UpdateAccessKey", row{on: user, needs: []string{"AccessKeyId", "Status"}, takes: []string{"UserName"}},
			func(ctx context.Context, c access.Caller, in *api.UpdateAccessKeyInput) (*api.UpdateAccessKeyOutput, error) {
				name, err := ownName(c, in.UserName)
				if err != nil {
					return nil, err
				}
				if in.Status != types.StatusTypeActive && in.Status != types.StatusTypeInactive {
					return nil, fault.Newf(fault.Invalid, "member status", "Value '%s' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]", in.Status)
				}
				return nil, d.ids.SetKeyActive(ctx, name, *in.AccessKeyId, in.Status == types.StatusTypeActive)
			}),
		op(d, "DeleteAccessKey", row{on: user, needs: []string{"AccessKeyId"}, takes: []string{"UserName"}},
			func(ctx context.Context, c access.Caller, in *api.DeleteAccessKeyInput) (*api.DeleteAccessKeyOutput, error) {
				name, err := ownName(c, in.UserName)
				if err != nil {
					return nil, err
				}
				return nil, d.ids.DeleteKey(ctx, name, *in.AccessKeyId)
			}),
		op(d, "ListAccessKeys", row{on: user, takes: []string{"Marker", "MaxItems", "UserName"}}, d.listAccessKeys),
		op(d, "GetAccessKeyLastUsed", row{on: user, name: "AccessKeyId", needs: []string{"AccessKeyId"}}, d.getAccessKeyLastUsed),
	}
}

func (d *door) createAccessKey(ctx context.Context, c access.Caller, in *api.CreateAccessKeyInput) (*api.CreateAccessKeyOutput, error) {
	if in.UserName == nil && c.IsRoot() {
		return nil, fault.Newf(fault.Unsupported, "member userName", "root has the key of its credentials file and no other: name a user")
	}
	name, err := ownName(c, in.UserName)
	if err != nil {
		return nil, err
	}
	key, secret, err := d.ids.CreateKey(ctx, name)
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyOutput{AccessKey: &types.AccessKey{AccessKeyId: &key.ID, SecretAccessKey: &secret, UserName: &key.User,
		Status: status(key.Active), CreateDate: instant(key.Created)}}, nil
}

func (d *door) listAccessKeys(ctx context.Context, c access.Caller, in *api.ListAccessKeysInput) (*api.ListAccessKeysOutput, error) {
	name, err := ownName(c, in.UserName)
	if err != nil {
		return nil, err
	}
	all, err := d.ids.Keys(ctx, name)
	if err != nil {
		return nil, err
	}
	out := &api.ListAccessKeysOutput{}
	all, out.IsTruncated, out.Marker, err = page("ListAccessKeys "+name, all, func(k identity.AccessKey) string { return k.ID }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.AccessKeyMetadata = each(all, func(k identity.AccessKey) types.AccessKeyMetadata {
		return types.AccessKeyMetadata{AccessKeyId: to(k.ID), UserName: to(k.User), Status: status(k.Active), CreateDate: instant(k.Created)}
	})
	return out, nil
}

// getAccessKeyLastUsed says N/A where a key was never used, as AWS does.
func (d *door) getAccessKeyLastUsed(ctx context.Context, c access.Caller, in *api.GetAccessKeyLastUsedInput) (*api.GetAccessKeyLastUsedOutput, error) {
	k, err := d.ids.AccessKey(ctx, *in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	used := &types.AccessKeyLastUsed{LastUsedDate: instant(k.Used.At), Region: ref(k.Used.Region), ServiceName: ref(k.Used.Service)}
	if used.Region == nil {
		used.Region = to("N/A")
	}
	if used.ServiceName == nil {
		used.ServiceName = to("N/A")
	}
	return &api.GetAccessKeyLastUsedOutput{UserName: &k.User, AccessKeyLastUsed: used}, nil
}
