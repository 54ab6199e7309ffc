package iam

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/aws/wire"
	"flowlake/fault"
)

// The kinds of things that permissions are about, as their ARNs spell them.
const (
	user   = "user"
	group  = "group"
	role   = "role"
	pol    = "policy"
	entity = "entity" // a user, a group or a role, by its ARN
	anyOne = "*"      // no thing
)

// members are the members of an input that say which thing of a kind it is about.
var members = map[string]string{user: "UserName", group: "GroupName", role: "RoleName", pol: "PolicyArn"}

// row is an operation in the terms that IAM's own have in common. Its permission is the operation's name.
type row struct {
	on   string // the kind of thing that the permission is about
	name string // the member that names the thing; "": as members has it

	// bounded: the permission knows the boundary that the user or role has, iam:PermissionsBoundary. It does not where
	// the input has a boundary: then that is the key's value.
	bounded bool

	moves bool // the thing gets another name or path: the permission is about the new ARN too

	tagging string // the permission that it takes besides when the input has tags: "iam:TagRole"

	needs []string // members that must be there
	takes []string // the others
	empty []string // of needs: strings that may be ""
}

// op makes the wire's row. The condition keys follow from the members of the input.
//
// Source: Service authorization reference, "Actions, resources, and condition keys for AWS Identity and Access
// Management (IAM)".
func op[In, Out any](d *door, name string, r row, do func(ctx context.Context, c access.Caller, in *In) (*Out, error)) wire.Operation {
	named := r.name
	if named == "" {
		named = members[r.on]
	}
	on := func(c access.Caller, in *In) string { return d.arn(c, r.on, in, named) }
	if r.on == anyOne {
		on = nil
	}
	first := wire.Permission[In]{Action: "iam:" + name, Resource: on, Context: func(in *In) []policy.Entry { return d.entries(r, in, named) }}
	w := wire.Row[In]{Permissions: []wire.Permission[In]{first}, Honoured: slices.Concat(r.needs, r.takes), Required: r.needs, MayBeEmpty: r.empty, MaxBody: maxBody}
	if r.tagging != "" {
		w.Permissions = append(w.Permissions, wire.Permission[In]{Action: r.tagging, Resource: on, Context: first.Context,
			When: func(in *In) bool { return member(in, "Tags").Len() > 0 }})
	}
	if r.moves {
		w.Permissions = append(w.Permissions, wire.Permission[In]{Action: first.Action, Context: first.Context,
			Resource: func(c access.Caller, in *In) string { return d.moved(c, r.on, in) },
			When:     func(in *In) bool { return word(in, "NewPath") != "" || word(in, "New"+members[r.on]) != "" }})
	}
	return wire.Op(name, w, func(ctx context.Context, c access.Caller, in *In) (*Out, error) {
		out, err := do(ctx, c, in)
		return out, said(err)
	})
}

// said gives an error AWS's own sentence where the room has it: then without the thing that the sentence names again.
func said(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Err != nil || f.Detail == "" || f.Detail[0] < 'A' || f.Detail[0] > 'Z' || f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return err
	}
	e := (&wire.Service{Protocol: wire.Query, Faults: faults}).Explain(err)
	e.Message, e.Err = f.Detail, err
	return e
}

// maxBody bounds a request: simulations carry several documents, each character of them escaped.
const maxBody = 2 << 20

// member is a member of an input; the zero Value when it has none of that name.
func member(in any, name string) reflect.Value {
	return reflect.ValueOf(in).Elem().FieldByName(name)
}

// word is a member that is a string, "" when it is absent.
func word(in any, name string) string {
	v := member(in, name)
	if v.IsValid() && v.Kind() == reflect.Pointer && !v.IsNil() {
		return v.Elem().String()
	}
	return ""
}

// nameOf is the name in a member of an input: for an access key's id the user's, "" when there is no such key.
func (d *door) nameOf(in any, named string) string {
	name := word(in, named)
	if named != "AccessKeyId" {
		return name
	}
	k, err := d.ids.AccessKey(context.Background(), name)
	if err != nil {
		return ""
	}
	return k.User
}

// arn is the ARN of the thing that a request is about. One that does not exist has the path that the request gives it.
func (d *door) arn(c access.Caller, kind string, in any, named string) string {
	name := d.nameOf(in, named)
	switch {
	case named == "AccessKeyId" && name == "":
		return anyOne
	case strings.HasPrefix(name, "arn:"):
		return name
	case kind == user && name == "":
		return c.Principal // users may ask for themselves without a name
	case named == "AWSServiceName":
		if arn, ok := d.ids.Linked(name); ok {
			return arn
		}
		return "arn:aws:iam::" + c.Account + ":role/aws-service-role/" + name + "/*"
	case named == "DeletionTaskId":
		role, _ := roleOf(name)
		return "arn:aws:iam::" + c.Account + ":role" + role
	}
	if thing, ok := d.find(kind, name); ok {
		return thing.arn
	}
	path := word(in, "Path")
	if path == "" {
		path = "/"
	}
	return "arn:aws:iam::" + c.Account + ":" + kind + path + name
}

// moved is the ARN that a thing will have: who may change one may not so make it one that they may not.
//
// Source: IAM API reference, "UpdateUser", on the permissions for both the source and the target.
func (d *door) moved(c access.Caller, kind string, in any) string {
	prefix := "arn:aws:iam::" + c.Account + ":" + kind
	old := strings.TrimPrefix(d.arn(c, kind, in, members[kind]), prefix)
	slash := strings.LastIndexByte(old, '/') + 1
	path, name := old[:slash], old[slash:]
	if to := word(in, "NewPath"); to != "" {
		path = to
	}
	if to := word(in, "New"+members[kind]); to != "" {
		name = to
	}
	return prefix + path + name
}

// entries are the condition keys of a request.
func (d *door) entries(r row, in any, named string) []policy.Entry {
	var entries []policy.Entry
	add := func(key string, values ...string) {
		entries = append(entries, policy.Entry{Key: key, Values: values})
	}
	var thing thing
	if name := d.nameOf(in, named); name != "" {
		thing, _ = d.find(r.on, name)
	}
	for _, t := range thing.tags {
		add("aws:ResourceTag/"+t.Key, t.Value)
		add("iam:ResourceTag/"+t.Key, t.Value)
	}
	if boundary := word(in, "PermissionsBoundary"); boundary != "" {
		add("iam:PermissionsBoundary", boundary)
	} else if r.bounded && thing.boundary != "" {
		add("iam:PermissionsBoundary", thing.boundary)
	}
	if arn := word(in, "PolicyArn"); arn != "" && r.on != pol {
		add("iam:PolicyARN", arn)
	}
	if service := word(in, "AWSServiceName"); service != "" {
		add("iam:AWSServiceName", service)
	}
	if v := member(in, "Tags"); v.IsValid() {
		var keys []string
		for _, t := range v.Interface().([]types.Tag) {
			keys = append(keys, text(t.Key))
			add("aws:RequestTag/"+text(t.Key), text(t.Value))
		}
		if len(keys) > 0 {
			add("aws:TagKeys", keys...)
		}
	}
	if v := member(in, "TagKeys"); v.IsValid() && v.Len() > 0 {
		add("aws:TagKeys", v.Interface().([]string)...)
	}
	return entries
}
