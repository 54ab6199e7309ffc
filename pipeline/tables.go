package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/access/policy"
	"flowlake/catalog"
	"flowlake/catalog/compact"
	"flowlake/catalog/projection"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/query"
)

// AuditCaller is who brings the audit log of a region to its bucket, as CloudTrail does.
func AuditCaller(account, region string) access.Caller {
	return access.ServicePrincipal(account, region, "cloudtrail.amazonaws.com", "arn:aws:cloudtrail:"+region+":"+account+":trail/flowlake")
}

// table and database read the catalogue as it is, whoever asks: for what the rooms ask of others.
func (m *mapping) table(region, database, name string) (t catalog.Table, there bool, err error) {
	err = m.Catalog.View(m.ctx, access.Root(m.caller.Account, region), func(s *catalog.Snapshot) error {
		t, err = s.Table(m.ctx, database, name)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return t, false, nil
	}
	return t, err == nil, err
}

func (m *mapping) database(name string) (d catalog.Database, err error) {
	err = m.Catalog.View(m.ctx, access.Root(m.caller.Account, m.caller.Region), func(s *catalog.Snapshot) error {
		d, err = s.Database(m.ctx, name)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return catalog.Database{}, nil
	}
	return d, err
}

// locations shows the roles that read registered places.
func (m *mapping) locations() error {
	if err := m.allow("lakeformation:ListResources", "*"); err != nil {
		return err
	}
	list, _, err := m.Formation.Locations(m.ctx, m.caller, func(formation.Location) bool { return true }, "", maxShown)
	for _, l := range list {
		bucket, prefix := splitLocation(strings.TrimPrefix(l.ARN, "arn:aws:s3:::"))
		as, trust := m.assume(m.service(formation.Service, l.ARN), l.RoleARN, "athena-query")
		if err := m.add(Step{Stage: "data lake location " + lake.URL(bucket, prefix), Service: formation.Service, Actor: l.RoleARN, Target: lake.URL(bucket, prefix),
			Why: "reads for those who have grants", Needs: []Need{trust, m.list(as, bucket, prefix), m.read(as, bucket, prefix)}}, ""); err != nil {
			return err
		}
	}
	return err
}

const (
	// maxPairs bounds how many principals are held against how many tables: each takes some questions.
	maxPairs = 20_000
	// maxReaders bounds the readers that a map shows.
	maxReaders = 1000
)

// tables shows who compacts a table and who may read it in SQL, table by table as the caller sees them. Root, who may read
// everything, is not shown.
func (m *mapping) tables() error {
	if err := m.allow("lakeformation:ListPermissions", "*"); err != nil {
		return err
	}
	var tables []catalog.Table
	err := m.Catalog.View(m.ctx, m.caller, func(s *catalog.Snapshot) error {
		for d, err := range s.Databases(m.ctx, "") {
			if err != nil {
				return err
			}
			for t, err := range s.Tables(m.ctx, catalog.TableFilter{Database: d.Name}) {
				if err != nil {
					return err
				}
				if t.Kind != catalog.VirtualView { // a view's readers read what is below it
					tables = append(tables, t)
				}
			}
		}
		return nil
	})
	if err != nil || len(tables) == 0 {
		return err
	}
	people, err := m.principals()
	if err != nil {
		return err
	}
	groups, err := m.workgroups()
	if err != nil {
		return err
	}
	var (
		found []reader
		pairs int
	)
	for _, as := range people {
		if pairs += len(tables); pairs > maxPairs || len(found) > maxReaders {
			m.out.Unseen = append(m.out.Unseen, fmt.Sprintf("some readers of tables: a map holds at most %d principals against tables, and shows %d; ask for one with flowlake access explain", maxPairs, maxReaders))
			break
		}
		more, err := m.readerOf(as, tables, groups)
		if err != nil {
			return err
		}
		found = append(found, more...)
	}
	for i, t := range tables {
		if err := m.compaction(t); err != nil {
			return err
		}
		for _, r := range found {
			if r.table != i {
				continue
			}
			if err := m.add(r.Step, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// principals are the users and roles whose policies the caller may simulate.
func (m *mapping) principals() (list []access.Caller, err error) {
	var hidden fewer
	for _, kind := range []struct {
		identity.Kind
		action string
	}{{identity.User, "iam:ListUsers"}, {identity.Role, "iam:ListRoles"}} {
		if err := m.allow(kind.action, "*"); fault.Is(err, fault.Denied) {
			m.unseen("readers that are "+kind.String()+"s", err)
			continue
		} else if err != nil {
			return nil, err
		}
		all, err := m.Identities.List(m.quiet, kind.Kind, "")
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			if strings.HasPrefix(e.Path, "/aws-service-role/") {
				continue // services of their own accord ask nothing in SQL
			}
			v, err := m.Guard.Decide(m.ctx, m.caller, "iam:SimulatePrincipalPolicy", e.ARN)
			if err != nil {
				return nil, err
			}
			if !v.Allowed {
				hidden.add(v.Refusal)
				continue
			}
			as, err := m.Guard.CallerOf(m.quiet, e.ARN, m.caller.Region)
			if fault.Is(err, fault.NotFound) {
				continue // deleted just now
			}
			if err != nil {
				return nil, err
			}
			list = append(list, as)
		}
	}
	m.fewer(hidden, "whether one principal reads tables", "principals, and whether they read tables")
	return list, nil
}

// workgroups are those that queries may run in, the primary one first.
func (m *mapping) workgroups() (all []query.Workgroup, err error) {
	refused, err := m.can("athena:ListWorkGroups", "*")
	if err != nil {
		return nil, err
	}
	if refused != "" {
		w, err := m.Queries.Workgroup(m.ctx, m.caller, query.PrimaryWorkgroup)
		return []query.Workgroup{w}, err
	}
	err = pages(func(after string) (string, error) {
		page, more, err := m.Queries.Workgroups(m.ctx, m.caller, after, 50)
		if err != nil || len(page) == 0 {
			return "", err
		}
		for _, w := range page {
			if w.State == query.Enabled {
				all = append(all, w)
			}
		}
		if !more {
			return "", nil
		}
		return page[len(page)-1].Name, nil
	})
	slices.SortStableFunc(all, func(a, b query.Workgroup) int {
		return cmp.Compare(b2i(a.Name != query.PrimaryWorkgroup), b2i(b.Name != query.PrimaryWorkgroup))
	})
	return all, err
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// reader is a step of one who reads a table.
type reader struct {
	table int
	Step
}

// readerOf finds the tables that a principal reads: where Lake Formation governs, those that it was granted cells of;
// elsewhere those that IAM lets it start queries on.
func (m *mapping) readerOf(c access.Caller, tables []catalog.Table, groups []query.Workgroup) (found []reader, err error) {
	if len(groups) == 0 {
		return nil, nil
	}
	group, start := groups[0], Need{}
	for i, w := range groups {
		n := m.decide(c, "athena:StartQueryExecution", c.ARN("athena", "workgroup/"+w.Name))
		if i == 0 || n.Allowed {
			group, start = w, n
		}
		if n.Allowed {
			break
		}
	}
	if !start.Allowed && slices.ContainsFunc(m.out.Steps, func(s Step) bool { return s.Service != "" && s.Actor == c.Role }) {
		return nil, nil // a role that a service works as has grants on the tables that it made, and asks nothing
	}
	as := c.Via("athena.amazonaws.com", c.ARN("athena", "workgroup/"+group.Name))
	for i, t := range tables {
		granted, err := m.tableGrants(m.quiet, as, t.Database, t.Name)
		if fault.Is(err, fault.NotFound) {
			continue // dropped just now
		}
		if err != nil {
			return nil, err
		}
		if granted.governed && len(granted.Columns) == 0 || !granted.governed && !start.Allowed {
			continue
		}
		needs := append([]Need{start}, m.glue(as, onTable(t.Database, t.Name), "GetTable")...)
		if granted, err = m.veiled(granted, t.Database, t.Name); err != nil {
			return nil, err
		}
		if !granted.governed && slices.ContainsFunc(needs, func(n Need) bool { return !n.Allowed }) {
			continue
		}
		if len(t.PartitionKeys) > 0 && !projection.Enabled(t) {
			needs = append(needs, m.glue(as, onTable(t.Database, t.Name), "GetPartitions")...)
		}
		more, err := m.bytesOf(as, t, granted)
		if err != nil {
			return nil, err
		}
		results, err := m.results(c, as, group)
		if err != nil {
			return nil, err
		}
		s := Step{Stage: "table " + t.Database + "." + t.Name, Actor: principalOf(c), Target: "table " + t.Database + "." + t.Name,
			Why: "asks in SQL, in the workgroup " + group.Name, Needs: slices.Concat(needs, more, results)}
		found = append(found, reader{i, s})
	}
	return found, nil
}

// bytesOf is what reading a table's objects takes: below a registered location lakeformation:GetDataAccess, and the
// location's own role reads; elsewhere the reader's own rights.
func (m *mapping) bytesOf(as access.Caller, t catalog.Table, granted *Grants) ([]Need, error) {
	select_ := Need{Action: "lakeformation:Select", Resource: as.ARN("glue", "table/"+t.Database+"/"+t.Name), Allowed: true, By: "Lake Formation: " + granted.Summary}
	if granted.governed {
		_, registered, err := m.Formation.Location(m.quiet, as, t.Storage.Location)
		if err != nil {
			return nil, err
		}
		if registered {
			return []Need{select_, m.decide(as, "lakeformation:GetDataAccess", "*")}, nil
		}
	}
	bucket, key, err := lake.ParseURL(t.Storage.Location)
	if err != nil {
		return []Need{select_}, nil // nothing lies there that could be read
	}
	_, prefix := splitLocation(bucket + "/" + key)
	return []Need{select_, m.list(as, bucket, prefix), m.read(as, bucket, prefix)}, nil
}

// results is what writing a result and reading it again takes.
func (m *mapping) results(c, as access.Caller, w query.Workgroup) ([]Need, error) {
	arn := c.ARN("athena", "workgroup/"+w.Name)
	needs := []Need{m.decide(c, "athena:GetQueryExecution", arn), m.decide(c, "athena:GetQueryResults", arn)}
	if w.Output.Location == "" { // each query names its own
		return needs, nil
	}
	bucket, key, err := lake.ParseURL(w.Output.Location)
	if err != nil {
		return needs, nil
	}
	_, prefix := splitLocation(bucket + "/" + key)
	var keys []policy.Entry
	if w.Output.ACL != "" {
		keys = append(keys, ownersACL)
	}
	if w.Output.Encryption != "" {
		keys = append(keys, policy.Entry{Key: "s3:x-amz-server-side-encryption", Values: []string{"AES256"}})
	}
	needs = append(needs, m.decide(as, "s3:GetBucketLocation", lake.ARN(bucket, "")))
	if _, err := m.Lake.Owner(bucket); fault.Is(err, fault.NotFound) && w.Output.Location == query.DefaultLocation(c) {
		needs = append(needs, m.decide(as, "s3:CreateBucket", lake.ARN(bucket, "")))
	} else if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	needs = append(needs, m.below(as, "s3:PutObject", bucket, prefix, keys...))
	if w.Output.ACL != "" {
		needs = append(needs, m.below(as, "s3:PutObjectAcl", bucket, prefix, keys...))
	}
	return append(needs, m.read(as, bucket, prefix)), nil
}

// compaction shows who compacts a table by itself: the one who made it.
func (m *mapping) compaction(t catalog.Table) error {
	settings, err := compact.Parameters(t)
	if err != nil || !settings.On { // what is wrong with them, the server's log says
		return nil
	}
	as := compact.Scheduled(m.caller.Account, m.caller.Region, t)
	bucket, key, err := lake.ParseURL(t.Storage.Location)
	if err != nil {
		return nil
	}
	_, prefix := splitLocation(bucket + "/" + key)
	needs := append([]Need{m.decide(as, "flowlake:CompactTable", compact.TableARN(as, t.Database, t.Name))}, m.glue(as, onTable(t.Database, t.Name), "GetTable")...)
	if len(t.PartitionKeys) > 0 && !projection.Enabled(t) {
		needs = append(needs, m.glue(as, onTable(t.Database, t.Name), "GetPartitions")...)
	}
	needs = append(needs, m.list(as, bucket, prefix), m.read(as, bucket, prefix),
		m.below(as, "s3:PutObject", bucket, prefix), m.below(as, "s3:DeleteObject", bucket, prefix))
	who := t.CreatedBy
	if c, err := m.Guard.CallerOf(m.quiet, t.CreatedBy, m.caller.Region); err == nil {
		who = principalOf(c)
	}
	return m.add(Step{Stage: "table " + t.Database + "." + t.Name, Actor: who, Target: lake.URL(bucket, prefix), Why: "compacts its files, as " + compact.ParameterOn + " says", Needs: needs}, "")
}

// tableGrants says what a principal sees of a table.
func (m *mapping) tableGrants(ctx context.Context, as access.Caller, database, name string) (g *Grants, err error) {
	err = m.Formation.View(ctx, as, func(v *formation.View) error {
		t, err := v.Known(database, name)
		if err != nil {
			return err
		}
		g, err = grantsOf(ctx, v, t, as)
		return err
	})
	return g, err
}
