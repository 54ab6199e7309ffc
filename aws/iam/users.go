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

func (d *door) users() []wire.Operation {
	return []wire.Operation{
		op(d, "CreateUser", row{on: user, tagging: "iam:TagUser", needs: []string{"UserName"}, takes: []string{"Path", "PermissionsBoundary", "Tags"}}, d.createUser),
		op(d, "GetUser", row{on: user, takes: []string{"UserName"}}, d.getUser),
		op(d, "UpdateUser", row{on: user, moves: true, needs: []string{"UserName"}, takes: []string{"NewPath", "NewUserName"}},
			func(ctx context.Context, c access.Caller, in *api.UpdateUserInput) (*api.UpdateUserOutput, error) {
				return nil, d.ids.Rename(ctx, identity.User, *in.UserName, in.NewUserName, in.NewPath)
			}),
		op(d, "DeleteUser", row{on: user, needs: []string{"UserName"}},
			func(ctx context.Context, c access.Caller, in *api.DeleteUserInput) (*api.DeleteUserOutput, error) {
				return nil, d.ids.Delete(ctx, identity.User, *in.UserName)
			}),
		op(d, "ListUsers", row{on: anyOne, takes: []string{"Marker", "MaxItems", "PathPrefix"}}, d.listUsers),
	}
}

func (d *door) createUser(ctx context.Context, c access.Caller, in *api.CreateUserInput) (*api.CreateUserOutput, error) {
	made, err := d.ids.Create(ctx, identity.User, identity.New{Name: *in.UserName, Path: text(in.Path), Tags: fromTags(in.Tags), Boundary: text(in.PermissionsBoundary)})
	if err != nil {
		return nil, err
	}
	return &api.CreateUserOutput{User: to(toUser(made))}, nil
}

// getUser describes root too, who is no user of the store.
func (d *door) getUser(ctx context.Context, c access.Caller, in *api.GetUserInput) (*api.GetUserOutput, error) {
	if in.UserName == nil && c.IsRoot() {
		return &api.GetUserOutput{User: &types.User{Arn: to(c.Principal), UserId: to(c.Account)}}, nil
	}
	name, err := ownName(c, in.UserName)
	if err != nil {
		return nil, err
	}
	e, err := d.ids.Get(ctx, identity.User, name)
	if err != nil {
		return nil, err
	}
	return &api.GetUserOutput{User: to(toUser(e))}, nil
}

func (d *door) listUsers(ctx context.Context, c access.Caller, in *api.ListUsersInput) (*api.ListUsersOutput, error) {
	all, err := d.entities(ctx, identity.User, in.PathPrefix)
	if err != nil {
		return nil, err
	}
	out := &api.ListUsersOutput{}
	all, out.IsTruncated, out.Marker, err = page("ListUsers "+text(in.PathPrefix), all, entityName, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.Users = each(all, func(e identity.Entity) types.User { return brief(toUser(e)) })
	return out, nil
}

// entities are those of a kind whose path begins with prefix.
func (d *door) entities(ctx context.Context, kind identity.Kind, prefix *string) ([]identity.Entity, error) {
	if prefix != nil && !isPath(*prefix) {
		return nil, badPrefix(*prefix)
	}
	return d.ids.List(ctx, kind, text(prefix))
}

// isPath reports whether a prefix can be one of a path.
func isPath(prefix string) bool {
	for i := range len(prefix) {
		if prefix[i] < '!' || prefix[i] > 0x7e {
			return false
		}
	}
	return prefix != "" && prefix[0] == '/' && len(prefix) <= 512
}

func badPrefix(prefix string) error {
	return fault.Newf(fault.Invalid, "member pathPrefix", "The specified value for pathPrefix is invalid: %q. It must begin with / and hold printable ASCII characters only.", prefix)
}

func entityName(e identity.Entity) string { return e.Name }

// each turns every element; the list is never nil.
func each[T, U any](list []T, turn func(T) U) []U {
	out := make([]U, len(list))
	for i, t := range list {
		out[i] = turn(t)
	}
	return out
}
