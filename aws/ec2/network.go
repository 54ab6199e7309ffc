package ec2

import (
	"context"
	"net/http"

	api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/vpc"
)

func (d *door) vpcs() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateVpc", wire.Row[api.CreateVpcInput]{
			Permissions: []wire.Permission[api.CreateVpcInput]{
				{Action: "ec2:CreateVpc", Resource: func(c access.Caller, _ *api.CreateVpcInput) string { return arn(c, "vpc", "") }},
				tagging("vpc", func(in *api.CreateVpcInput) []types.TagSpecification { return in.TagSpecifications }),
			},
			Honoured: []string{"CidrBlock", "TagSpecifications", "DryRun"}, Recorded: []string{"InstanceTenancy"},
		}, d.createVPC),
		wire.Op("DescribeVpcs", wire.Row[api.DescribeVpcsInput]{
			Permissions: []wire.Permission[api.DescribeVpcsInput]{{Action: "ec2:DescribeVpcs"}},
			Honoured:    []string{"VpcIds", "Filters", "MaxResults", "NextToken", "DryRun"},
		}, d.describeVPCs),
		wire.Op("DeleteVpc", wire.Row[api.DeleteVpcInput]{
			Permissions: []wire.Permission[api.DeleteVpcInput]{{Action: "ec2:DeleteVpc", Resource: func(c access.Caller, in *api.DeleteVpcInput) string { return arn(c, "vpc", *in.VpcId) }}},
			Honoured:    []string{"VpcId", "DryRun"}, Required: []string{"VpcId"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteVpcInput) (*api.DeleteVpcOutput, error) {
			return nil, d.vpc.DeleteVPC(ctx, c, *in.VpcId)
		}),
	}
}

func (d *door) createVPC(ctx context.Context, c access.Caller, in *api.CreateVpcInput) (*api.CreateVpcOutput, error) {
	if text(in.CidrBlock) == "" {
		return nil, missing("CidrBlock")
	}
	if in.InstanceTenancy == types.TenancyHost {
		return nil, fault.Newf(fault.Invalid, "member InstanceTenancy", "Value (host) for parameter instanceTenancy is invalid. It is default or dedicated.")
	}
	tags, err := fromTags(in.TagSpecifications, types.ResourceTypeVpc)
	if err != nil {
		return nil, err
	}
	v, err := d.vpc.CreateVPC(ctx, c, vpc.VPCInput{CIDR: *in.CidrBlock, Tenancy: string(in.InstanceTenancy), Tags: tags})
	if err != nil {
		return nil, err
	}
	return &api.CreateVpcOutput{Vpc: to(toVPC(v))}, nil
}

func missing(name string) error {
	return &wire.Error{Code: "MissingParameter", Status: http.StatusBadRequest, Message: "The request must contain the parameter " + name}
}

func (d *door) describeVPCs(ctx context.Context, c access.Caller, in *api.DescribeVpcsInput) (*api.DescribeVpcsOutput, error) {
	l, err := page("DescribeVpcs", in.VpcIds, in.Filters, in.MaxResults, in.NextToken, 5)
	if err != nil {
		return nil, err
	}
	found, next, err := d.vpc.VPCs(ctx, c, l.Query)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeVpcsOutput{Vpcs: make([]types.Vpc, len(found)), NextToken: l.token(next)}
	for i, v := range found {
		out.Vpcs[i] = toVPC(v)
	}
	return out, nil
}

func toVPC(v vpc.VPC) types.Vpc {
	return types.Vpc{
		VpcId: &v.ID, OwnerId: &v.Owner, CidrBlock: &v.CIDR, State: types.VpcStateAvailable, IsDefault: to(false),
		InstanceTenancy: types.Tenancy(v.Tenancy), DhcpOptionsId: to("default"), Tags: toTags(v.Tags),
		CidrBlockAssociationSet: []types.VpcCidrBlockAssociation{{
			AssociationId: to("vpc-cidr-assoc-" + v.ID[len("vpc-"):]), CidrBlock: &v.CIDR,
			CidrBlockState: &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated},
		}},
	}
}

