package formation_test

import (
	"fmt"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/fault"
)

func TestWhoMayGrant(t *testing.T) {
	h := open(t)
	h.closed()
	admin, ana, bob := h.person("admin"), h.person("ana"), h.person("bob")
	give := func(by, to access.Caller, r formation.Resource, list []formation.Permission, grantable ...formation.Permission) error {
		return h.Grant(h.ctx, by, formation.Grant{Principal: to.Principal, Resource: r, Permissions: list, Grantable: grantable})
	}
	take := func(by, from access.Caller, r formation.Resource, list ...formation.Permission) error {
		return h.Revoke(h.ctx, by, formation.Grant{Principal: from.Principal, Resource: r, Permissions: list})
	}
	sel := []formation.Permission{formation.Select}
	t.Run("an administrator may, and reads nothing without", func(t *testing.T) {
		h.do(h.PutSettings(h.ctx, h.root, formation.Settings{Admins: []formation.Principal{{ARN: admin.Principal}}}))
		flows := must(h.Table(h.ctx, admin, formation.Table{Database: "flow", Name: "logs"}))(t)
		if told(flows) != "DESCRIBE |  | " {
			t.Errorf("got %s", told(flows))
		}
		refused(t, h.check(admin, formation.Drop, logsTable), fault.Denied, "Required Drop on logs")
		h.do(give(admin, ana, logsTable, sel, formation.Select))
		h.do(h.check(admin, formation.CreateDatabase, formation.Catalog()))
	})
	t.Run("who has it with the grant option may, on all of it or a part", func(t *testing.T) {
		h.do(give(ana, bob, columns("src"), sel))
		h.do(take(ana, bob, columns("src"), formation.Select))
		h.do(give(ana, bob, logsTable, sel))
	})
	t.Run("who has it without may not", func(t *testing.T) {
		err := give(bob, ana, logsTable, sel)
		refused(t, err, fault.Denied, "Insufficient Lake Formation permission(s): Required Grant Select on logs")
		if got := explanation(err); !strings.Contains(got, "--permissions-with-grant-option SELECT") {
			t.Errorf("got %s", got)
		}
		refused(t, take(bob, ana, logsTable, formation.Select), fault.Denied, "Required Grant Select")
	})
	t.Run("nor one who has another permission with it", func(t *testing.T) {
		refused(t, give(ana, bob, logsTable, []formation.Permission{formation.Drop}), fault.Denied, "Required Grant Drop")
	})
	t.Run("nor on other columns", func(t *testing.T) {
		h.do(take(ana, bob, logsTable, formation.Select))
		h.do(give(admin, bob, columns("src", "dst"), sel, formation.Select))
		h.do(give(bob, ana, columns("dst"), sel))
		all := columns()
		refused(t, give(bob, ana, columns("dst", "bytes"), sel), fault.Invalid, "Column bytes: is not a column of table flow.logs") // bob may not know of it
		h.do(give(admin, bob, logsTable, []formation.Permission{formation.Describe}))
		refused(t, give(bob, ana, columns("dst", "bytes"), sel), fault.Denied, "Required Grant Select")
		refused(t, give(bob, ana, logsTable, sel), fault.Denied, "Required Grant Select")
		all.AllColumns, all.Excluded = true, []string{"bytes"}
		refused(t, give(bob, ana, all, sel), fault.Denied, "Required Grant Select")
	})
	t.Run("a hidden table is not there", func(t *testing.T) {
		eve := h.person("eve")
		refused(t, give(eve, eve, logsTable, sel), fault.NotFound, "database flow: not found")
		refused(t, give(eve, eve, formation.OnTable("flow", "none"), sel), fault.NotFound, "database flow: not found")
	})
	t.Run("a read-only administrator sees and may not", func(t *testing.T) {
		eye := h.person("eye")
		h.do(h.PutSettings(h.ctx, h.root, formation.Settings{ReadOnlyAdmins: []formation.Principal{{ARN: eye.Principal}}}))
		if list := must(h.Grants(h.ctx, eye, formation.GrantFilter{}))(t); len(list) < 2 {
			t.Errorf("got %+v", list)
		}
		refused(t, give(eye, eye, logsTable, sel), fault.Denied, "Required Grant Select")
	})
}

