package formation_test

import (
	"fmt"
	"strings"
	"testing"

	"flowlake/access/formation"
	"flowlake/fault"
)

// TestAHiddenColumnIsNoColumn asks by name for a column that is there and for one that is not, wherever a column can be named.
func TestAHiddenColumnIsNoColumn(t *testing.T) {
	h := open(t)
	h.closed()
	ana := h.person("ana")
	h.grant(ana, columns("src", "day"), formation.Select)
	sel := []formation.Permission{formation.Select}
	but := func(name string) formation.Resource {
		r := columns()
		r.AllColumns, r.Excluded = true, []string{name}
		return r
	}
	for _, ask := range []struct {
		name string
		do   func(column string) error
	}{
		{"a grant", func(c string) error {
			return h.Grant(h.ctx, ana, formation.Grant{Principal: ana.Principal, Resource: columns(c), Permissions: sel})
		}},
		{"a grant on all but it", func(c string) error {
			return h.Grant(h.ctx, ana, formation.Grant{Principal: ana.Principal, Resource: but(c), Permissions: sel})
		}},
		{"a revocation", func(c string) error {
			return h.Revoke(h.ctx, ana, formation.Grant{Principal: ana.Principal, Resource: columns(c), Permissions: sel})
		}},
		{"a listing of grants", func(c string) error {
			r := columns(c)
			_, err := h.Grants(h.ctx, ana, formation.GrantFilter{Resource: &r})
			return err
		}},
		{"its tags", func(c string) error { _, err := h.TagsOf(h.ctx, ana, columns(c), true); return err }},
		{"a tag for it", func(c string) error {
			_, err := h.SetTags(h.ctx, ana, columns(c), []formation.Tag{tag("x", "y")})
			return err
		}},
	} {
		t.Run(ask.name, func(t *testing.T) {
			hidden, none := ask.do("bytes"), ask.do("bites")
			refused(t, hidden, fault.Invalid, "Column bytes: is not a column of table flow.logs")
			if none == nil || strings.ReplaceAll(none.Error(), "bites", "bytes") != hidden.Error() {
				t.Errorf("got %v for one that is there, %v for one that is not", hidden, none)
			}
		})
	}
}

func TestAGrantNamesNoHiddenColumn(t *testing.T) {
	h := open(t)
	h.closed()
	ana, ben := h.person("ana"), h.person("ben")
	all := columns()
	all.AllColumns, all.Excluded = true, []string{"bytes"}
	h.grant(ana, all, formation.Select)
	h.do(h.CreateFilter(h.ctx, h.root, formation.Filter{Database: "flow", Table: "logs", Name: "own", Excluded: []string{"bytes"}, Rows: "bytes > 1 AND src = 'a'"}))
	h.do(h.CreateFilter(h.ctx, h.root, formation.Filter{Database: "flow", Table: "logs", Name: "plain", Columns: []string{"src"}, Rows: "src = 'a'"}))
	h.do(h.CreateFilter(h.ctx, h.root, formation.Filter{Database: "flow", Table: "logs", Name: "theirs", AllRows: true}))
	h.grant(ben, cells("own"), formation.Select)
	h.grant(ben, cells("plain"), formation.Select)

	got := must(h.Grants(h.ctx, ana, formation.GrantFilter{Principal: ana.Principal}))(t)
	if len(got) != 1 || fmt.Sprint(got[0].Resource.Columns, got[0].Resource.Excluded, got[0].Resource.AllColumns) != "[src dst day] [] false" {
		t.Errorf("ana's grant: got %+v", got)
	}
	h.grant(ana, logsTable, formation.Describe)
	got = must(h.Grants(h.ctx, ana, formation.GrantFilter{Principal: ana.Principal, Resource: &all}))(t)
	if len(got) != 1 || fmt.Sprint(got[0].Resource.Excluded) != "[bytes]" {
		t.Errorf("who knows the whole table: got %+v", got)
	}
	told := fmt.Sprint(must(h.Filters(h.ctx, ben, "flow", "logs"))(t))
	if strings.Contains(told, "bytes") || !strings.Contains(told, "src = 'a'") || strings.Contains(told, "theirs") {
		t.Errorf("ben's filters: got %s", told)
	}
	if one := must(h.Filter(h.ctx, h.root, "flow", "logs", "own"))(t); one.Rows == "" || len(one.Excluded) != 1 {
		t.Errorf("root's: got %+v", one)
	}
	for _, name := range []string{"theirs", "none"} {
		refused(t, h.Grant(h.ctx, ben, formation.Grant{Principal: ana.Principal, Resource: cells(name), Permissions: []formation.Permission{formation.Select}}),
			fault.NotFound, "data cells filter "+name+": not found")
	}
}