func (d *door) subnets() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateSubnet", wire.Row[api.CreateSubnetInput]{
			Permissions: []wire.Permission[api.CreateSubnetInput]{
				{Action: "ec2:CreateSubnet", Resource: func(c access.Caller, _ *api.CreateSubnetInput) string { return arn(c, "subnet", "") }},
				{Action: "ec2:CreateSubnet", Resource: func(c access.Caller, in *api.CreateSubnetInput) string { return arn(c, "vpc", *in.VpcId) }},
				tagging("subnet", func(in *api.CreateSubnetInput) []types.TagSpecification { return in.TagSpecifications }),
			},
			Honoured: []string{"VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId", "TagSpecifications", "DryRun"}, Required: []string{"VpcId"},
		}, d.createSubnet),
		wire.Op("DescribeSubnets", wire.Row[api.DescribeSubnetsInput]{
			Permissions: []wire.Permission[api.DescribeSubnetsInput]{{Action: "ec2:DescribeSubnets"}},
			Honoured:    []string{"SubnetIds", "Filters", "MaxResults", "NextToken", "DryRun"},
		}, d.describeSubnets),
		wire.Op("DeleteSubnet", wire.Row[api.DeleteSubnetInput]{
			Permissions: []wire.Permission[api.DeleteSubnetInput]{{Action: "ec2:DeleteSubnet", Resource: func(c access.Caller, in *api.DeleteSubnetInput) string { return arn(c, "subnet", *in.SubnetId) }}},
			Honoured:    []string{"SubnetId", "DryRun"}, Required: []string{"SubnetId"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteSubnetInput) (*api.DeleteSubnetOutput, error) {
			return nil, d.vpc.DeleteSubnet(ctx, c, *in.SubnetId)
		}),
	}
}

func (d *door) createSubnet(ctx context.Context, c access.Caller, in *api.CreateSubnetInput) (*api.CreateSubnetOutput, error) {
	if text(in.CidrBlock) == "" {
		return nil, missing("CidrBlock")
	}
	tags, err := fromTags(in.TagSpecifications, types.ResourceTypeSubnet)
	if err != nil {
		return nil, err
	}
	n, err := d.vpc.CreateSubnet(ctx, c, vpc.SubnetInput{VPC: *in.VpcId, CIDR: *in.CidrBlock, Zone: text(in.AvailabilityZone), ZoneID: text(in.AvailabilityZoneId), Tags: tags})
	if err != nil {
		return nil, err
	}
	made, err := d.toSubnets(ctx, c, []vpc.Subnet{n})
	if err != nil {
		return nil, err
	}
	return &api.CreateSubnetOutput{Subnet: &made[0]}, nil
}

func (d *door) describeSubnets(ctx context.Context, c access.Caller, in *api.DescribeSubnetsInput) (*api.DescribeSubnetsOutput, error) {
	l, err := page("DescribeSubnets", in.SubnetIds, in.Filters, in.MaxResults, in.NextToken, 5)
	if err != nil {
		return nil, err
	}
	found, next, err := d.vpc.Subnets(ctx, c, l.Query)
	if err != nil {
		return nil, err
	}
	subnets, err := d.toSubnets(ctx, c, found)
	return &api.DescribeSubnetsOutput{Subnets: subnets, NextToken: l.token(next)}, err
}

func (d *door) toSubnets(ctx context.Context, c access.Caller, found []vpc.Subnet) ([]types.Subnet, error) {
	free, err := d.vpc.Free(ctx, c, found)
	if err != nil {
		return nil, err
	}
	subnets := make([]types.Subnet, len(found))
	for i, n := range found {
		subnets[i] = types.Subnet{
			SubnetId: &n.ID, SubnetArn: to(arn(c, "subnet", n.ID)), VpcId: &n.VPC, OwnerId: &n.Owner, CidrBlock: &n.CIDR, State: types.SubnetStateAvailable,
			AvailabilityZone: &n.Zone, AvailabilityZoneId: &n.ZoneID, AvailableIpAddressCount: to(int32(free[n.ID])),
			DefaultForAz: to(false), MapPublicIpOnLaunch: to(false), AssignIpv6AddressOnCreation: to(false), Tags: toTags(n.Tags),
			Ipv6CidrBlockAssociationSet: []types.SubnetIpv6CidrBlockAssociation{},
		}
	}
	return subnets, nil
}