func TestAGrantIsCheckedFirst(t *testing.T) {
	h := open(t)
	h.closed()
	ana := h.person("ana")
	list := func(p ...formation.Permission) []formation.Permission { return p }
	for _, tt := range []struct {
		name  string
		grant formation.Grant
		kind  fault.Kind
		words string
	}{
		{"nobody", formation.Grant{Resource: logsTable, Permissions: list(formation.Select)}, fault.Invalid, "Invalid principal"},
		{"a user who is not there", formation.Grant{Principal: ana.Principal + "x", Resource: logsTable, Permissions: list(formation.Select)}, fault.Invalid, "there is no such user"},
		{"another account", formation.Grant{Principal: "210987654321", Resource: logsTable, Permissions: list(formation.Select)}, fault.Invalid, "nothing can be granted to another"},
		{"another account's role", formation.Grant{Principal: "arn:aws:iam::210987654321:role/r", Resource: logsTable, Permissions: list(formation.Select)}, fault.Invalid, "nothing can be granted to another"},
		{"a group", formation.Grant{Principal: "arn:aws:iam::" + account + ":group/g", Resource: logsTable, Permissions: list(formation.Select)}, fault.Invalid, "a user or a role"},
		{"no permission", formation.Grant{Principal: ana.Principal, Resource: logsTable}, fault.Invalid, "name at least one"},
		{"a database's on a table", formation.Grant{Principal: ana.Principal, Resource: logsTable, Permissions: list(formation.CreateTable)}, fault.Invalid, "Permissions modification is invalid: CREATE_TABLE is no permission on a table"},
		{"INSERT on columns", formation.Grant{Principal: ana.Principal, Resource: columns("src"), Permissions: list(formation.Insert)}, fault.Invalid, "is no permission on a table's columns"},
		{"an option beyond", formation.Grant{Principal: ana.Principal, Resource: logsTable, Permissions: list(formation.Select), Grantable: list(formation.Drop)}, fault.Invalid, "DROP is not among the permissions"},
		{"an option for everyone", formation.Grant{Principal: formation.IAMAllowed, Resource: logsTable, Permissions: list(formation.All), Grantable: list(formation.All)}, fault.Invalid, "cannot grant"},
		{"a table that is not there", formation.Grant{Principal: ana.Principal, Resource: formation.OnTable("flow", "x"), Permissions: list(formation.Select)}, fault.NotFound, "table flow.x: not found"},
		{"a database that is not there", formation.Grant{Principal: ana.Principal, Resource: formation.InDatabase("x"), Permissions: list(formation.Drop)}, fault.NotFound, "database x: not found"},
		{"a column that is not there", formation.Grant{Principal: ana.Principal, Resource: columns("src", "x"), Permissions: list(formation.Select)}, fault.Invalid, "Column x: is not a column"},
		{"no column", formation.Grant{Principal: ana.Principal, Resource: columns(), Permissions: list(formation.Select)}, fault.Invalid, "ColumnNames or a ColumnWildcard"},
		{"a filter that is not there", formation.Grant{Principal: ana.Principal, Resource: cells("x"), Permissions: list(formation.Select)}, fault.NotFound, "data cells filter x"},
		{"a place that is not registered", formation.Grant{Principal: ana.Principal, Resource: formation.AtLocation("s3://lake/x"), Permissions: list(formation.DataLocationAccess)}, fault.NotFound, "is not registered"},
		{"a place that is none", formation.Grant{Principal: ana.Principal, Resource: formation.AtLocation("arn:aws:iam::1:x"), Permissions: list(formation.DataLocationAccess)}, fault.Invalid, "is not that of a place in S3"},
	} {
		t.Run(tt.name, func(t *testing.T) { refused(t, h.Grant(h.ctx, h.root, tt.grant), tt.kind, tt.words) })
	}
	if list := must(h.Grants(h.ctx, h.root, formation.GrantFilter{Principal: ana.Principal}))(t); len(list) != 0 {
		t.Errorf("something was granted: %+v", list)
	}
}

