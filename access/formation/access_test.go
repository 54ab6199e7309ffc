package formation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/catalog"
	"flowlake/fault"
)

const all = "SELECT INSERT DELETE DESCRIBE ALTER DROP | src dst bytes day | src,dst,bytes,day"

func TestWhatGrantsAddUpTo(t *testing.T) {
	h := open(t)
	flows := h.closed()
	for _, f := range []formation.Filter{
		{Name: "small", Columns: []string{"src", "bytes"}, Rows: "bytes < 100"},
		{Name: "small-day", Columns: []string{"day"}, Rows: "bytes < 100"},
		{Name: "nobody", Excluded: []string{"src", "dst"}, AllRows: true},
	} {
		f.Database, f.Table = "flow", "logs"
		h.do(h.CreateFilter(h.ctx, h.root, f))
	}
	type grants []formation.Grant
	give := func(r formation.Resource, list ...formation.Permission) formation.Grant {
		return formation.Grant{Resource: r, Permissions: list}
	}
	but := columns()
	but.AllColumns, but.Excluded = true, []string{"src"}
	everyTable := formation.Resource{Kind: formation.OfAllTables, Database: "flow"}
	for i, tt := range []struct {
		name   string
		grants grants
		want   string
	}{
		{"nothing shows nothing", nil, " |  | "},
		{"ALL is everything", grants{give(logsTable, formation.All)}, all},
		{"SELECT on the table shows every cell", grants{give(logsTable, formation.Select)}, "SELECT DESCRIBE | src dst bytes day | src,dst,bytes,day"},
		{"DESCRIBE shows the columns and no row", grants{give(logsTable, formation.Describe)}, "DESCRIBE | src dst bytes day | "},
		{"INSERT lets one know of the table", grants{give(logsTable, formation.Insert)}, "INSERT DESCRIBE | src dst bytes day | "},
		{"SELECT on columns shows those", grants{give(columns("bytes", "src"), formation.Select)}, " | src bytes | src,bytes"},
		{"two column grants add up", grants{give(columns("bytes"), formation.Select), give(columns("src"), formation.Select)}, " | src bytes | src,bytes"},
		{"column grants that cover the table are the table", grants{give(columns("bytes", "src"), formation.Select), give(columns("dst", "day"), formation.Select)}, "SELECT DESCRIBE | src dst bytes day | src,dst,bytes,day"},
		{"all columns but one", grants{give(but, formation.Select)}, " | dst bytes day | dst,bytes,day"},
		{"DESCRIBE beside a column grant shows names, not cells", grants{give(logsTable, formation.Describe), give(columns("src"), formation.Select)}, "DESCRIBE | src dst bytes day | src"},
		{"a filter shows cells", grants{give(cells("small"), formation.Select)}, " | src bytes | src,bytes where bytes < 100"},
		{"a filter of all rows is a column grant", grants{give(cells("nobody"), formation.Select)}, " | bytes day | bytes,day"},
		{"filters of the same rows are one", grants{give(cells("small"), formation.Select), give(cells("small-day"), formation.Select)}, " | src bytes day | src,bytes,day where bytes < 100"},
		{"what is seen on all rows is not said again", grants{give(cells("small-day"), formation.Select), give(columns("day"), formation.Select)}, " | day | day"},
		{"a filter beside columns", grants{give(cells("small"), formation.Select), give(columns("dst", "src"), formation.Select)}, " | src dst bytes | src,dst; src,bytes where bytes < 100"},
		{"DESCRIBE on a filter shows no cell", grants{give(cells("small"), formation.Describe)}, " |  | "},
		{"a grant on every table", grants{give(everyTable, formation.Select)}, "SELECT DESCRIBE | src dst bytes day | src,dst,bytes,day"},
		{"a grant on the database is none on its tables", grants{give(formation.InDatabase("flow"), formation.All)}, " |  | "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			who := h.person(fmt.Sprintf("user-%d", i))
			for _, g := range tt.grants {
				g.Principal = who.Principal
				h.do(h.Grant(h.ctx, h.root, g))
			}
			a := must(h.Table(h.ctx, who, flows))(t)
			if got := told(a); got != tt.want || !a.Governed || a.Describe != (tt.want != " |  | ") {
				t.Errorf("got %+v: %s, want %s", a, got, tt.want)
			}
		})
	}
	t.Run("root sees everything", func(t *testing.T) {
		if got := told(must(h.Table(h.ctx, h.root, flows))(t)); got != all {
			t.Errorf("got %s", got)
		}
	})
	t.Run("a role's session has the role's grants", func(t *testing.T) {
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
		role := must(h.ids.Create(h.ctx, identity.Role, identity.New{Name: "crawler", Trust: trust}))(t)
		h.do(h.Grant(h.ctx, h.root, formation.Grant{Principal: role.ARN, Resource: logsTable, Permissions: []formation.Permission{formation.Alter}}))
		as := must(h.guard.Assume(h.ctx, access.ServicePrincipal(account, region, "glue.amazonaws.com", "arn:aws:glue:"+region+":"+account+":crawler/c"), role.ARN, "c"))(t)
		if got := told(must(h.Table(h.ctx, as, flows))(t)); got != "DESCRIBE ALTER | src dst bytes day | " {
			t.Errorf("got %s", got)
		}
	})
	t.Run("everyone in the account", func(t *testing.T) {
		ana := h.person("ana")
		g := formation.Grant{Principal: account + ":IAMPrincipals", Resource: columns("day"), Permissions: []formation.Permission{formation.Select}}
		h.do(h.Grant(h.ctx, h.root, g))
		if got := told(must(h.Table(h.ctx, ana, flows))(t)); got != " | day | day" {
			t.Errorf("got %s", got)
		}
		h.do(h.Revoke(h.ctx, h.root, g))
	})
}

