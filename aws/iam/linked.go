package iam

import (
	"context"
	"strings"

	api "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/aws/wire"
	"flowlake/fault"
)

// linkedRoles are roles that belong to a service.
//
// Differs from AWS: a deletion is done, or not, when its request is answered; its task has succeeded or failed from the first.
func (d *door) linkedRoles() []wire.Operation {
	return []wire.Operation{
		op(d, "CreateServiceLinkedRole", row{on: role, name: "AWSServiceName", needs: []string{"AWSServiceName"}, takes: []string{"CustomSuffix", "Description"}},
			func(ctx context.Context, c access.Caller, in *api.CreateServiceLinkedRoleInput) (*api.CreateServiceLinkedRoleOutput, error) {
				e, err := d.ids.CreateServiceLinkedRole(ctx, *in.AWSServiceName, text(in.Description), text(in.CustomSuffix))
				if err != nil {
					return nil, err
				}
				return &api.CreateServiceLinkedRoleOutput{Role: to(toRole(e))}, nil
			}),
		op(d, "DeleteServiceLinkedRole", row{on: role, needs: []string{"RoleName"}},
			func(ctx context.Context, c access.Caller, in *api.DeleteServiceLinkedRoleInput) (*api.DeleteServiceLinkedRoleOutput, error) {
				e, err := d.ids.Get(ctx, identity.Role, *in.RoleName)
				if err != nil {
					return nil, err
				}
				err = d.ids.DeleteServiceLinkedRole(ctx, e.Name)
				if err != nil && !fault.Is(err, fault.Conflict) { // in use: its task has failed, and says of what
					return nil, err
				}
				return &api.DeleteServiceLinkedRoleOutput{DeletionTaskId: to(taskOf(c, e.Path+e.Name))}, nil
			}),
		op(d, "GetServiceLinkedRoleDeletionStatus", row{on: role, name: "DeletionTaskId", needs: []string{"DeletionTaskId"}}, d.deletionStatus),
	}
}

// taskOf is the id of a deletion's task: it begins with task and the role's path and name, as AWS's do, and ends with what
// follows from them, so that it needs no storing.
func taskOf(c access.Caller, pathAndName string) string {
	return "task" + pathAndName + "/" + uuid.NewSHA1(uuid.NameSpaceURL, []byte("arn:aws:iam::"+c.Account+":role"+pathAndName)).String()
}

// deletionStatus says of a task that it has failed while something uses its role, and otherwise that it has succeeded.
func (d *door) deletionStatus(ctx context.Context, c access.Caller, in *api.GetServiceLinkedRoleDeletionStatusInput) (*api.GetServiceLinkedRoleDeletionStatusOutput, error) {
	id := *in.DeletionTaskId
	if role, ok := roleOf(id); !ok || taskOf(c, role) != id {
		return nil, fault.Newf(fault.NotFound, "deletion task "+id, "The task %s cannot be found.", id)
	}
	role, _ := roleOf(id)
	uses, err := d.ids.LinkedUses(ctx, role[strings.LastIndexByte(role, '/')+1:])
	if fault.Is(err, fault.NotFound) || err == nil && len(uses) == 0 {
		return &api.GetServiceLinkedRoleDeletionStatusOutput{Status: types.DeletionTaskStatusTypeSucceeded}, nil
	}
	if err != nil {
		return nil, err
	}
	reason := &types.DeletionTaskFailureReasonType{Reason: to("The role is used by its service: remove what uses it, then delete it again.")}
	for _, u := range uses {
		reason.RoleUsageList = append(reason.RoleUsageList, types.RoleUsageType{Region: to(u.Region), Resources: u.Resources})
	}
	return &api.GetServiceLinkedRoleDeletionStatusOutput{Status: types.DeletionTaskStatusTypeFailed, Reason: reason}, nil
}

// roleOf is the path and name of the role in a task's id.
func roleOf(task string) (pathAndName string, ok bool) {
	rest, ok := strings.CutPrefix(task, "task")
	return rest[:max(0, strings.LastIndexByte(rest, '/'))], ok
}
