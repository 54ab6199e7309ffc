package iam

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
)

// tags are those of users, roles and policies.
func (d *door) tags() []wire.Operation {
	set := func(on string) row { return row{on: on, needs: []string{members[on], "Tags"}} }
	drop := func(on string) row { return row{on: on, needs: []string{members[on], "TagKeys"}} }
	list := func(on string) row {
		return row{on: on, needs: []string{members[on]}, takes: []string{"Marker", "MaxItems"}}
	}
	return []wire.Operation{
		op(d, "TagUser", set(user), func(ctx context.Context, c access.Caller, in *api.TagUserInput) (*api.TagUserOutput, error) {
			return nil, d.tag(ctx, identity.User, *in.UserName, in.Tags)
		}),
		op(d, "TagRole", set(role), func(ctx context.Context, c access.Caller, in *api.TagRoleInput) (*api.TagRoleOutput, error) {
			return nil, d.tag(ctx, identity.Role, *in.RoleName, in.Tags)
		}),
		op(d, "TagPolicy", set(pol), func(ctx context.Context, c access.Caller, in *api.TagPolicyInput) (*api.TagPolicyOutput, error) {
			return nil, d.tag(ctx, identity.Managed, *in.PolicyArn, in.Tags)
		}),
		op(d, "UntagUser", drop(user), func(ctx context.Context, c access.Caller, in *api.UntagUserInput) (*api.UntagUserOutput, error) {
			return nil, d.ids.DropTags(ctx, identity.User, *in.UserName, in.TagKeys)
		}),
		op(d, "UntagRole", drop(role), func(ctx context.Context, c access.Caller, in *api.UntagRoleInput) (*api.UntagRoleOutput, error) {
			return nil, d.ids.DropTags(ctx, identity.Role, *in.RoleName, in.TagKeys)
		}),
		op(d, "UntagPolicy", drop(pol), func(ctx context.Context, c access.Caller, in *api.UntagPolicyInput) (*api.UntagPolicyOutput, error) {
			return nil, d.ids.DropPolicyTags(ctx, *in.PolicyArn, in.TagKeys)
		}),
		op(d, "ListUserTags", list(user), func(ctx context.Context, c access.Caller, in *api.ListUserTagsInput) (*api.ListUserTagsOutput, error) {
			tags, more, marker, err := d.listTags(ctx, identity.User, *in.UserName, in.Marker, in.MaxItems)
			return &api.ListUserTagsOutput{Tags: tags, IsTruncated: more, Marker: marker}, err
		}),
		op(d, "ListRoleTags", list(role), func(ctx context.Context, c access.Caller, in *api.ListRoleTagsInput) (*api.ListRoleTagsOutput, error) {
			tags, more, marker, err := d.listTags(ctx, identity.Role, *in.RoleName, in.Marker, in.MaxItems)
			return &api.ListRoleTagsOutput{Tags: tags, IsTruncated: more, Marker: marker}, err
		}),
		op(d, "ListPolicyTags", list(pol), func(ctx context.Context, c access.Caller, in *api.ListPolicyTagsInput) (*api.ListPolicyTagsOutput, error) {
			tags, more, marker, err := d.listTags(ctx, identity.Managed, *in.PolicyArn, in.Marker, in.MaxItems)
			return &api.ListPolicyTagsOutput{Tags: tags, IsTruncated: more, Marker: marker}, err
		}),
	}
}

func (d *door) tag(ctx context.Context, kind identity.Kind, name string, list []types.Tag) error {
	if kind == identity.Managed {
		return d.ids.SetPolicyTags(ctx, name, fromTags(list))
	}
	return d.ids.SetTags(ctx, kind, name, fromTags(list))
}

func (d *door) listTags(ctx context.Context, kind identity.Kind, name string, marker *string, most *int32) ([]types.Tag, bool, *string, error) {
	var tags []identity.Tag
	if kind == identity.Managed {
		p, err := d.ids.Policy(ctx, name)
		if err != nil {
			return nil, false, nil, err
		}
		tags = p.Tags
	} else {
		e, err := d.ids.Get(ctx, kind, name)
		if err != nil {
			return nil, false, nil, err
		}
		tags = e.Tags
	}
	tags, more, next, err := page("tags "+kind.String()+" "+name, tags, func(t identity.Tag) string { return t.Key }, marker, most)
	return toTags(tags), more, next, err
}