// TestACellIsSeenWhenAGrantShowsIt holds the union of any grants and revocations against looking at each cell.
func TestACellIsSeenWhenAGrantShowsIt(t *testing.T) {
	h := open(t)
	flows := h.closed()
	names := []string{"src", "dst", "bytes", "day"}
	conditions := []string{"", "bytes < 1", "bytes < 2", "bytes < 3"}
	for i, rows := range conditions {
		for j, list := range [][]string{{"src"}, {"dst", "bytes"}, names} {
			f := formation.Filter{Database: "flow", Table: "logs", Name: fmt.Sprintf("f%d%d", i, j), Columns: list, Rows: rows, AllRows: rows == ""}
			h.do(h.CreateFilter(h.ctx, h.root, f))
		}
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		who := h.person(fmt.Sprintf("u%d", n))
		seen := map[string]bool{} // "column where condition"
		show := func(column, rows string) {
			seen[column+" where "+rows] = true
		}
		for range rapid.IntRange(0, 5).Draw(rt, "grants") {
			g := formation.Grant{Principal: who.Principal, Permissions: []formation.Permission{formation.Select}}
			some := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID[string]).Draw(rt, "columns")
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				g.Resource = columns(some...)
				for _, c := range some {
					show(c, "")
				}
			case 1:
				g.Resource = formation.Resource{Kind: formation.OfColumns, Database: "flow", Table: "logs", AllColumns: true, Excluded: some}
				for _, c := range names {
					if !slices.Contains(some, c) {
						show(c, "")
					}
				}
			case 2:
				i, j := rapid.IntRange(0, 3).Draw(rt, "rows"), rapid.IntRange(0, 2).Draw(rt, "shape")
				g.Resource = cells(fmt.Sprintf("f%d%d", i, j))
				for _, c := range [][]string{{"src"}, {"dst", "bytes"}, names}[j] {
					show(c, conditions[i])
				}
			default: // granted and taken back
				g.Resource = logsTable
				h.do(h.Grant(h.ctx, h.root, g))
				h.do(h.Revoke(h.ctx, h.root, g))
				continue
			}
			h.do(h.Grant(h.ctx, h.root, g))
		}
		a := must(h.Table(h.ctx, who, flows))(t)
		for _, c := range names {
			for _, rows := range conditions {
				got := slices.ContainsFunc(a.Select, func(s formation.Cells) bool {
					return slices.Contains(s.Columns, c) && (s.Rows == rows || s.Rows == "")
				})
				want := seen[c+" where "+rows] || seen[c+" where "]
				if got != want {
					rt.Fatalf("%s where %q: seen %v, want %v in %s", c, rows, got, want, told(a))
				}
			}
			if shown := slices.Contains(a.Columns, c); shown != slices.ContainsFunc(conditions, func(rows string) bool { return seen[c+" where "+rows] }) {
				rt.Fatalf("the name %s is shown: %v in %s", c, shown, told(a))
			}
		}
	})
}

