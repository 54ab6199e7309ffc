package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
)

// Grants is what Lake Formation lets a principal do with a table.
type Grants struct {
	Summary string   `json:"summary"`           // in a sentence
	Columns []string `json:"columns,omitempty"` // that may be read at least in part
	Hidden  []string `json:"hidden,omitempty"`  // that may not
	Rows    []string `json:"rows,omitempty"`    // the filters' expressions, where there are any
	Add     string   `json:"add,omitempty"`     // the command that would grant what is missing

	governed bool
	filtered bool // there are filters, whether they are told or not
}

// has is the need of one of several permissions of Lake Formation; the first is the one that a refusal names.
func (m *mapping) has(as access.Caller, r formation.Resource, oneOf ...formation.Permission) Need {
	return m.hasBy(as, r, func(v *formation.View, p formation.Permission) (*access.Refusal, error) {
		return v.Lacks(m.quiet, p, r)
	}, oneOf...)
}

// seesWhole is the need to see all of a table's columns.
func (m *mapping) seesWhole(as access.Caller, r formation.Resource) Need {
	return m.hasBy(as, r, func(v *formation.View, _ formation.Permission) (*access.Refusal, error) {
		return v.LacksWhole(m.quiet, r)
	}, formation.Describe)
}

// hasBy is has by what tells whether a permission is lacking.
func (m *mapping) hasBy(as access.Caller, r formation.Resource, lacks func(*formation.View, formation.Permission) (*access.Refusal, error), oneOf ...formation.Permission) Need {
	n := Need{Action: "lakeformation:" + actionOf[oneOf[0]], Resource: resourceARN(as, r)}
	var first *access.Refusal
	err := m.Formation.View(m.quiet, as, func(v *formation.View) error {
		for i, p := range oneOf {
			refusal, err := lacks(v, p)
			if err != nil {
				return err
			}
			if refusal == nil {
				n.Allowed, n.By = true, m.grantedBy(v, as, p, r)
				return nil
			}
			if i == 0 {
				first = refusal
			}
		}
		return nil
	})
	switch {
	case err != nil:
		n.Missing = err.Error()
	case !n.Allowed:
		n.refused(first)
	}
	return n
}

// actionOf are Lake Formation's permissions as the audit log and refusals name them.
var actionOf = map[formation.Permission]string{
	formation.Select: "Select", formation.Alter: "Alter", formation.Drop: "Drop", formation.Delete: "Delete", formation.Insert: "Insert", formation.Describe: "Describe",
	formation.CreateDatabase: "CreateDatabase", formation.CreateTable: "CreateTable", formation.DataLocationAccess: "DataLocationAccess",
}

// permissionOf is the permission that a question's action names, in either spelling: lakeformation:CreateTable,
// lakeformation:CREATE_TABLE.
func permissionOf(action string) (formation.Permission, bool) {
	service, name, _ := strings.Cut(action, ":")
	for p, known := range actionOf {
		if service == "lakeformation" && strings.EqualFold(strings.ReplaceAll(name, "_", ""), known) {
			return p, true
		}
	}
	return "", false
}

func resourceARN(c access.Caller, r formation.Resource) string {
	switch r.Kind {
	case formation.OfLocation:
		bucket, prefix := splitLocation(strings.TrimPrefix(strings.TrimPrefix(r.Location, "s3://"), "arn:aws:s3:::"))
		return "arn:aws:s3:::" + strings.TrimSuffix(bucket+"/"+prefix, "/")
	case formation.OfTable:
		return c.ARN("glue", "table/"+r.Database+"/"+r.Table)
	case formation.OfDatabase:
		return c.ARN("glue", "database/"+r.Database)
	}
	return c.ARN("glue", "catalog")
}

// resourceOf is what an ARN names in Lake Formation.
func resourceOf(c access.Caller, arn string) (r formation.Resource, err error) {
	if strings.HasPrefix(arn, "arn:aws:s3:::") {
		return formation.AtLocation(arn), nil
	}
	kind, rest, _ := strings.Cut(strings.TrimPrefix(arn, c.ARN("glue", "")), "/")
	database, table, both := strings.Cut(rest, "/")
	switch {
	case !strings.HasPrefix(arn, c.ARN("glue", "")) || strings.ContainsAny(arn, "*?"):
	case kind == "catalog" && rest == "":
		return formation.Catalog(), nil
	case kind == "database" && database != "" && !both:
		return formation.InDatabase(database), nil
	case kind == "table" && database != "" && table != "" && !strings.Contains(table, "/"):
		return formation.OnTable(database, table), nil
	}
	return r, fault.Newf(fault.Invalid, "resource "+arn, "is not one that Lake Formation grants on: %s, %s, %s, or a place in S3", c.ARN("glue", "table/<database>/<table>"), c.ARN("glue", "database/<database>"), c.ARN("glue", "catalog"))
}

