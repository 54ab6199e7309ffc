// Package ec2 is the door of the part of EC2 that flow logs need: flow logs themselves, and the VPCs, subnets, network
// interfaces and tags that they speak of. One table of operations, each of which calls vpc. It turns EC2's shapes into
// the room's and back, holds page limits, and decides nothing else.
package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"flowlake/access"
	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/vpc"
)

type door struct{ vpc *vpc.Store }

// Service returns the table of the service's operations.
func Service(room *vpc.Store) wire.Service {
	d := &door{room}
	s := wire.Service{
		Name: "ec2", Title: "EC2 (flow logs)", Protocol: wire.EC2Query, Target: "2016-11-15", Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		Names: names, Answers: answers, Faults: faults,
	}
	for _, rows := range [][]wire.Operation{d.vpcs(), d.subnets(), d.interfaces(), d.flowLogs(), d.tags()} {
		s.Operations = append(s.Operations, rows...)
	}
	return s
}

// names are the members of requests whose wire names are not their Go names: lists lose their plural.
//
// Source: the API's Smithy model, ec2QueryName and xmlName.
var names = map[string]string{
	"DescribeVpcsInput.VpcIds":                           "VpcId",
	"DescribeSubnetsInput.SubnetIds":                     "SubnetId",
	"DescribeNetworkInterfacesInput.NetworkInterfaceIds": "NetworkInterfaceId",
	"Filters":                              "Filter",
	"Filter.Values":                        "Value",
	"FlowLogIds":                           "FlowLogId",
	"ResourceIds":                          "ResourceId",
	"Resources":                            "ResourceId",
	"Tags":                                 "Tag",
	"TagSpecifications":                    "TagSpecification",
	"TagFieldSpecifications":               "TagFieldSpecification",
	"Groups":                               "SecurityGroupId",
	"Ipv4Prefixes":                         "Ipv4Prefix",
	"Ipv6Prefixes":                         "Ipv6Prefix",
	"IntegrateServices":                    "IntegrateService",
	"IntegrateServices.AthenaIntegrations": "AthenaIntegration",
}

// answers are those of answers: lists are sets.
var answers = map[string]string{
	"Vpcs":               "vpcSet",
	"Subnets":            "subnetSet",
	"NetworkInterfaces":  "networkInterfaceSet",
	"FlowLogs":           "flowLogSet",
	"FlowLogIds":         "flowLogIdSet",
	"Tags":               "tagSet",
	"Groups":             "groupSet",
	"PrivateIpAddresses": "privateIpAddressesSet",
	"Ipv6Addresses":      "ipv6AddressesSet",
	"Ipv4Prefixes":       "ipv4PrefixSet",
	"Ipv6Prefixes":       "ipv6PrefixSet",
	"AssociatedSubnets":  "associatedSubnetSet",
}