func TestLeavingIAM(t *testing.T) {
	h := open(t)
	flows := h.flows()
	ana := h.person("ana")
	if a := must(h.Table(h.ctx, ana, flows))(t); told(a) != all || a.Governed {
		t.Errorf("by default IAM decides alone; got %s", told(a))
	}
	for _, r := range []formation.Resource{logsTable, formation.InDatabase("flow")} {
		h.do(h.Revoke(h.ctx, h.root, formation.Grant{Principal: formation.IAMAllowed, Resource: r, Permissions: []formation.Permission{formation.All}}))
	}
	if a := must(h.Table(h.ctx, ana, flows))(t); told(a) != " |  | " || !a.Governed || a.Describe {
		t.Errorf("once IAM_ALLOWED_PRINCIPALS are gone nobody has anything; got %s", told(a))
	}
	_, err := h.tables.Table(h.ctx, ana, "flow", "logs")
	_, none := h.tables.Table(h.ctx, ana, "flow", "none")
	refused(t, err, fault.NotFound, "not found")
	if strings.ReplaceAll(err.Error(), "logs", "none") != none.Error() {
		t.Errorf("a hidden table is told from one that is not there: %v, %v", err, none)
	}
	refused(t, h.check(ana, formation.CreateTable, formation.InDatabase("flow")), fault.NotFound, "database flow: not found")
	t.Run("new things are closed when the settings say so", func(t *testing.T) {
		h.do(h.PutSettings(h.ctx, h.root, formation.Settings{}))
		h.do(h.tables.CreateDatabase(h.ctx, h.root, catalog.Database{Name: "next"}))
		must(h.tables.CreateTable(h.ctx, h.root, table("next", "t")))(t)
		if a := must(h.Table(h.ctx, ana, formation.Table{Database: "next", Name: "t"}))(t); !a.Governed || a.Describe {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("a table that is dropped and made again has new permissions", func(t *testing.T) {
		h.grant(ana, logsTable, formation.Select)
		h.do(h.tables.DeleteTable(h.ctx, h.root, "flow", "logs"))
		must(h.tables.CreateTable(h.ctx, h.root, table("flow", "logs")))(t)
		if a := must(h.Table(h.ctx, ana, flows))(t); a.May(formation.Select) && a.Governed {
			t.Errorf("got %s", told(a))
		}
	})
	t.Run("it is as it was after a restart", func(t *testing.T) {
		h.grant(ana, formation.InDatabase("next"), formation.CreateTable)
		h.do(h.state.Close())
		again := reopen(t, h.dir)
		if err := again.check(ana, formation.CreateTable, formation.InDatabase("next")); err != nil {
			t.Error(err)
		}
		h.state, h.Store = again.state, again.Store
	})
}

func TestWhatIsRefusedIsExplained(t *testing.T) {
	h := open(t)
	h.closed()
	ana := h.person("ana")
	h.grant(ana, logsTable, formation.Describe)
	h.grant(ana, formation.InDatabase("flow"), formation.Describe)
	for _, tt := range []struct {
		name       string
		permission formation.Permission
		on         formation.Resource
		words      string
		command    string
	}{
		{"a database", formation.CreateTable, formation.InDatabase("flow"), "Insufficient Lake Formation permission(s): Required Create Table on flow",
			`aws lakeformation grant-permissions --region ap-northeast-2 --principal DataLakePrincipalIdentifier=arn:aws:iam::123456789012:user/ana --permissions CREATE_TABLE --resource '{"Database":{"Name":"flow"}}'`},
		{"a table", formation.Select, logsTable, "Insufficient Lake Formation permission(s): Required Select on logs",
			`--permissions SELECT --resource '{"Table":{"DatabaseName":"flow","Name":"logs"}}'`},
		{"the catalogue", formation.CreateTag, formation.Catalog(), "Required Create LF Tag on Catalog", `--permissions CREATE_LF_TAG --resource '{"Catalog":{}}'`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := h.check(ana, tt.permission, tt.on)
			refused(t, err, fault.Denied, tt.words)
			if got := explanation(err); !strings.HasPrefix(got, tt.words) && !strings.Contains(got, tt.words+"\n") || !strings.Contains(got, tt.command) {
				t.Errorf("got %s, want %s", got, tt.command)
			}
		})
	}
	t.Run("what it prints allows it", func(t *testing.T) {
		h.grant(ana, formation.InDatabase("flow"), formation.CreateTable)
		h.do(h.check(ana, formation.CreateTable, formation.InDatabase("flow")))
	})
	t.Run("hidden is not there", func(t *testing.T) {
		bob := h.person("bob")
		refused(t, h.check(bob, formation.Drop, logsTable), fault.NotFound, "database flow: not found")
		h.grant(bob, formation.InDatabase("flow"), formation.Describe)
		refused(t, h.check(bob, formation.Drop, logsTable), fault.NotFound, "table flow.logs: not found")
	})
}

func TestWhoMadeItHasIt(t *testing.T) {
	h := open(t)
	h.do(h.PutSettings(h.ctx, h.root, formation.Settings{}))
	maker, other := h.person("maker"), h.person("other")
	h.do(h.tables.CreateDatabase(h.ctx, maker, catalog.Database{Name: "own"}))
	must(h.tables.CreateTable(h.ctx, maker, table("own", "t")))(t)
	h.do(h.Grant(h.ctx, maker, formation.Grant{Principal: other.Principal, Resource: formation.OnTable("own", "t"), Permissions: []formation.Permission{formation.Select}}))
	if a := must(h.Table(h.ctx, other, formation.Table{Database: "own", Name: "t", Columns: []formation.Column{{Name: "src", Type: "string"}}}))(t); !a.May(formation.Select) {
		t.Errorf("got %s", told(a))
	}
	t.Run("and nobody of the same name after", func(t *testing.T) {
		h.do(h.ids.DeleteInline(h.ctx, identity.User, "maker", "all"))
		h.do(h.ids.Delete(h.ctx, identity.User, "maker"))
		if a := must(h.Table(h.ctx, h.person("maker"), formation.Table{Database: "own", Name: "t"}))(t); a.Describe {
			t.Errorf("got %s", told(a))
		}
	})
}