// grantedBy says what gives a permission that the caller has.
func (m *mapping) grantedBy(v *formation.View, as access.Caller, p formation.Permission, r formation.Resource) string {
	if as.IsRoot() {
		return "the account's root may do everything"
	}
	if r.Kind == formation.OfLocation {
		if _, registered, err := v.Location(m.quiet, r.Location); err == nil && !registered {
			return "Lake Formation: no registered location covers it"
		}
	}
	of := func(r formation.Resource) string {
		list, err := v.GrantsOn(r)
		if err != nil {
			return ""
		}
		for _, g := range list {
			if g.Principal != principalOf(as) && g.Principal != formation.IAMAllowed || !slices.Contains(g.Permissions, p) && !slices.Contains(g.Permissions, formation.All) {
				continue
			}
			return "Lake Formation: " + string(p) + " on " + nameOf(r) + " was granted to " + strings.TrimPrefix(g.Principal, "arn:aws:iam::"+as.Account+":")
		}
		return ""
	}
	if by := of(r); by != "" {
		return by
	}
	if admin, err := v.Admin(); err == nil && admin {
		return "Lake Formation: it is a data lake administrator"
	}
	return "Lake Formation: its grants on " + nameOf(r)
}

// nameOf is a resource of Lake Formation in a word or two.
func nameOf(r formation.Resource) string {
	switch {
	case r.Location != "":
		return r.Location
	case r.Table != "":
		return "table " + r.Database + "." + r.Table
	case r.Database != "":
		return "database " + r.Database
	}
	return "the catalogue"
}

// grantsOf says what the principal that v speaks for may read of a table.
func grantsOf(ctx context.Context, v *formation.View, t formation.Table, as access.Caller) (*Grants, error) {
	a, err := v.Table(ctx, t)
	if err != nil {
		return nil, err
	}
	g := &Grants{governed: a.Governed}
	for _, c := range t.Columns {
		if slices.ContainsFunc(a.Select, func(cells formation.Cells) bool { return slices.Contains(cells.Columns, c.Name) }) {
			g.Columns = append(g.Columns, c.Name)
		} else {
			g.Hidden = append(g.Hidden, c.Name)
		}
	}
	for _, cells := range a.Select {
		if cells.Rows != "" {
			g.Rows = append(g.Rows, cells.Rows)
		}
	}
	g.filtered = len(g.Rows) > 0
	name := t.Database + "." + t.Name
	command := func(r formation.Resource) string {
		return formation.Command(formation.Grant{Principal: principalOf(as), Resource: r, Permissions: []formation.Permission{formation.Select}}, as.Region)
	}
	switch {
	case !a.Governed:
		g.Summary = "IAM_ALLOWED_PRINCIPALS have ALL on table " + name + ": IAM decides alone"
	case len(g.Columns) == 0:
		g.Summary = "grants no SELECT on table " + name
		g.Add = command(formation.OnTable(t.Database, t.Name))
	case len(g.Hidden) == 0:
		g.Summary = "grants SELECT on every column of " + name
	default:
		g.Summary = fmt.Sprintf("grants SELECT on %s of %s; hidden: %s", strings.Join(g.Columns, ", "), name, strings.Join(g.Hidden, ", "))
		g.Add = command(formation.Resource{Kind: formation.OfColumns, Database: t.Database, Table: t.Name, Columns: g.Hidden})
	}
	if len(g.Rows) > 0 {
		g.Summary += ", on rows where " + strings.Join(g.Rows, " or ")
		if a.Select[0].Rows == "" {
			g.Summary += ", and of some columns on all rows"
		}
	}
	return g, nil
}

// principalOf is whom grants are made to: a session's role, or the principal itself.
func principalOf(c access.Caller) string {
	if c.Role != "" {
		return c.Role
	}
	return c.Principal
}
