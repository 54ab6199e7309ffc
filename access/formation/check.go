package formation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/fault"
)

// Check returns nil when the caller has a permission on a resource: CREATE_DATABASE on the catalogue, CREATE_TABLE, ALTER,
// DROP or DESCRIBE on a database, ALTER, DROP, INSERT, DELETE, SELECT (every cell) or DESCRIBE on a table, and
// DATA_LOCATION_ACCESS on a place (one that no registered location covers needs none).
//
// Otherwise it returns fault.NotFound in the catalogue's words when the caller may not know of the database or table, and
// an *access.Refusal when it may: "Insufficient Lake Formation permission(s): Required Create Table on db", with the
// grant that would allow it. Both are in the audit log.
func (v *View) Check(ctx context.Context, p Permission, r Resource) error {
	ok, visible, err := v.may(ctx, p, &r)
	if ok || err != nil {
		return err
	}
	return v.refuse(ctx, p, r, visible)
}

// Lacks is Check without effect, for those who explain: nothing is recorded, and nothing is hidden. It returns nil when the
// caller has the permission.
func (v *View) Lacks(ctx context.Context, p Permission, r Resource) (*access.Refusal, error) {
	ok, _, err := v.may(ctx, p, &r)
	if ok || err != nil {
		return nil, err
	}
	return v.refusal(p, r), nil
}

// may answers Check's question, and brings r's names into the form that is kept. visible says whether the caller may know of
// the thing.
func (v *View) may(ctx context.Context, p Permission, r *Resource) (ok, visible bool, err error) {
	if v.c.IsRoot() {
		return true, true, nil
	}
	r.Database, r.Table = lower(r.Database), lower(r.Table)
	switch r.Kind {
	case OfCatalog:
		ok, err = v.mayCatalog(p)
		return ok, true, err
	case OfDatabase:
		return v.mayDatabase(ctx, p, r.Database)
	case OfTable:
		return v.mayTable(ctx, p, *r)
	case OfLocation:
		ok, err = v.mayPlace(ctx, r.Location)
		return ok, true, err
	}
	return false, false, fault.Newf(fault.Internal, "permission "+string(p), "is not asked for on a resource of kind %d", r.Kind)
}

// LacksWhole is Lacks of DESCRIBE for those who write by a table's definition: to see some of its columns is not enough.
func (v *View) LacksWhole(ctx context.Context, r Resource) (*access.Refusal, error) {
	r.Database, r.Table = lower(r.Database), lower(r.Table)
	t, there, err := v.describe(r.Database, r.Table)
	if err != nil {
		return nil, err
	}
	if there {
		a, err := v.Table(ctx, t)
		if err != nil || len(a.Columns) == len(t.Columns) {
			return nil, err
		}
	}
	return v.refusal(Describe, r), nil
}

func (v *View) mayCatalog(p Permission) (bool, error) {
	if admin, err := v.Admin(); admin || err != nil {
		return admin, err
	}
	d, err := v.read(kindCatalog, "")
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(d.Grants, func(g grant) bool { return v.applies(&g) && has(g.Permissions, p) }), nil
}

func (v *View) mayDatabase(ctx context.Context, p Permission, name string) (ok, visible bool, err error) {
	permitted, err := v.database(name)
	if err != nil || permitted[p] {
		return permitted[p], true, err
	}
	visible, err = v.Database(ctx, name)
	return visible && p == Describe, visible, err
}

func (v *View) mayTable(ctx context.Context, p Permission, r Resource) (ok, visible bool, err error) {
	t, there, err := v.describe(r.Database, r.Table)
	if !there || err != nil { // as a hidden one
		return false, false, err
	}
	a, err := v.Table(ctx, t)
	return a.May(p) || p == Describe && a.Describe, a.Describe, err
}