func TestRevoking(t *testing.T) {
	h := open(t)
	flows := h.closed()
	shown := func(c access.Caller) string { return told(must(h.Table(h.ctx, c, flows))(t)) }
	revoke := func(c access.Caller, r formation.Resource, list ...formation.Permission) error {
		return h.Revoke(h.ctx, h.root, formation.Grant{Principal: c.Principal, Resource: r, Permissions: list})
	}
	t.Run("one out of ALL leaves the others", func(t *testing.T) {
		who := h.person("a")
		h.grant(who, logsTable, formation.All)
		h.do(revoke(who, logsTable, formation.Drop, formation.Alter))
		if got := shown(who); got != "SELECT INSERT DELETE DESCRIBE | src dst bytes day | src,dst,bytes,day" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("columns one by one", func(t *testing.T) {
		who := h.person("b")
		h.grant(who, columns("src", "dst"), formation.Select)
		h.do(revoke(who, columns("dst"), formation.Select))
		if got := shown(who); got != " | src | src" {
			t.Errorf("got %s", got)
		}
		refused(t, revoke(who, columns("dst"), formation.Select), fault.Invalid, "No permissions revoked. Grantee does not have:[SELECT]")
	})
	t.Run("of what was never granted", func(t *testing.T) {
		who := h.person("c")
		refused(t, revoke(who, logsTable, formation.Select), fault.Invalid, "No permissions revoked. Grantee")
	})
	t.Run("from who is gone", func(t *testing.T) {
		who := h.person("d")
		h.grant(who, logsTable, formation.Select)
		h.do(h.ids.DeleteInline(h.ctx, identity.User, "d", "all"))
		h.do(h.ids.Delete(h.ctx, identity.User, "d"))
		h.do(revoke(who, logsTable, formation.Select))
	})
}

func TestListing(t *testing.T) {
	h := open(t)
	h.closed()
	ana, bob := h.person("ana"), h.person("bob")
	h.grant(ana, logsTable, formation.Select, formation.Insert)
	h.grant(bob, columns("src"), formation.Select)
	h.grant(bob, formation.InDatabase("flow"), formation.Describe)
	tell := func(c access.Caller, f formation.GrantFilter) string {
		var lines []string
		for _, g := range must(h.Grants(h.ctx, c, f))(t) {
			name := g.Principal[strings.LastIndex(g.Principal, "/")+1:]
			lines = append(lines, fmt.Sprintf("%s %v on %d%v", name, g.Permissions, g.Resource.Kind, g.Resource.Columns))
		}
		return strings.Join(lines, "; ")
	}
	onTable := logsTable
	for _, tt := range []struct {
		name   string
		by     access.Caller
		filter formation.GrantFilter
		want   string
	}{
		{"SELECT on a table is told as on all of its columns", h.root, formation.GrantFilter{Principal: ana.Principal}, "ana [INSERT] on 3[]; ana [SELECT] on 5[]"},
		{"a table's are also those on its columns", h.root, formation.GrantFilter{Resource: &onTable}, "ana [INSERT] on 3[]; ana [SELECT] on 5[]; bob [SELECT] on 5[src]"},
		{"by kind", h.root, formation.GrantFilter{Kinds: []formation.Kind{formation.OfDatabase, formation.OfCatalog}}, "IAM_ALLOWED_PRINCIPALS [CREATE_DATABASE] on 1[]; bob [DESCRIBE] on 2[]"},
		{"others see their own", bob, formation.GrantFilter{Kinds: []formation.Kind{formation.OfDatabase, formation.OfTable}}, "bob [DESCRIBE] on 2[]; bob [SELECT] on 5[src]"},
		{"and nobody else's", bob, formation.GrantFilter{Principal: ana.Principal}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tell(tt.by, tt.filter); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("by place", func(t *testing.T) {
		if got := must(h.GrantsAt(h.ctx, h.root, "arn:aws:s3:::lake/logs"))(t); len(got) != 3 {
			t.Errorf("got %+v", got)
		}
		if got := must(h.GrantsAt(h.ctx, h.root, "arn:aws:s3:::lake/log"))(t); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("what nobody said is told", func(t *testing.T) {
		h := open(t)
		h.flows()
		if got := tell2(t, h, formation.GrantFilter{Kinds: []formation.Kind{formation.OfTable}}); got != "IAM_ALLOWED_PRINCIPALS [ALL]" {
			t.Errorf("got %s", got)
		}
	})
}

func tell2(t *testing.T, h *house, f formation.GrantFilter) string {
	t.Helper()
	var lines []string
	for _, g := range must(h.Grants(h.ctx, h.root, f))(t) {
		lines = append(lines, fmt.Sprintf("%s %v", g.Principal, g.Permissions))
	}
	return strings.Join(lines, "; ")
}
