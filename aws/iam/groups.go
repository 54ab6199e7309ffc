package iam

import (
	"context"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
)

func (d *door) groups() []wire.Operation {
	return []wire.Operation{
		op(d, "CreateGroup", row{on: group, needs: []string{"GroupName"}, takes: []string{"Path"}}, d.createGroup),
		op(d, "GetGroup", row{on: group, needs: []string{"GroupName"}, takes: []string{"Marker", "MaxItems"}}, d.getGroup),
		op(d, "UpdateGroup", row{on: group, moves: true, needs: []string{"GroupName"}, takes: []string{"NewGroupName", "NewPath"}},
			func(ctx context.Context, c access.Caller, in *api.UpdateGroupInput) (*api.UpdateGroupOutput, error) {
				return nil, d.ids.Rename(ctx, identity.Group, *in.GroupName, in.NewGroupName, in.NewPath)
			}),
		op(d, "DeleteGroup", row{on: group, needs: []string{"GroupName"}},
			func(ctx context.Context, c access.Caller, in *api.DeleteGroupInput) (*api.DeleteGroupOutput, error) {
				return nil, d.ids.Delete(ctx, identity.Group, *in.GroupName)
			}),
		op(d, "ListGroups", row{on: anyOne, takes: []string{"Marker", "MaxItems", "PathPrefix"}}, d.listGroups),
		op(d, "ListGroupsForUser", row{on: user, needs: []string{"UserName"}, takes: []string{"Marker", "MaxItems"}}, d.listGroupsForUser),
		op(d, "AddUserToGroup", row{on: group, needs: []string{"GroupName", "UserName"}},
			func(ctx context.Context, c access.Caller, in *api.AddUserToGroupInput) (*api.AddUserToGroupOutput, error) {
				return nil, d.ids.AddToGroup(ctx, *in.GroupName, *in.UserName)
			}),
		op(d, "RemoveUserFromGroup", row{on: group, needs: []string{"GroupName", "UserName"}},
			func(ctx context.Context, c access.Caller, in *api.RemoveUserFromGroupInput) (*api.RemoveUserFromGroupOutput, error) {
				return nil, d.ids.RemoveFromGroup(ctx, *in.GroupName, *in.UserName)
			}),
	}
}

func (d *door) createGroup(ctx context.Context, c access.Caller, in *api.CreateGroupInput) (*api.CreateGroupOutput, error) {
	made, err := d.ids.Create(ctx, identity.Group, identity.New{Name: *in.GroupName, Path: text(in.Path)})
	if err != nil {
		return nil, err
	}
	return &api.CreateGroupOutput{Group: to(toGroup(made))}, nil
}

func (d *door) getGroup(ctx context.Context, c access.Caller, in *api.GetGroupInput) (*api.GetGroupOutput, error) {
	e, err := d.ids.Get(ctx, identity.Group, *in.GroupName)
	if err != nil {
		return nil, err
	}
	all, err := d.ids.Members(ctx, e.Name)
	if err != nil {
		return nil, err
	}
	out := &api.GetGroupOutput{Group: to(toGroup(e))}
	all, out.IsTruncated, out.Marker, err = page("GetGroup "+e.Name, all, entityName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.Users = each(all, func(e identity.Entity) types.User { return brief(toUser(e)) })
	return out, nil
}

func (d *door) listGroups(ctx context.Context, c access.Caller, in *api.ListGroupsInput) (*api.ListGroupsOutput, error) {
	all, err := d.entities(ctx, identity.Group, in.PathPrefix)
	if err != nil {
		return nil, err
	}
	out := &api.ListGroupsOutput{}
	all, out.IsTruncated, out.Marker, err = page("ListGroups "+text(in.PathPrefix), all, entityName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.Groups = each(all, toGroup)
	return out, nil
}

func (d *door) listGroupsForUser(ctx context.Context, c access.Caller, in *api.ListGroupsForUserInput) (*api.ListGroupsForUserOutput, error) {
	e, err := d.ids.Get(ctx, identity.User, *in.UserName)
	if err != nil {
		return nil, err
	}
	out := &api.ListGroupsForUserOutput{Groups: []types.Group{}}
	names, more, marker, err := page("ListGroupsForUser "+e.Name, e.Groups, func(name string) string { return name }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.IsTruncated, out.Marker = more, marker
	for _, name := range names {
		g, err := d.ids.Get(ctx, identity.Group, name)
		if err != nil {
			return nil, err
		}
		out.Groups = append(out.Groups, toGroup(g))
	}
	return out, nil
}