// mayPlace reports whether the caller may make databases and tables whose data lie at a place.
//
// Source: Lake Formation developer guide, "Underlying data access control", "Data location permissions".
func (v *View) mayPlace(ctx context.Context, place string) (bool, error) {
	path, err := anyPath(place)
	if err != nil {
		return true, nil // what is no place in S3 is not the data lake's
	}
	if _, registered, err := v.Location(ctx, place); !registered || err != nil {
		return err == nil, err
	}
	if admin, err := v.Admin(); admin || err != nil {
		return admin, err
	}
	bucket, _, _ := strings.Cut(path, "/")
	for row, err := range v.tx.List(v.id(kindPlace, bucket), "") {
		if err != nil {
			return false, err
		}
		if !covers(row.Key, path) {
			continue
		}
		var d document
		if err := row.Decode(&d); err != nil {
			return false, err
		}
		if slices.ContainsFunc(d.Grants, func(g grant) bool { return v.applies(&g) }) {
			return true, nil
		}
	}
	return false, nil
}

// verbs are permissions as refusals name them.
var verbs = map[Permission]string{
	Select: "Select", Alter: "Alter", Drop: "Drop", Delete: "Delete", Insert: "Insert", Describe: "Describe",
	CreateDatabase: "Create Database", CreateTable: "Create Table", DataLocationAccess: "Data Location Access", All: "All",
	CreateTag: "Create LF Tag", Associate: "Associate", GrantWithTags: "Grant With LF Tag Expression", CreateExpression: "Create LF Tag Expression",
}

// Missing is the refusal of a permission that the caller lacks on a thing that it may know of. It is written down.
func (v *View) Missing(ctx context.Context, p Permission, r Resource) error {
	return v.refuse(ctx, p, r, true)
}

// refuseGrant is the refusal of one who may not grant a permission.
func (v *View) refuseGrant(ctx context.Context, p Permission, r Resource) error {
	return v.s.guard.Refuse(ctx, &access.Refusal{
		Caller: v.c, Action: "lakeformation:GrantPermissions", Resource: r.arn(v.c),
		Words:     "Insufficient Lake Formation permission(s): Required Grant " + verbs[p] + " on " + r.name(),
		Decision:  policy.Decision{Reason: policy.NotAuthorizedOther, Detail: who(v.c) + " is no data lake administrator, and does not have " + string(p) + " there with the grant option"},
		Statement: Command(Grant{Principal: who(v.c), Resource: r, Permissions: []Permission{p}, Grantable: []Permission{p}}, v.c.Region),
		Where:     "a shell of a data lake administrator",
	})
}

// refuse writes a refusal down, and returns what the caller may read of it.
func (v *View) refuse(ctx context.Context, p Permission, r Resource, visible bool) error {
	err := v.s.guard.Refuse(ctx, v.refusal(p, r))
	if visible {
		return err
	}
	switch r.Kind {
	case OfDatabase:
		return fault.Newf(fault.NotFound, "database "+r.Database, "not found")
	default:
		if err := v.databaseThere(ctx, r.Database); err != nil {
			return err
		}
		return fault.Newf(fault.NotFound, "table "+r.Database+"."+r.Table, "not found")
	}
}

// refusal is the whole of a refusal, with the grant that would allow.
func (v *View) refusal(p Permission, r Resource) *access.Refusal {
	words := "Insufficient Lake Formation permission(s): Required " + verbs[p] + " on " + r.name()
	if r.Kind == OfLocation {
		words = "Insufficient Lake Formation permission(s) on " + r.name()
	}
	return &access.Refusal{
		Caller: v.c, Action: "lakeformation:" + strings.ReplaceAll(verbs[p], " ", ""), Resource: r.arn(v.c), Words: words,
		Decision:  policy.Decision{Reason: policy.NotAuthorizedOther, Detail: "Lake Formation grants " + who(v.c) + " no " + string(p) + " there"},
		Statement: Command(Grant{Principal: who(v.c), Resource: r, Permissions: []Permission{p}}, v.c.Region),
		Where:     "a shell of a data lake administrator",
	}
}

