package formation_test

import (
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/fault"
)

// TestAGrantOptionIsForItsOwnThing: who may grant on a part may not grant on another, also where it knows of it.
func TestAGrantOptionIsForItsOwnThing(t *testing.T) {
	h := open(t)
	h.closed()
	ana, bob := h.person("ana"), h.person("bob")
	sel := []formation.Permission{formation.Select}
	but := func(names ...string) formation.Resource {
		r := columns()
		r.AllColumns, r.Excluded = true, names
		return r
	}
	for _, name := range []string{"one", "two"} {
		h.do(h.CreateFilter(h.ctx, h.root, formation.Filter{Database: "flow", Table: "logs", Name: name, AllRows: true}))
		h.grant(ana, cells(name), formation.Select)
	}
	h.grant(ana, logsTable, formation.Describe)
	for _, r := range []formation.Resource{but("bytes", "day"), cells("one")} {
		h.do(h.Grant(h.ctx, h.root, formation.Grant{Principal: ana.Principal, Resource: r, Permissions: sel, Grantable: sel}))
	}
	for _, tt := range []struct {
		name string
		on   formation.Resource
		may  bool
	}{
		{"the same columns", but("bytes", "day"), true},
		{"fewer columns", but("bytes", "day", "src"), true},
		{"columns by name", columns("src", "dst"), true},
		{"more columns", but("bytes"), false},
		{"others", but("src", "dst"), false},
		{"a hidden one by name", columns("src", "bytes"), false},
		{"the same cells", cells("one"), true},
		{"other cells", cells("two"), false},
		{"the table", logsTable, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := h.Grant(h.ctx, ana, formation.Grant{Principal: bob.Principal, Resource: tt.on, Permissions: sel})
			if tt.may {
				h.do(err)
				return
			}
			refused(t, err, fault.Denied, "Required Grant Select")
		})
	}
}

// TestATagPolicyOfTablesIsNoneOfDatabases: who may drop the tables of a tag may not drop their database.
func TestATagPolicyOfTablesIsNoneOfDatabases(t *testing.T) {
	h := open(t)
	h.closed()
	ana := h.person("ana")
	h.do(h.CreateTag(h.ctx, h.root, tag("stage", "prod")))
	h.assign(formation.InDatabase("flow"), "stage", "prod")
	h.grant(ana, formation.Resource{Kind: formation.OfTagPolicy, Policy: &formation.TagPolicy{Tables: true, Expression: []formation.Tag{tag("stage", "prod")}}}, formation.All)
	h.do(h.check(ana, formation.Drop, logsTable))
	refused(t, h.check(ana, formation.Drop, formation.InDatabase("flow")), fault.Denied, "Required Drop on flow")
	refused(t, h.check(ana, formation.CreateTable, formation.InDatabase("flow")), fault.Denied, "Required Create Table on flow")
}

// TestEveryoneIsNoService: the account's users and roles are not the services that work for it.
func TestEveryoneIsNoService(t *testing.T) {
	h := open(t)
	flows := h.closed()
	h.do(h.Grant(h.ctx, h.root, formation.Grant{Principal: account + ":IAMPrincipals", Resource: logsTable, Permissions: []formation.Permission{formation.Select}}))
	if a := must(h.Table(h.ctx, h.person("ana"), flows))(t); !a.May(formation.Select) {
		t.Errorf("a user: got %+v", a)
	}
	service := access.ServicePrincipal(account, region, "logs."+region+".amazonaws.com", "arn:aws:logs:"+region+":"+account+":log-group:g")
	if a := must(h.Table(h.ctx, service, flows))(t); a.Describe {
		t.Errorf("a service: got %+v", a)
	}
}

// TestAPlaceThatIsGoneIsTheLinkedRolesNoMore, whatever else is registered with it.
func TestAPlaceThatIsGoneIsTheLinkedRolesNoMore(t *testing.T) {
	h := open(t)
	h.do(h.Register(h.ctx, h.root, "arn:aws:s3:::lake/a", ""))
	h.do(h.Register(h.ctx, h.root, "arn:aws:s3:::lake/b", ""))
	h.do(h.Deregister(h.ctx, h.root, "arn:aws:s3:::lake/a"))
	arn, _ := h.ids.Linked(formation.Service)
	p := must(h.ids.Principal(h.ctx, arn))(t)
	var all strings.Builder
	for _, source := range p.Policies {
		all.WriteString(source.Name + " ")
	}
	if n := strings.Count(all.String(), "LakeFormationDataAccessPolicyForS3-"); n != 1 {
		t.Errorf("%d places are in %s", n, all.String())
	}
}

// TestWhoIsMadeAgainIsGrantedAnew: what is granted to a user of an old name is the new one's.
func TestWhoIsMadeAgainIsGrantedAnew(t *testing.T) {
	h := open(t)
	flows := h.closed()
	h.grant(h.person("ana"), logsTable, formation.Select)
	h.do(h.ids.DeleteInline(h.ctx, identity.User, "ana", "all"))
	h.do(h.ids.Delete(h.ctx, identity.User, "ana"))
	ana := h.person("ana")
	if got := told(must(h.Table(h.ctx, ana, flows))(t)); got != " |  | " {
		t.Errorf("before: got %s", got)
	}
	h.grant(ana, logsTable, formation.Describe)
	if got := told(must(h.Table(h.ctx, ana, flows))(t)); got != "DESCRIBE | src dst bytes day | " {
		t.Errorf("after: got %s", got)
	}
}

// TestColumnsWithoutTheGrantOptionStaySo, when others of the table come with it.
func TestColumnsWithoutTheGrantOptionStaySo(t *testing.T) {
	h := open(t)
	h.closed()
	ana, bob := h.person("ana"), h.person("bob")
	sel := []formation.Permission{formation.Select}
	h.grant(ana, columns("src"), formation.Select)
	h.do(h.Grant(h.ctx, h.root, formation.Grant{Principal: ana.Principal, Resource: columns("dst"), Permissions: sel, Grantable: sel}))
	h.grant(ana, columns("day"), formation.Select)
	h.do(h.Grant(h.ctx, ana, formation.Grant{Principal: bob.Principal, Resource: columns("dst"), Permissions: sel}))
	for _, c := range []string{"src", "day"} {
		refused(t, h.Grant(h.ctx, ana, formation.Grant{Principal: bob.Principal, Resource: columns(c), Permissions: sel}), fault.Denied, "Required Grant Select")
	}
	h.grant(bob, columns("bytes"), formation.Select)
	for _, g := range must(h.Grants(h.ctx, ana, formation.GrantFilter{Resource: &logsTable}))(t) {
		if g.Principal != ana.Principal {
			t.Errorf("who may grant on a column is told of others' grants: %+v", g)
		}
	}
	refused(t, h.CreateFilter(h.ctx, h.root, formation.Filter{Database: "flow", Table: "logs", Name: "none", Excluded: []string{"src", "dst", "bytes", "day"}, AllRows: true}),
		fault.Invalid, "it shows no column")
}
