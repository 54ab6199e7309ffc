package formation_test

import (
	"fmt"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
)

func tag(key string, values ...string) formation.Tag {
	return formation.Tag{Key: key, Values: values}
}

// assign gives one tag as root, and wants no failure.
func (h *house) assign(r formation.Resource, key, value string) {
	h.t.Helper()
	failures, err := h.SetTags(h.ctx, h.root, r, []formation.Tag{tag(key, value)})
	h.do(err)
	for k, err := range failures {
		h.t.Fatalf("%s: %v", k, err)
	}
}

func TestTagsDecide(t *testing.T) {
	h := open(t)
	flows := h.closed()
	h.do(h.CreateTag(h.ctx, h.root, tag("stage", "prod", "test")))
	h.do(h.CreateTag(h.ctx, h.root, tag("pii", "yes", "no")))
	h.do(h.CreateExpression(h.ctx, h.root, formation.Expression{Name: "clean", Tags: []formation.Tag{tag("pii", "no")}}))
	on := func(tables bool, list ...formation.Tag) formation.Resource {
		return formation.Resource{Kind: formation.OfTagPolicy, Policy: &formation.TagPolicy{Tables: tables, Expression: list}}
	}
	saved := formation.Resource{Kind: formation.OfTagPolicy, Policy: &formation.TagPolicy{Tables: true, Name: "clean"}}
	people := map[string]access.Caller{}
	for name, g := range map[string]formation.Grant{
		"prod":   {Resource: on(true, tag("stage", "prod")), Permissions: []formation.Permission{formation.Select}},
		"any":    {Resource: on(true, tag("stage", "prod", "test")), Permissions: []formation.Permission{formation.Select}},
		"both":   {Resource: on(true, tag("stage", "prod"), tag("pii", "no")), Permissions: []formation.Permission{formation.Select}},
		"saved":  {Resource: saved, Permissions: []formation.Permission{formation.Select}},
		"alter":  {Resource: on(true, tag("stage", "prod")), Permissions: []formation.Permission{formation.Alter}},
		"create": {Resource: on(false, tag("stage", "prod")), Permissions: []formation.Permission{formation.CreateTable}},
	} {
		people[name] = h.person(name)
		g.Principal = people[name].Principal
		h.do(h.Grant(h.ctx, h.root, g))
	}
	const nothing = " |  | "
	whole := "SELECT DESCRIBE | src dst bytes day | src,dst,bytes,day"
	expect := func(t *testing.T, want map[string]string) {
		t.Helper()
		for name, c := range people {
			w, ok := want[name]
			if !ok {
				w = nothing
			}
			if got := told(must(h.Table(h.ctx, c, flows))(t)); got != w {
				t.Errorf("%s: got %s, want %s", name, got, w)
			}
		}
	}
	t.Run("what has no tag is nobody's", func(t *testing.T) { expect(t, nil) })
	t.Run("a table has its database's tags", func(t *testing.T) {
		h.assign(formation.InDatabase("flow"), "Stage", "PROD")
		expect(t, map[string]string{"prod": whole, "any": whole, "alter": "DESCRIBE ALTER | src dst bytes day | "})
		h.do(h.check(people["create"], formation.CreateTable, formation.InDatabase("flow")))
		refused(t, h.check(people["prod"], formation.CreateTable, formation.InDatabase("flow")), fault.Denied, "Required Create Table on flow")
	})
	t.Run("unless it has its own", func(t *testing.T) {
		h.assign(logsTable, "stage", "test")
		expect(t, map[string]string{"any": whole})
	})
	t.Run("and columns theirs", func(t *testing.T) {
		h.assign(logsTable, "stage", "prod")
		h.assign(columns("src", "dst"), "pii", "yes")
		h.assign(columns("bytes"), "pii", "no")
		h.assign(columns("day"), "stage", "test")
		expect(t, map[string]string{"prod": " | src dst bytes | src,dst,bytes", "any": whole, "both": " | bytes | bytes", "saved": " | bytes | bytes", "alter": "DESCRIBE ALTER | src dst bytes day | "})
	})
	t.Run("a saved expression that changes changes who sees what", func(t *testing.T) {
		h.do(h.UpdateExpression(h.ctx, h.root, formation.Expression{Name: "clean", Tags: []formation.Tag{tag("pii", "yes")}}))
		if got := told(must(h.Table(h.ctx, people["saved"], flows))(t)); got != " | src dst | src,dst" {
			t.Errorf("got %s", got)
		}
		refused(t, h.DeleteExpression(h.ctx, h.root, "clean"), fault.Invalid, "grants name it")
	})
	t.Run("they are found", func(t *testing.T) {
		var names []string
		for _, f := range must(h.Search(h.ctx, h.root, true, []formation.Tag{tag("pii", "no")}))(t) {
			names = append(names, f.Resource.Table)
		}
		if strings.Join(names, " ") != "logs" {
			t.Errorf("got %v", names)
		}
		nobody := h.person("nobody")
		_, err := h.Search(h.ctx, nobody, true, []formation.Tag{tag("pii", "no")})
		refused(t, err, fault.NotFound, "Tag key pii: does not exist")
		h.grant(nobody, formation.Resource{Kind: formation.OfTag, Tag: tag("pii")}, formation.Describe)
		if list := must(h.Search(h.ctx, nobody, true, []formation.Tag{tag("pii", "no")}))(t); len(list) != 0 {
			t.Errorf("got %+v", list)
		}
	})
	t.Run("what a column has is told to those who see it", func(t *testing.T) {
		both := people["both"]
		if got := must(h.TagsOf(h.ctx, both, logsTable, true))(t); len(got.OnColumns)+len(got.OnTable) != 0 {
			t.Errorf("of tags that one may not know of: got %v", got)
		}
		h.grant(both, formation.Resource{Kind: formation.OfTag, Tag: tag("pii")}, formation.Describe)
		if got := must(h.TagsOf(h.ctx, both, logsTable, true))(t); fmt.Sprint(got.OnColumns, got.OnTable) != "map[bytes:map[pii:no]] map[]" {
			t.Errorf("got %v", got)
		}
		_, err := h.TagsOf(h.ctx, both, columns("src"), false)
		refused(t, err, fault.Invalid, "Column src: is not a column of table flow.logs")
		if own := must(h.TagsOf(h.ctx, h.root, logsTable, false))(t); fmt.Sprint(own.OnColumns["bytes"], own.OnTable) != "map[pii:no] map[stage:prod]" {
			t.Errorf("got %+v", own)
		}
	})
	t.Run("a tag that is gone decides nothing", func(t *testing.T) {
		h.do(h.DeleteTag(h.ctx, h.root, "stage"))
		for _, name := range []string{"prod", "any", "alter"} {
			if got := told(must(h.Table(h.ctx, people[name], flows))(t)); got != nothing {
				t.Errorf("%s: got %s", name, got)
			}
		}
	})
}

