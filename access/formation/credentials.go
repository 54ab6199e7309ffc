package formation

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/fault"
)

// maxSession is how long a table's credentials may last, and minSession how long at least.
//
// Source: Lake Formation API reference, "GetTemporaryGlueTableCredentials".
const (
	maxSession = 12 * time.Hour
	minSession = 15 * time.Minute
)

// TableCredentials makes credentials that do to one table's objects what the permissions say, and nothing else: a session
// of the role that the table's location was registered with, limited to the table's folder.
//
// The caller has the permissions on the whole table, for whoever reads objects reads every cell: with columns or rows alone
// it is refused, as it is where the settings do not allow it (AllowFullTableExternalDataAccess). The caller also needs
// lakeformation:GetDataAccess.
func (s *Store) TableCredentials(ctx context.Context, c access.Caller, database, table string, permissions []Permission, duration time.Duration) (identity.Credentials, error) {
	if s.identities == nil {
		return identity.Credentials{}, fault.Newf(fault.Unsupported, "table credentials", "this server has no identities")
	}
	if duration == 0 {
		duration = time.Hour
	}
	if duration < minSession || duration > maxSession {
		return identity.Credentials{}, fault.Newf(fault.Invalid, "DurationSeconds", "is not between %d and %d", minSession/time.Second, maxSession/time.Second)
	}
	if len(permissions) == 0 {
		permissions = []Permission{Select}
	}
	arn := OnTable(lower(database), lower(table)).arn(c)
	if err := s.guard.Allow(ctx, c, "lakeformation:GetDataAccess", "*"); err != nil {
		return identity.Credentials{}, err
	}
	var location Location
	var folder string
	err := s.View(ctx, c, func(v *View) error {
		t, err := v.table(ctx, database, table)
		if err != nil {
			return err
		}
		set, err := v.Settings()
		if err != nil {
			return err
		}
		a, err := v.Table(ctx, t)
		if err != nil {
			return err
		}
		for _, p := range permissions {
			if p == All || !has(permissionsOf[OfTable], p) {
				return fault.Newf(fault.Invalid, "Permissions", "%s gives no right to objects: SELECT, INSERT and DELETE do", p)
			}
			if !a.May(p) {
				return v.refuse(ctx, p, OnTable(t.Database, t.Name), true)
			}
		}
		if !set.FullTableAccess {
			return v.s.guard.Refuse(ctx, &access.Refusal{Caller: c, Action: "lakeformation:GetTemporaryGlueTableCredentials", Resource: arn,
				Decision: policy.Decision{Reason: policy.NotAuthorizedOther, Detail: "the data lake settings do not allow credentials for whole tables: set AllowFullTableExternalDataAccess"}})
		}
		var ok bool
		if location, ok, err = v.Location(ctx, t.Location); err != nil {
			return err
		}
		if !ok {
			return fault.Newf(fault.Invalid, "table "+t.Database+"."+t.Name, "its location %s is not registered with Lake Formation", t.Location)
		}
		folder, err = anyPath(t.Location)
		return err
	})
	if err != nil {
		return identity.Credentials{}, err
	}
	as, err := s.guard.Assume(ctx, access.ServicePrincipal(c.Account, c.Region, Service, location.ARN), location.RoleARN, sessionName(c))
	if err != nil {
		return identity.Credentials{}, err
	}
	document, err := tablePolicy(folder, permissions)
	if err != nil {
		return identity.Credentials{}, err
	}
	return s.identities.Issue(identity.SessionSpec{
		Principal: as.Principal, PrincipalID: as.ID, Role: as.Role, Session: as.Session, Policies: []string{document}, Duration: duration,
	})
}

// sessionName tells whom a session is for, in the characters that a session's name may have.
func sessionName(c access.Caller) string {
	_, name, _ := strings.Cut(who(c), "/")
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_=,.@-", r) {
			return r
		}
		return '-'
	}, "lakeformation-"+name)
	return name[:min(len(name), 64)]
}

// literal makes a folder's name one in a policy: no variable or wildcard of its own.
var literal = strings.NewReplacer("$", "${$}", "*", "${*}", "?", "${?}")

// tablePolicy is what a session for a table's folder may do.
func tablePolicy(folder string, permissions []Permission) (string, error) {
	bucket, prefix, _ := strings.Cut(literal.Replace(folder), "/")
	if prefix != "" {
		prefix += "/"
	}
	type statement struct {
		Effect    string
		Action    []string
		Resource  string
		Condition any `json:",omitempty"`
	}
	var objects []string
	for _, p := range permissions {
		switch p {
		case Select:
			objects = append(objects, "s3:GetObject")
		case Insert:
			objects = append(objects, "s3:PutObject")
		case Delete:
			objects = append(objects, "s3:DeleteObject")
		}
	}
	statements := []statement{
		{Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: "arn:aws:s3:::" + bucket,
			Condition: map[string]any{"StringLike": map[string]any{"s3:prefix": []string{prefix + "*"}}}},
		{Effect: "Allow", Action: []string{"s3:GetBucketLocation"}, Resource: "arn:aws:s3:::" + bucket},
	}
	if len(objects) > 0 {
		statements = append(statements, statement{Effect: "Allow", Action: objects, Resource: "arn:aws:s3:::" + bucket + "/" + prefix + "*"})
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	return string(text), err
}
