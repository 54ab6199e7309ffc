package s3

import (
	"context"
	"net/http"
	"strings"

	"flowlake/aws/wire"
	"flowlake/fault"
	"flowlake/lake"
)

// groups are the URIs of the groups that grants can be to.
var groups = map[string]string{
	lake.AllUsers:           "http://acs.amazonaws.com/groups/global/AllUsers",
	lake.AuthenticatedUsers: "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
	lake.LogDelivery:        "http://acs.amazonaws.com/groups/s3/LogDelivery",
}

func writeACL(q *request, owner string, grants []lake.Grant) error {
	const instance = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type=`
	d := newDocument("AccessControlPolicy")
	writeOwner(d, "Owner", owner)
	d.open("AccessControlList")
	for _, g := range grants {
		d.open("Grant")
		if uri, group := groups[g.Grantee]; group {
			d.open("Grantee " + instance + `"Group"`)
			d.text("URI", uri)
		} else {
			d.open("Grantee " + instance + `"CanonicalUser"`)
			d.text("ID", g.Grantee)
		}
		d.close("Grantee")
		d.text("Permission", g.Permission)
		d.close("Grant")
	}
	d.close("AccessControlList")
	return d.send(q.Writer, "AccessControlPolicy")
}

func getBucketACL(ctx context.Context, q *request) error {
	owner, grants, err := q.lake.BucketACL(ctx, q.Caller, q.bucket)
	if err != nil {
		return err
	}
	return writeACL(q, owner, grants)
}

func getObjectACL(ctx context.Context, q *request) error {
	owner, grants, err := q.lake.ObjectACL(ctx, q.Caller, q.bucket, q.key)
	if err != nil {
		return err
	}
	return writeACL(q, owner, grants)
}

func putBucketACL(ctx context.Context, q *request) error {
	acl, err := q.newACL()
	if err != nil {
		return err
	}
	if err := q.lake.PutBucketACL(ctx, q.Caller, q.bucket, acl); err != nil {
		return err
	}
	return q.done(http.StatusOK)
}

func putObjectACL(ctx context.Context, q *request) error {
	acl, err := q.newACL()
	if err != nil {
		return err
	}
	if err := q.lake.PutObjectACL(ctx, q.Caller, q.bucket, q.key, acl); err != nil {
		return err
	}
	return q.done(http.StatusOK)
}

// acl is the canned ACL that a header gives.
func (q *request) acl() (string, error) {
	acl := q.header("x-amz-acl")
	return acl, lake.CheckACL(acl)
}

// newACL is the canned ACL that a request sets, by header or by a body of grants that a canned ACL stands for. Other
// grants are refused.
func (q *request) newACL() (string, error) {
	root, err := readXML(q.Body, "AccessControlPolicy", 2000)
	if err != nil {
		return "", err
	}
	acl, err := q.acl()
	switch {
	case err != nil:
		return "", err
	case acl != "" && root != nil:
		return "", &wire.Error{Code: "UnexpectedContent", Message: "This request does not support content"}
	case acl != "":
		return acl, nil
	case root == nil:
		return "", &wire.Error{Code: "MissingSecurityHeader", Message: "Your request was missing a required header", Fields: map[string]string{"MissingHeaderName": "x-amz-acl"}}
	}
	owner, err := q.lake.Owner(q.bucket)
	if err != nil {
		return "", err
	}
	grants, err := readGrants(root, owner)
	if err != nil {
		return "", err
	}
	acl, ok := lake.CannedFor(grants, owner)
	if !ok {
		return "", fault.Newf(fault.Unsupported, "access control list", "its grants are no canned ACL's: flowlake takes the canned ACLs, and grants that are one's")
	}
	return acl, nil
}

func readGrants(root *element, owner string) (grants []lake.Grant, err error) {
	named, ignored := "", ""
	account := map[string]func(*element) error{"ID": into(&named), "DisplayName": into(&ignored)}
	err = root.fields(map[string]func(*element) error{
		"Owner": func(e *element) error { return e.fields(account) },
		"AccessControlList": func(e *element) error {
			return e.fields(map[string]func(*element) error{"Grant": func(e *element) error {
				var g lake.Grant
				uri := ""
				err := e.fields(map[string]func(*element) error{"Permission": into(&g.Permission), "Grantee": func(e *element) error {
					return e.fields(map[string]func(*element) error{"ID": into(&g.Grantee), "DisplayName": into(&ignored), "URI": into(&uri)})
				}})
				for group, of := range groups {
					if uri == of {
						g.Grantee = group
					}
				}
				grants = append(grants, g)
				return err
			}}, "Grant")
		},
	})
	if err == nil && named != "" && strings.TrimSpace(named) != owner {
		return nil, fault.Newf(fault.Denied, "access control list", "names another owner than the bucket's account, %s", owner)
	}
	return grants, err
}