func (d *door) interfaces() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateNetworkInterface", wire.Row[api.CreateNetworkInterfaceInput]{
			Permissions: []wire.Permission[api.CreateNetworkInterfaceInput]{
				{Action: "ec2:CreateNetworkInterface", Resource: func(c access.Caller, _ *api.CreateNetworkInterfaceInput) string {
					return arn(c, "network-interface", "")
				}},
				{Action: "ec2:CreateNetworkInterface", Resource: func(c access.Caller, in *api.CreateNetworkInterfaceInput) string {
					return arn(c, "subnet", *in.SubnetId)
				}},
				tagging("network-interface", func(in *api.CreateNetworkInterfaceInput) []types.TagSpecification { return in.TagSpecifications }),
			},
			Honoured: []string{"SubnetId", "PrivateIpAddress", "Description", "TagSpecifications", "ClientToken", "DryRun"}, Required: []string{"SubnetId"},
		}, d.createInterface),
		wire.Op("DescribeNetworkInterfaces", wire.Row[api.DescribeNetworkInterfacesInput]{
			Permissions: []wire.Permission[api.DescribeNetworkInterfacesInput]{{Action: "ec2:DescribeNetworkInterfaces"}},
			Honoured:    []string{"NetworkInterfaceIds", "Filters", "MaxResults", "NextToken", "DryRun"},
		}, d.describeInterfaces),
		wire.Op("DeleteNetworkInterface", wire.Row[api.DeleteNetworkInterfaceInput]{
			Permissions: []wire.Permission[api.DeleteNetworkInterfaceInput]{{Action: "ec2:DeleteNetworkInterface",
				Resource: func(c access.Caller, in *api.DeleteNetworkInterfaceInput) string {
					return arn(c, "network-interface", *in.NetworkInterfaceId)
				}}},
			Honoured: []string{"NetworkInterfaceId", "DryRun"}, Required: []string{"NetworkInterfaceId"},
		}, func(ctx context.Context, c access.Caller, in *api.DeleteNetworkInterfaceInput) (*api.DeleteNetworkInterfaceOutput, error) {
			return nil, d.vpc.DeleteInterface(ctx, c, *in.NetworkInterfaceId)
		}),
	}
}

func (d *door) createInterface(ctx context.Context, c access.Caller, in *api.CreateNetworkInterfaceInput) (*api.CreateNetworkInterfaceOutput, error) {
	tags, err := fromTags(in.TagSpecifications, types.ResourceTypeNetworkInterface)
	if err != nil {
		return nil, err
	}
	plain := *in
	plain.ClientToken, plain.DryRun = nil, nil
	i, err := d.vpc.CreateInterface(ctx, c, vpc.InterfaceInput{Subnet: *in.SubnetId, Address: text(in.PrivateIpAddress), Description: text(in.Description),
		Tags: tags, Token: token(in.ClientToken, plain)})
	if err != nil {
		return nil, err
	}
	return &api.CreateNetworkInterfaceOutput{NetworkInterface: to(toInterface(i)), ClientToken: in.ClientToken}, nil
}

func (d *door) describeInterfaces(ctx context.Context, c access.Caller, in *api.DescribeNetworkInterfacesInput) (*api.DescribeNetworkInterfacesOutput, error) {
	l, err := page("DescribeNetworkInterfaces", in.NetworkInterfaceIds, in.Filters, in.MaxResults, in.NextToken, 5)
	if err != nil {
		return nil, err
	}
	found, next, err := d.vpc.Interfaces(ctx, c, l.Query)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeNetworkInterfacesOutput{NetworkInterfaces: make([]types.NetworkInterface, len(found)), NextToken: l.token(next)}
	for k, i := range found {
		out.NetworkInterfaces[k] = toInterface(i)
	}
	return out, nil
}

func toInterface(i vpc.Interface) types.NetworkInterface {
	return types.NetworkInterface{
		NetworkInterfaceId: &i.ID, SubnetId: &i.Subnet, VpcId: &i.VPC, OwnerId: &i.Owner, AvailabilityZone: &i.Zone, AvailabilityZoneId: &i.ZoneID,
		Description: &i.Description, MacAddress: &i.MAC, PrivateIpAddress: &i.Address, Status: types.NetworkInterfaceStatusAvailable,
		PrivateIpAddresses: []types.NetworkInterfacePrivateIpAddress{{Primary: to(true), PrivateIpAddress: &i.Address}},
		InterfaceType:      types.NetworkInterfaceTypeInterface, SourceDestCheck: to(true), RequesterManaged: to(false),
		Groups: []types.GroupIdentifier{}, Ipv6Addresses: []types.NetworkInterfaceIpv6Address{}, TagSet: toTags(i.Tags),
	}
}
