package main

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"flowlake/aws/wire"
)

// letRole makes a role that every service of the pipeline may assume and that may do everything, if there is none of that
// name: for tests of what is not about permissions.
func (c *clients) letRole(t testing.TB, arn string) {
	t.Helper()
	ctx, client, name := t.Context(), iam.NewFromConfig(c.config("")), arn[strings.LastIndexByte(arn, '/')+1:]
	_, err := client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"Service": ["glue.amazonaws.com", "firehose.amazonaws.com", "logs.amazonaws.com", "vpc-flow-logs.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}`)})
	var exists *iamtypes.EntityAlreadyExistsException
	if err != nil && !errors.As(err, &exists) {
		t.Fatal(err)
	}
	if _, err := client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}); err != nil {
		t.Fatal(err)
	}
}

// roleMember is how inputs name a role that is handed over.
var roleMember = regexp.MustCompile(`(?i)(^|[a-z])role(arn)?$|permissionarn$|iamrole`)

// notHandedOver are members that look like roles and hand none over: they name the role that the operation itself is about, or
// one that the caller takes on.
var notHandedOver = map[string]string{
	"iam":            "a role is what the operation changes or reads",
	"sts:AssumeRole": "the caller becomes the role: sts:AssumeRole is asked on it",
}

func TestRolesArePassed(t *testing.T) {
	found := 0
	for _, svc := range services(rooms{}) {
		for _, op := range svc.Operations {
			for _, member := range roleMembers(op) {
				if notHandedOver[svc.Name] != "" || notHandedOver[svc.Name+":"+op.Name] != "" {
					continue
				}
				found++
				if !slices.Contains(op.Actions, "iam:PassRole") {
					t.Errorf("%s:%s takes a role as %s, and does not ask iam:PassRole", svc.Name, op.Name, member)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("found %d members that hand a role over: the test looks in the wrong place", found)
	}
}

// roleMembers are the members of an operation's input, honoured or recorded, in which a client hands over a role.
func roleMembers(op wire.Operation) (found []string) {
	in := op.Input()
	if in == nil {
		return nil
	}
	taken := slices.Concat(op.Honoured, op.Recorded)
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type, path string)
	walk = func(t reflect.Type, path string) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		switch {
		case t.Kind() == reflect.String && roleMember.MatchString(path[strings.LastIndexByte(path, '.')+1:]):
			if slices.ContainsFunc(taken, func(m string) bool {
				return m == path || strings.HasPrefix(path, m+".") && !slices.ContainsFunc(taken, func(n string) bool { return strings.HasPrefix(n, m+".") })
			}) {
				found = append(found, path)
			}
		case t.Kind() == reflect.Struct && !seen[t]:
			seen[t] = true
			for i := range t.NumField() {
				if f := t.Field(i); f.IsExported() {
					walk(f.Type, strings.TrimPrefix(path+"."+f.Name, "."))
				}
			}
			delete(seen, t)
		}
	}
	walk(in, "")
	return found
}