func TestATagThatIsMadeAgainGivesNothing(t *testing.T) {
	h := open(t)
	flows := h.closed()
	ana, ben := h.person("ana"), h.person("ben")
	level := tag("level", "open", "closed")
	h.do(h.CreateTag(h.ctx, h.root, level))
	h.do(h.CreateTag(h.ctx, h.root, tag("other", "x")))
	h.do(h.CreateExpression(h.ctx, h.root, formation.Expression{Name: "public", Tags: []formation.Tag{tag("level", "open")}}))
	h.do(h.CreateExpression(h.ctx, h.root, formation.Expression{Name: "kept", Tags: []formation.Tag{tag("other", "x")}}))
	h.grant(ana, formation.Resource{Kind: formation.OfTagPolicy, Policy: &formation.TagPolicy{Tables: true, Expression: []formation.Tag{tag("level", "open")}}}, formation.Select)
	h.grant(ben, formation.Resource{Kind: formation.OfTagPolicy, Policy: &formation.TagPolicy{Tables: true, Name: "public"}}, formation.Select)
	h.grant(ben, formation.Resource{Kind: formation.OfTagPolicy, Policy: &formation.TagPolicy{Tables: true, Name: "kept"}}, formation.Select)
	h.assign(logsTable, "level", "open")
	if got := told(must(h.Table(h.ctx, ben, flows))(t)); !strings.HasPrefix(got, "SELECT") {
		t.Fatalf("got %s", got)
	}
	h.do(h.DeleteTag(h.ctx, h.root, "level"))
	h.do(h.CreateTag(h.ctx, h.root, level))
	h.assign(logsTable, "level", "open")
	if a, b := told(must(h.Table(h.ctx, ana, flows))(t)), told(must(h.Table(h.ctx, ben, flows))(t)); a != " |  | " || b != a {
		t.Errorf("got %s and %s", a, b)
	}
	if list, _, err := h.Expressions(h.ctx, h.root, "", 10); err != nil || len(list) != 1 || list[0].Name != "kept" {
		t.Errorf("got %v, %v", list, err)
	}
	if left := must(h.Grants(h.ctx, h.root, formation.GrantFilter{Kinds: []formation.Kind{formation.OfTagPolicy}}))(t); len(left) != 1 {
		t.Errorf("got %+v", left)
	}
}

func TestATagsUseIsToldToThoseWhoMayKnow(t *testing.T) {
	h := open(t)
	h.closed()
	ana := h.person("ana")
	h.do(h.CreateTag(h.ctx, h.root, tag("stage", "prod", "test")))
	h.assign(logsTable, "stage", "prod")
	h.grant(ana, formation.Resource{Kind: formation.OfTag, Tag: tag("stage")}, formation.Alter)
	refused(t, h.UpdateTag(h.ctx, h.root, "stage", nil, []string{"prod"}), fault.Invalid, "table flow.logs has it")
	refused(t, h.UpdateTag(h.ctx, ana, "stage", nil, []string{"prod"}), fault.Invalid, "something has it")
}

// TestPlacesHaveManyNames: what S3 and Hive take for one folder is one place.
func TestPlacesHaveManyNames(t *testing.T) {
	h := open(t)
	h.closed()
	ana := h.person("ana")
	h.do(h.Register(h.ctx, h.root, "arn:aws:s3:::lake/open/*", ""))
	for _, at := range []string{"s3://lake/open", "s3://lake/open/x/", "s3a://lake/open/x", "s3n://lake/open/", "s3://lake/open/a*b/", "s3://lake/open/x?y"} {
		refused(t, h.check(ana, formation.DataLocationAccess, formation.AtLocation(at)), fault.Denied, "Insufficient Lake Formation permission(s) on s3://lake/open")
	}
	for _, at := range []string{"s3://lake/opened/", "s3://lake/open*/", "s3://lake/", "s3://lakes/open/"} {
		if err := h.check(ana, formation.DataLocationAccess, formation.AtLocation(at)); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	refused(t, h.Register(h.ctx, h.root, "arn:aws:s3:::lake/a*b", ""), fault.Invalid, "is not that of a place in S3")
}