func TestWhoMayTag(t *testing.T) {
	h := open(t)
	h.closed()
	h.do(h.CreateTag(h.ctx, h.root, tag("stage", "prod", "test")))
	ana := h.person("ana")
	h.grant(ana, logsTable, formation.Describe)
	assign := func() (map[string]error, error) {
		return h.SetTags(h.ctx, ana, logsTable, []formation.Tag{tag("stage", "prod")})
	}
	_, err := assign()
	refused(t, err, fault.Denied, "Required Grant All on logs")
	if got := explanation(err); !strings.Contains(got, "--permissions ALL --permissions-with-grant-option ALL") {
		t.Errorf("got %s", got)
	}
	all := []formation.Permission{formation.Describe, formation.Alter, formation.Drop, formation.Insert, formation.Delete}
	h.do(h.Grant(h.ctx, h.root, formation.Grant{Principal: ana.Principal, Resource: logsTable, Permissions: all, Grantable: all}))
	_, err = assign()
	refused(t, err, fault.Denied, "Required Grant All on logs") // who tags could have SELECT by the tag
	h.do(h.Grant(h.ctx, h.root, formation.Grant{Principal: ana.Principal, Resource: logsTable, Permissions: []formation.Permission{formation.Select}, Grantable: []formation.Permission{formation.Select}}))
	failures, err := assign()
	h.do(err)
	refused(t, failures["stage"], fault.NotFound, "Tag key stage: does not exist")
	refused(t, h.CreateTag(h.ctx, ana, tag("own", "x")), fault.Denied, "Required Create LF Tag on Catalog")
	if list, _, err := h.Tags(h.ctx, ana, "", 10); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v", list, err)
	}
	on := formation.Resource{Kind: formation.OfTag, Tag: tag("stage")}
	h.grant(ana, on, formation.Describe)
	failures, err = assign()
	h.do(err)
	refused(t, failures["stage"], fault.Denied, "Required Associate on stage")
	h.grant(ana, on, formation.Associate)
	if failures, err = assign(); err != nil || len(failures) != 0 {
		t.Errorf("got %v, %v", failures, err)
	}
	_, err = h.SetTags(h.ctx, ana, formation.InDatabase("flow"), []formation.Tag{tag("stage", "prod")})
	refused(t, err, fault.Denied, "Required Grant All on flow") // she may know of the database of a table that she knows
	_, err = h.SetTags(h.ctx, ana, columns("src"), []formation.Tag{tag("stage", "prod")})
	h.do(err)
	refused(t, h.UpdateTag(h.ctx, ana, "stage", []string{"x"}, nil), fault.Denied, "Required Alter on stage")
	refused(t, h.DeleteTag(h.ctx, ana, "stage"), fault.Denied, "Required Drop on stage")
	h.grant(ana, formation.Catalog(), formation.CreateTag)
	h.do(h.CreateTag(h.ctx, ana, tag("own", "x")))
	h.do(h.DeleteTag(h.ctx, ana, "own"))
	for _, tt := range []struct {
		name  string
		err   error
		kind  fault.Kind
		words string
	}{
		{"twice", h.CreateTag(h.ctx, h.root, tag("STAGE", "a")), fault.Exists, "Tag key stage: exists already"},
		{"no value", h.CreateTag(h.ctx, h.root, tag("a")), fault.Invalid, "1 to 1000 are allowed"},
		{"a long key", h.CreateTag(h.ctx, h.root, tag(strings.Repeat("k", 129), "a")), fault.Invalid, "1 to 128"},
		{"a value that is used", h.UpdateTag(h.ctx, h.root, "stage", nil, []string{"prod"}), fault.Invalid, "has it: take it from there first"},
		{"a value that is none", h.UpdateTag(h.ctx, h.root, "stage", nil, []string{"none"}), fault.NotFound, "is none of stage"},
		{"of a tag that is not there", h.UpdateTag(h.ctx, h.root, "none", []string{"a"}, nil), fault.NotFound, "does not exist"},
		{"some values only", h.Grant(h.ctx, h.root, formation.Grant{Principal: ana.Principal, Resource: formation.Resource{Kind: formation.OfTag, Tag: tag("stage", "prod")}, Permissions: []formation.Permission{formation.Associate}}), fault.Unsupported, "on all values of an LF-tag"},
	} {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.err, tt.kind, tt.words) })
	}
}

