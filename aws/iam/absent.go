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

// absent answer for what users and roles can have on AWS and cannot here, as nothing makes it: instance profiles, console
// passwords, MFA devices, certificates, SSH keys, credentials of single services. Tools ask for them before they delete
// a user or a role, and the true answer is that there are none. What would make them is refused by name.
func (d *door) absent() []wire.Operation {
	list := func(on string) row {
		return row{on: on, needs: []string{members[on]}, takes: []string{"Marker", "MaxItems"}}
	}
	own := row{on: user, takes: []string{"Marker", "MaxItems", "UserName"}}
	return []wire.Operation{
		op(d, "ListInstanceProfiles", row{on: anyOne, takes: []string{"Marker", "MaxItems", "PathPrefix"}},
			func(context.Context, access.Caller, *api.ListInstanceProfilesInput) (*api.ListInstanceProfilesOutput, error) {
				return &api.ListInstanceProfilesOutput{InstanceProfiles: []types.InstanceProfile{}}, nil
			}),
		op(d, "ListInstanceProfilesForRole", list(role),
			func(ctx context.Context, c access.Caller, in *api.ListInstanceProfilesForRoleInput) (*api.ListInstanceProfilesForRoleOutput, error) {
				_, err := d.ids.Get(ctx, identity.Role, *in.RoleName)
				return &api.ListInstanceProfilesForRoleOutput{InstanceProfiles: []types.InstanceProfile{}}, err
			}),
		op(d, "ListMFADevices", own,
			func(ctx context.Context, c access.Caller, in *api.ListMFADevicesInput) (*api.ListMFADevicesOutput, error) {
				return &api.ListMFADevicesOutput{MFADevices: []types.MFADevice{}}, d.userExists(ctx, c, in.UserName)
			}),
		op(d, "ListVirtualMFADevices", row{on: anyOne, takes: []string{"AssignmentStatus", "Marker", "MaxItems"}},
			func(context.Context, access.Caller, *api.ListVirtualMFADevicesInput) (*api.ListVirtualMFADevicesOutput, error) {
				return &api.ListVirtualMFADevicesOutput{VirtualMFADevices: []types.VirtualMFADevice{}}, nil
			}),
		op(d, "ListSigningCertificates", own,
			func(ctx context.Context, c access.Caller, in *api.ListSigningCertificatesInput) (*api.ListSigningCertificatesOutput, error) {
				return &api.ListSigningCertificatesOutput{Certificates: []types.SigningCertificate{}}, d.userExists(ctx, c, in.UserName)
			}),
		op(d, "ListSSHPublicKeys", own,
			func(ctx context.Context, c access.Caller, in *api.ListSSHPublicKeysInput) (*api.ListSSHPublicKeysOutput, error) {
				return &api.ListSSHPublicKeysOutput{SSHPublicKeys: []types.SSHPublicKeyMetadata{}}, d.userExists(ctx, c, in.UserName)
			}),
		op(d, "ListServiceSpecificCredentials", row{on: user, takes: []string{"UserName"}},
			func(ctx context.Context, c access.Caller, in *api.ListServiceSpecificCredentialsInput) (*api.ListServiceSpecificCredentialsOutput, error) {
				return &api.ListServiceSpecificCredentialsOutput{ServiceSpecificCredentials: []types.ServiceSpecificCredentialMetadata{}}, d.userExists(ctx, c, in.UserName)
			}),
		op(d, "GetLoginProfile", row{on: user, takes: []string{"UserName"}},
			func(ctx context.Context, c access.Caller, in *api.GetLoginProfileInput) (*api.GetLoginProfileOutput, error) {
				return nil, d.noLogin(ctx, c, in.UserName)
			}),
		op(d, "DeleteLoginProfile", row{on: user, takes: []string{"UserName"}},
			func(ctx context.Context, c access.Caller, in *api.DeleteLoginProfileInput) (*api.DeleteLoginProfileOutput, error) {
				return nil, d.noLogin(ctx, c, in.UserName)
			}),
	}
}

func (d *door) userExists(ctx context.Context, c access.Caller, name *string) error {
	if name == nil && c.IsRoot() {
		return nil
	}
	of, err := ownName(c, name)
	if err != nil {
		return err
	}
	_, err = d.ids.Get(ctx, identity.User, of)
	return err
}

func (d *door) noLogin(ctx context.Context, c access.Caller, name *string) error {
	of, err := ownName(c, name)
	if err != nil {
		return err
	}
	if err := d.userExists(ctx, c, &of); err != nil {
		return err
	}
	return fault.Newf(fault.NotFound, "login profile", "Login Profile for User %s cannot be found.", of)
}
