package iam

import (
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access/identity"
)

func to[T any](v T) *T { return &v }

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// ref is nil for "".
func ref(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// instant is nil for the zero time; IAM's times have whole seconds.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return to(t.UTC().Truncate(time.Second))
}

// escaped writes a document as answers have it: percent-encoded as RFC 3986 has it, blanks too.
//
// Source: IAM API reference, "GetRolePolicy": "Policies returned by this operation are URL-encoded compliant with RFC 3986".
func escaped(document string) *string {
	return to(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

func fromTags(list []types.Tag) []identity.Tag {
	return each(list, func(t types.Tag) identity.Tag { return identity.Tag{Key: text(t.Key), Value: text(t.Value)} })
}

func toTags(tags []identity.Tag) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, t := range tags {
		list = append(list, types.Tag{Key: to(t.Key), Value: to(t.Value)})
	}
	return list
}

// someTags leaves out the list where there are none, as AWS does in the answers about one thing.
func someTags(tags []identity.Tag) []types.Tag {
	if len(tags) == 0 {
		return nil
	}
	return toTags(tags)
}

func toBoundary(arn string) *types.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: &arn, PermissionsBoundaryType: types.PermissionsBoundaryAttachmentTypePolicy}
}

func toUser(e identity.Entity) types.User {
	return types.User{Arn: to(e.ARN), UserId: to(e.ID), UserName: to(e.Name), Path: to(e.Path), CreateDate: instant(e.Created),
		PermissionsBoundary: toBoundary(e.Boundary), Tags: someTags(e.Tags)}
}

func toGroup(e identity.Entity) types.Group {
	return types.Group{Arn: to(e.ARN), GroupId: to(e.ID), GroupName: to(e.Name), Path: to(e.Path), CreateDate: instant(e.Created)}
}

func toRole(e identity.Entity) types.Role {
	return types.Role{Arn: to(e.ARN), RoleId: to(e.ID), RoleName: to(e.Name), Path: to(e.Path), CreateDate: instant(e.Created),
		AssumeRolePolicyDocument: escaped(e.Trust), Description: ref(e.Description), MaxSessionDuration: to(int32(e.MaxSession / time.Second)),
		PermissionsBoundary: toBoundary(e.Boundary), Tags: someTags(e.Tags), RoleLastUsed: toRoleUse(e.LastUsed)}
}

func toRoleUse(u identity.Use) *types.RoleLastUsed {
	return &types.RoleLastUsed{LastUsedDate: instant(u.At), Region: ref(u.Region)}
}

// brief is what lists say of a user: no tags, no boundary.
func brief(u types.User) types.User {
	u.Tags, u.PermissionsBoundary = nil, nil
	return u
}

// briefRole is what lists say of a role.
func briefRole(r types.Role) types.Role {
	r.Tags, r.PermissionsBoundary, r.RoleLastUsed = nil, nil, nil
	return r
}

func toPolicy(p identity.Policy) types.Policy {
	return types.Policy{Arn: to(p.ARN), PolicyId: to(p.ID), PolicyName: to(p.Name), Path: to(p.Path), Description: ref(p.Description),
		DefaultVersionId: to(p.Default), IsAttachable: !p.ServiceRole, CreateDate: instant(p.Created), UpdateDate: instant(p.Updated),
		AttachmentCount: to(int32(p.Attachments)), PermissionsBoundaryUsageCount: to(int32(p.Boundaries)), Tags: someTags(p.Tags)}
}

// toVersion writes a version; lists leave the document out.
func toVersion(v identity.Version, document bool) types.PolicyVersion {
	out := types.PolicyVersion{VersionId: to(v.ID), IsDefaultVersion: v.Default, CreateDate: instant(v.Created)}
	if document {
		out.Document = escaped(v.Document)
	}
	return out
}

func status(active bool) types.StatusType {
	if active {
		return types.StatusTypeActive
	}
	return types.StatusTypeInactive
}

// policyName is the name in a managed policy's ARN.
func policyName(arn string) string {
	return arn[strings.LastIndexByte(arn, '/')+1:]
}

func toAttached(arn string) types.AttachedPolicy {
	return types.AttachedPolicy{PolicyArn: &arn, PolicyName: to(policyName(arn))}
}

// policyPath is the path in a managed policy's ARN.
func policyPath(arn string) string {
	_, path, _ := strings.Cut(arn, ":policy")
	return path[:strings.LastIndexByte(path, '/')+1]
}
