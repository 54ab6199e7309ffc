// Package sts is the door of AWS Security Token Service: it says who a caller is, and hands out the credentials of
// sessions, of roles and of users. It keeps nothing: a session lies in its token.
package sts

import (
	"context"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"

	"github.com/aws/aws-sdk-go-v2/service/sts"
)

type door struct {
	ids   *identity.Store
	guard *access.Guard
}

// Service returns the table of the service's operations. What has to do with federation (AssumeRoleWithSAML, AssumeRoleWithWebIdentity,
// GetFederationToken, AssumeRoot) and DecodeAuthorizationMessage are not there, nor is multi-factor authentication: a
// refusal says in clear what an encoded message would.
func Service(ids *identity.Store, guard *access.Guard) wire.Service {
	d := &door{ids, guard}
	role := func(_ access.Caller, in *sts.AssumeRoleInput) string { return *in.RoleArn }
	return wire.Service{
		Name:      "sts",
		Title:     "Security Token Service",
		Protocol:  wire.Query,
		Target:    "2011-06-15",
		Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Names:     map[string]string{"PolicyDescriptorType.Arn": "arn"},
		Faults: []wire.FaultRule{
			{Kind: fault.Invalid, Noun: "policy document", Code: "MalformedPolicyDocument"},
			{Kind: fault.TooLarge, Noun: "session", Code: "PackedPolicyTooLarge"},
			{Kind: fault.Limit, Code: "ValidationError"},
		},
		Operations: []wire.Operation{
			wire.Op("GetCallerIdentity", wire.Row[sts.GetCallerIdentityInput]{Public: true}, d.getCallerIdentity),
			wire.Op("AssumeRole", wire.Row[sts.AssumeRoleInput]{
				Permissions: []wire.Permission[sts.AssumeRoleInput]{
					{Action: "sts:AssumeRole", Resource: role, Context: assumeKeys},
					{Action: "sts:TagSession", Resource: role, Context: assumeKeys,
						When: func(in *sts.AssumeRoleInput) bool { return len(in.Tags) > 0 }},
					{Action: "sts:SetSourceIdentity", Resource: role, Context: assumeKeys,
						When: func(in *sts.AssumeRoleInput) bool { return text(in.SourceIdentity) != "" }},
				},
				Required: []string{"RoleArn", "RoleSessionName"},
				Honoured: []string{"RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "Policy", "PolicyArns", "SourceIdentity", "Tags", "TransitiveTagKeys"},
			}, d.assumeRole),
			wire.Op("GetSessionToken", wire.Row[sts.GetSessionTokenInput]{Public: true, Honoured: []string{"DurationSeconds"}}, d.getSessionToken),
			wire.Op("GetAccessKeyInfo", wire.Row[sts.GetAccessKeyInfoInput]{
				Permissions: []wire.Permission[sts.GetAccessKeyInfoInput]{{Action: "sts:GetAccessKeyInfo"}},
				Required:    []string{"AccessKeyId"},
				Honoured:    []string{"AccessKeyId"},
			}, d.getAccessKeyInfo),
		},
	}
}

// getCallerIdentity needs no permission on AWS either: what it says stands in every refusal too.
func (d *door) getCallerIdentity(_ context.Context, c access.Caller, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	id := c.ID
	switch {
	case c.IsRoot():
		id = c.Account
	case c.Role != "":
		id += ":" + c.Session
	}
	return &sts.GetCallerIdentityOutput{Account: &c.Account, Arn: &c.Principal, UserId: &id}, nil
}

// getAccessKeyInfo says which account a key is of, as far as it is this one: on AWS any key's id tells.
func (d *door) getAccessKeyInfo(ctx context.Context, c access.Caller, in *sts.GetAccessKeyInfoInput) (*sts.GetAccessKeyInfoOutput, error) {
	id := *in.AccessKeyId
	if len(id) < 16 || len(id) > 128 {
		return nil, invalid(id, "accessKeyId", "Member must have length between 16 and 128, inclusive")
	}
	if account := identity.AccountOf(id); id == c.AccessKey || account == c.Account {
		return &sts.GetAccessKeyInfoOutput{Account: &c.Account}, nil
	}
	return nil, fault.Newf(fault.Invalid, "access key "+id, "is not one of this account's")
}

// assumeKeys are the condition keys that a request to assume a role brings.
//
// Source: Service authorization reference, "Actions, resources, and condition keys for AWS Security Token Service".
func assumeKeys(in *sts.AssumeRoleInput) []policy.Entry {
	entries := []policy.Entry{{Key: "sts:RoleSessionName", Values: []string{text(in.RoleSessionName)}}}
	if v := text(in.ExternalId); v != "" {
		entries = append(entries, policy.Entry{Key: "sts:ExternalId", Values: []string{v}})
	}
	if v := text(in.SourceIdentity); v != "" {
		entries = append(entries, policy.Entry{Key: "sts:SourceIdentity", Values: []string{v}})
	}
	var keys []string
	for _, t := range in.Tags {
		keys = append(keys, text(t.Key))
		entries = append(entries, policy.Entry{Key: "aws:RequestTag/" + text(t.Key), Values: []string{text(t.Value)}})
	}
	if len(keys) > 0 {
		entries = append(entries, policy.Entry{Key: "aws:TagKeys", Values: keys})
	}
	if len(in.TransitiveTagKeys) > 0 {
		entries = append(entries, policy.Entry{Key: "sts:TransitiveTagKeys", Values: in.TransitiveTagKeys})
	}
	return entries
}

// text is a string, "" for none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