func TestFilters(t *testing.T) {
	h := open(t)
	h.closed()
	ana := h.person("ana")
	f := formation.Filter{Database: "flow", Table: "logs", Name: "f", Columns: []string{"src"}, Rows: "bytes < 1"}
	refused(t, h.CreateFilter(h.ctx, ana, f), fault.NotFound, "database flow: not found")
	h.grant(ana, logsTable, formation.Select)
	refused(t, h.CreateFilter(h.ctx, ana, f), fault.Denied, "Required Grant Select on logs")
	h.do(h.CreateFilter(h.ctx, h.root, f))
	refused(t, h.CreateFilter(h.ctx, h.root, f), fault.Exists, "data cells filter f")
	if list := must(h.Filters(h.ctx, ana, "flow", "logs"))(t); len(list) != 0 {
		t.Errorf("she sees %+v", list)
	}
	_, err := h.Filter(h.ctx, ana, "flow", "logs", "f")
	refused(t, err, fault.NotFound, "data cells filter f: not found")
	h.grant(ana, cells("f"), formation.Describe)
	now := must(h.Filter(h.ctx, ana, "flow", "logs", "f"))(t)
	stale := f
	stale.Version = "00000000-0000-0000-0000-000000000000"
	refused(t, h.UpdateFilter(h.ctx, h.root, stale), fault.Conflict, "another change came first")
	f.Version = now.Version
	h.do(h.UpdateFilter(h.ctx, h.root, f))
	refused(t, h.DeleteFilter(h.ctx, ana, "flow", "logs", "f"), fault.Denied, "Required Grant Select")
	h.grant(ana, cells("f"), formation.Drop)
	h.do(h.DeleteFilter(h.ctx, ana, "flow", "logs", "f"))
	if list := must(h.Grants(h.ctx, h.root, formation.GrantFilter{Principal: ana.Principal}))(t); len(list) != 1 {
		t.Errorf("grants on it are left: %+v", list)
	}
}

func TestSettingsNameWhoIsThere(t *testing.T) {
	h := open(t)
	ana := h.person("ana")
	refused(t, h.PutSettings(h.ctx, h.root, formation.Settings{Admins: []formation.Principal{{ARN: ana.Principal + "x"}}}), fault.Invalid, "Invalid principal, "+ana.Principal+"x")
	h.do(h.PutSettings(h.ctx, h.root, formation.Settings{Admins: []formation.Principal{{ARN: ana.Principal}, {ARN: ana.Principal}, {ARN: h.root.Principal}}}))
	if set := must(h.Settings(h.ctx, ana))(t); len(set.Admins) != 2 || set.Admins[0].ID != ana.ID {
		t.Errorf("got %+v", set)
	}
	if set := must(h.Settings(h.ctx, ana.In("us-east-1")))(t); len(set.Admins) != 0 || !set.OpenTables {
		t.Errorf("another region has its own; got %+v", set)
	}
}

// FuzzCommand holds what people paste to its promise: whatever a place or a principal is called, it stays one word of the shell.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"arn:aws:s3:::b/p", "s3://b/p/", "s3://b", "s3:///", "arn:aws:s3:::b/*", "s3://b//x", "\x1f", "'000", "$(id)", "a b;c", ""} {
		f.Add(s, "arn:aws:iam::123456789012:user/"+s)
	}
	f.Fuzz(func(t *testing.T, place, principal string) {
		text := formation.Command(formation.Grant{Principal: principal, Resource: formation.AtLocation(place), Permissions: []formation.Permission{formation.DataLocationAccess}}, "us-east-1")
		bare := strings.ReplaceAll(text, `'\''`, "") // a quote inside of quotes
		for i, part := range strings.Split(bare, "'") {
			if i%2 == 0 && strings.ContainsAny(part, "$`;&|<>()\\\"*?!#~\n") {
				t.Errorf("outside of quotes: %q in %s", part, text)
			}
		}
		if strings.Count(bare, "'")%2 != 0 {
			t.Errorf("a quote is left open: %s", text)
		}
	})
}
