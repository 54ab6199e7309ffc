package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
	"flowlake/lake"
)

// Grants is what Lake Formation lets a principal do with a table or a database.
type Grants struct {
	Summary string   `json:"summary"`           // in a sentence
	Columns []string `json:"columns,omitempty"` // of the table, that may be read at least in part
	Hidden  []string `json:"hidden,omitempty"`  // of the table, that may not
	Rows    []string `json:"rows,omitempty"`    // the filters' expressions, where there are any
	Add     string   `json:"add,omitempty"`     // the command that would grant what is missing
}

// has is a need of a grant.
func (m *mapping) has(as access.Caller, p formation.Permission, r formation.Resource) Need {
	n := Need{Action: "lakeformation " + string(p), Resource: nameOf(r)}
	err := m.Formation.View(m.ctx, as, func(v *formation.View) error {
		refusal, err := v.Lacks(m.ctx, p, r)
		switch {
		case err != nil:
			n.Missing = err.Error()
		case refusal != nil:
			n.Missing, n.Add, n.AddWhere = refusal.Sentence(), refusal.Statement, refusal.Where
		default:
			n.Allowed, n.By = true, "Lake Formation, "+nameOf(r)
		}
		return nil
	})
	if err != nil {
		n.Missing = err.Error()
	}
	return n
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

// locations shows the roles that read registered places.
func (m *mapping) locations() error {
	list, _, err := m.Formation.Locations(m.ctx, m.caller, func(formation.Location) bool { return true }, "", maxShown)
	for _, l := range list {
		bucket, prefix := splitLocation(strings.TrimPrefix(l.ARN, "arn:aws:s3:::"))
		as, trust := m.assume(m.service(formation.Service, l.ARN), l.RoleARN)
		m.add(Step{Stage: "data lake location s3://" + bucket + "/" + prefix, Service: formation.Service, Actor: l.RoleARN, Target: "s3://" + bucket + "/" + prefix,
			Why: "reads for those who have grants", Needs: []Need{trust, m.decide(as, "s3:GetObject", lake.ARN(bucket, prefix+"*"))}})
	}
	return err
}

// readers shows each principal that was granted SELECT on a table, and what IAM has to say to it.
func (m *mapping) readers() error {
	grants, err := m.Formation.Grants(m.ctx, m.caller, formation.GrantFilter{Kinds: []formation.Kind{formation.OfTable, formation.OfColumns, formation.OfCells, formation.OfAllTables}})
	if err != nil {
		return err
	}
	seen := map[[2]string]bool{}
	for _, g := range grants {
		key := [2]string{g.Principal, g.Resource.Database + "." + g.Resource.Table}
		if !strings.HasPrefix(g.Principal, "arn:") || g.Resource.Table == "" || seen[key] || !slices.Contains(g.Permissions, formation.Select) && !slices.Contains(g.Permissions, formation.All) {
			continue
		}
		seen[key] = true
		as, err := m.Guard.CallerOf(m.ctx, g.Principal, m.caller.Region)
		if fault.Is(err, fault.NotFound) {
			continue // who is gone reads nothing
		}
		if err != nil {
			return err
		}
		database, table := g.Resource.Database, g.Resource.Table
		granted, err := m.tableGrants(as, database, table)
		if err != nil {
			return err
		}
		needs := slices.Concat(
			[]Need{m.decide(as, "athena:StartQueryExecution", as.ARN("athena", "workgroup/primary"))},
			m.each(as, []string{"glue:GetTable"}, "catalog", "database/"+database, "table/"+database+"/"+table),
			[]Need{m.decide(as, "lakeformation:GetDataAccess", "*"), {Action: "lakeformation SELECT", Resource: "table " + database + "." + table, Allowed: len(granted.Columns) > 0,
				By: "Lake Formation, " + granted.Summary, Missing: granted.Summary, Add: granted.Add}})
		m.add(Step{Stage: "table " + database + "." + table, Actor: g.Principal, Target: "table " + database + "." + table, Why: "asks in SQL", Needs: needs})
	}
	return nil
}

// tableGrants says what a principal sees of a table.
func (m *mapping) tableGrants(as access.Caller, database, table string) (*Grants, error) {
	g := &Grants{}
	err := m.Formation.View(m.ctx, as, func(v *formation.View) error {
		t, err := v.Known(database, table)
		if err != nil {
			return err
		}
		a, err := v.Table(m.ctx, t)
		if err != nil {
			return err
		}
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
		switch {
		case !a.Governed:
			g.Summary = "does not govern table " + database + "." + table + " (IAM_ALLOWED_PRINCIPALS have ALL on it): IAM decides alone"
		case len(g.Columns) == 0:
			g.Summary = "grants no SELECT on table " + database + "." + table
			g.Add = formation.Command(formation.Grant{Principal: principalOf(as), Resource: formation.OnTable(database, table), Permissions: []formation.Permission{formation.Select}}, as.Region)
		case len(g.Hidden) == 0:
			g.Summary = "grants SELECT on every column of " + database + "." + table
		default:
			g.Summary = fmt.Sprintf("grants SELECT on %s of %s.%s; hidden: %s", strings.Join(g.Columns, ", "), database, table, strings.Join(g.Hidden, ", "))
		}
		if len(g.Rows) > 0 {
			g.Summary += ", on rows where " + strings.Join(g.Rows, " or ")
		}
		return nil
	})
	return g, err
}

// principalOf is whom grants are made to: a session's role, or the principal itself.
func principalOf(c access.Caller) string {
	if c.Role != "" {
		return c.Role
	}
	return c.Principal
}

// grantsOn is what a principal was granted on the table that an ARN names, nil when it names none.
func (m *mapping) grantsOn(as access.Caller, arn string) (*Grants, error) {
	name, ok := strings.CutPrefix(arn, m.caller.ARN("glue", "table/"))
	database, table, both := strings.Cut(name, "/")
	if !ok || !both || strings.ContainsAny(name, "*?") || as.IsService() {
		return nil, nil
	}
	g, err := m.tableGrants(as, database, table)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return g, err
}

func splitLocation(path string) (bucket, prefix string) {
	bucket, prefix, _ = strings.Cut(path, "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix
}