// faults maps what the room returns.
//
// Source: EC2 API reference, "Error codes".
var faults = []wire.FaultRule{
	{Kind: fault.NotFound, Noun: "vpc", Code: "InvalidVpcID.NotFound"},
	{Kind: fault.NotFound, Noun: "subnet", Code: "InvalidSubnetID.NotFound"},
	{Kind: fault.NotFound, Noun: "network interface", Code: "InvalidNetworkInterfaceID.NotFound"},
	{Kind: fault.NotFound, Noun: "flow log", Code: "InvalidFlowLogId.NotFound"},
	{Kind: fault.NotFound, Noun: "bucket", Code: "InvalidParameter"},
	{Kind: fault.NotFound, Noun: "log destination", Code: "400"}, // of an Unsuccessful item: AWS has no word for it
	{Kind: fault.Denied, Noun: "log destination", Code: "400"},   // likewise
	{Kind: fault.Exists, Noun: "flow log", Code: "FlowLogAlreadyExists"},
	{Kind: fault.Conflict, Noun: "dependency", Code: "DependencyViolation"},
	{Kind: fault.Conflict, Noun: "subnet", Code: "InvalidSubnet.Conflict"},
	{Kind: fault.Conflict, Noun: "address", Code: "InvalidIPAddress.InUse"},
	{Kind: fault.Conflict, Noun: "client token", Code: "IdempotentParameterMismatch"},
	{Kind: fault.Limit, Noun: "address", Code: "InsufficientFreeAddressesInSubnet"},
	{Kind: fault.Limit, Noun: "tags", Code: "TagLimitExceeded"},
	{Kind: fault.Invalid, Noun: "vpc range", Code: "InvalidVpc.Range"},
	{Kind: fault.Invalid, Noun: "subnet range", Code: "InvalidSubnet.Range"},
	{Kind: fault.Invalid, Noun: "resource id", Code: "InvalidParameter"},
	{Kind: fault.Invalid, Noun: "resource ids", Code: "InvalidParameter"},
	{Kind: fault.Invalid, Noun: "traffic type", Code: "InvalidParameter"},
	{Kind: fault.Invalid, Noun: "role", Code: "InvalidParameter"},
	{Kind: fault.Invalid, Noun: "log destination", Code: "InvalidParameter"},
	{Kind: fault.Invalid, Noun: "log format", Code: "InvalidParameter"},
	{Kind: fault.Invalid, Noun: "aggregation interval", Code: "InvalidParameter"},
	{Kind: fault.Invalid, Noun: "destination options", Code: "InvalidParameter"},
	{Kind: fault.Invalid, Noun: "combination", Code: "InvalidParameterCombination"},
	{Kind: fault.Unavailable, Code: "Unavailable", Status: http.StatusServiceUnavailable},
}

// itemError says why one resource of a request got nothing.
func itemError(id string, err error) types.UnsuccessfulItem {
	svc := wire.Service{Protocol: wire.EC2Query, Faults: faults}
	e := svc.Explain(err)
	return types.UnsuccessfulItem{ResourceId: &id, Error: &types.UnsuccessfulItemError{Code: &e.Code, Message: &e.Message}}
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func ref(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func to[T any](v T) *T { return &v }

// arn makes the question about resources of a kind: "vpc/vpc-1", or all of them.
func arn(c access.Caller, kind, id string) string {
	if id == "" {
		id = "*"
	}
	return c.ARN("ec2", kind+"/"+id)
}

// fromTags reads the tags that a new resource of a type is to have.
func fromTags(specs []types.TagSpecification, resourceType types.ResourceType) (vpc.Tags, error) {
	tags := vpc.Tags{}
	for _, spec := range specs {
		if spec.ResourceType != resourceType {
			return nil, fault.Newf(fault.Invalid, "tag specification", "'%s' is not a valid taggable resource type for this operation: %s is", spec.ResourceType, resourceType)
		}
		if err := addTags(tags, spec.Tags); err != nil {
			return nil, err
		}
	}
	return tags, nil
}

func addTags(tags vpc.Tags, list []types.Tag) error {
	for _, t := range list {
		if t.Key == nil {
			return &wire.Error{Code: "MissingParameter", Status: http.StatusBadRequest, Message: "The request must contain the parameter Tag.Key"}
		}
		if _, twice := tags[*t.Key]; twice {
			return fault.Newf(fault.Invalid, "tag "+*t.Key, "Duplicate tag key '%s' specified.", *t.Key)
		}
		tags[*t.Key] = text(t.Value)
	}
	return nil
}

// token makes the token of a request that is to be done once. The SDKs send one by themselves where the model says so.
func token(value *string, parameters any) vpc.Token {
	if text(value) == "" {
		return vpc.Token{}
	}
	data, err := json.Marshal(parameters)
	if err != nil { // SDK structs of plain members always marshal
		data = []byte(err.Error())
	}
	sum := sha256.Sum256(data)
	return vpc.Token{Value: *value, Sum: hex.EncodeToString(sum[:])}
}