// name is what a refusal calls a resource.
func (r Resource) name() string {
	switch r.Kind {
	case OfDatabase, OfAllTables:
		return r.Database
	case OfTable, OfColumns:
		return r.Table
	case OfCells:
		return r.Filter
	case OfLocation:
		if path, err := anyPath(r.Location); err == nil {
			return "s3://" + path
		}
		return r.Location
	case OfTag:
		return r.Tag.Key
	case OfTagPolicy:
		return "LF-tag policy"
	case OfTagExpression:
		return r.Expression
	}
	return "Catalog"
}

// arn is a resource's, as audit records have it.
func (r Resource) arn(c access.Caller) string {
	switch r.Kind {
	case OfDatabase:
		return c.ARN("glue", "database/"+r.Database)
	case OfTable, OfColumns, OfCells:
		return c.ARN("glue", "table/"+r.Database+"/"+r.Table)
	case OfAllTables:
		return c.ARN("glue", "table/"+r.Database+"/*")
	case OfLocation:
		if path, err := anyPath(r.Location); err == nil {
			return "arn:aws:s3:::" + path
		}
	}
	return c.ARN("glue", "catalog")
}

// Command is the shell command that makes a grant.
func Command(g Grant, region string) string {
	list := func(ps []Permission) string {
		words := make([]string, len(ps))
		for i, p := range ps {
			words[i] = string(p)
		}
		return strings.Join(words, " ")
	}
	text := "aws lakeformation grant-permissions --region " + region + " --principal " + quoted("DataLakePrincipalIdentifier="+g.Principal) +
		" --permissions " + list(g.Permissions)
	if len(g.Grantable) > 0 {
		text += " --permissions-with-grant-option " + list(g.Grantable)
	}
	return text + " --resource " + quoted(g.Resource.shape())
}

// quoted is one word of a shell's: a path in an ARN may have any character, and people paste what they are given.
func quoted(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:/+=,.@_-"
	if strings.Trim(word, plain) == "" && word != "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// shape is a resource as Lake Formation's API spells it.
func (r Resource) shape() string {
	type object = map[string]any
	tags := func(list []Tag) []object {
		out := make([]object, len(list))
		for i, t := range list {
			out[i] = object{"TagKey": t.Key, "TagValues": t.Values}
		}
		return out
	}
	var o object
	switch r.Kind {
	case OfDatabase:
		o = object{"Database": object{"Name": r.Database}}
	case OfTable:
		o = object{"Table": object{"DatabaseName": r.Database, "Name": r.Table}}
	case OfAllTables:
		o = object{"Table": object{"DatabaseName": r.Database, "TableWildcard": object{}}}
	case OfColumns:
		t := object{"DatabaseName": r.Database, "Name": r.Table}
		switch {
		case !r.AllColumns:
			t["ColumnNames"] = r.Columns
		case len(r.Excluded) > 0:
			t["ColumnWildcard"] = object{"ExcludedColumnNames": r.Excluded}
		default:
			t["ColumnWildcard"] = object{}
		}
		o = object{"TableWithColumns": t}
	case OfCells:
		o = object{"DataCellsFilter": object{"DatabaseName": r.Database, "TableName": r.Table, "Name": r.Filter}}
	case OfLocation:
		at := r.Location
		if path, err := anyPath(r.Location); err == nil {
			at = "arn:aws:s3:::" + path
		}
		o = object{"DataLocation": object{"ResourceArn": at}}
	case OfTag:
		o = object{"LFTag": tags([]Tag{r.Tag})[0]}
	case OfTagExpression:
		o = object{"LFTagExpression": object{"Name": r.Expression}}
	case OfTagPolicy:
		kind := "DATABASE"
		if r.Policy.Tables {
			kind = "TABLE"
		}
		p := object{"ResourceType": kind, "Expression": tags(r.Policy.Expression)}
		if r.Policy.Name != "" {
			p = object{"ResourceType": kind, "ExpressionName": r.Policy.Name}
		}
		o = object{"LFTagPolicy": p}
	default:
		o = object{"Catalog": object{}}
	}
	text, err := json.Marshal(o)
	if err != nil {
		return ""
	}
	return string(text)
}
