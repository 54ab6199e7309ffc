package crawler

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/state"
)

const (
	trustsGlue = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`
	trustsEC2  = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`
)

// peopled is a house with identities.
type peopled struct {
	*house
	ids   *identity.Store
	guard *access.Guard
}

func newPeopled(t *testing.T) *peopled {
	t.Helper()
	p, dir := &peopled{}, t.TempDir()
	p.house = openGuarded(t, dir, func(st *state.Store) *access.Guard {
		quiet := slog.New(slog.DiscardHandler)
		seal, err := identity.OpenSeal(filepath.Join(dir, "config", "key"))
		if err != nil {
			t.Fatal(err)
		}
		if p.ids, err = identity.Open(st, "123456789012", seal, quiet); err != nil {
			t.Fatal(err)
		}
		p.guard = access.OpenGuard(access.GuardConfig{Account: "123456789012", Identities: p.ids, Log: quiet})
		return p.guard
	})
	t.Cleanup(p.close)
	p.guard.SetResources(p.lake)
	p.must(p.lake.CreateBucket(t.Context(), p.c, "data"))
	p.must(p.cat.CreateDatabase(t.Context(), p.c, catalog.Database{Name: "db"}))
	p.put("logs/a.csv", "a,b\n1,x\n2,y\n")
	return p
}

// may sets what a role may do: statements as "action resource".
func (p *peopled) may(role string, what ...string) {
	p.t.Helper()
	type statement struct{ Effect, Action, Resource string }
	document := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"}
	for _, w := range what {
		action, resource, _ := strings.Cut(w, " ")
		document.Statement = append(document.Statement, statement{"Allow", action, resource})
	}
	text, err := json.Marshal(document)
	p.must(err)
	p.must(p.ids.PutInline(p.t.Context(), identity.Role, role, "work", string(text)))
}

func (p *peopled) role(name, trust string) {
	p.t.Helper()
	_, err := p.ids.Create(p.t.Context(), identity.Role, identity.New{Name: name, Trust: trust})
	p.must(err)
}

func TestACrawlNeedsWhatItsRoleMayDo(t *testing.T) {
	p := newPeopled(t)
	p.role("crawler", trustsGlue)
	p.must(p.crawlers.Create(t.Context(), p.c, Crawler{Name: "c", Role: "crawler", Database: "db", Targets: []Target{{Path: "s3://data/logs/"}}}))
	all := []string{"s3:ListBucket arn:aws:s3:::data", "s3:GetObject arn:aws:s3:::data/logs/*", "glue:GetDatabase *", "glue:GetTables *", "glue:CreateTable *"}
	for _, missing := range all {
		var rest []string
		for _, w := range all {
			if w != missing {
				rest = append(rest, w)
			}
		}
		p.may("crawler", rest...)
		p.must(p.crawlers.Start(t.Context(), p.c, "c"))
		action, _, _ := strings.Cut(missing, " ")
		cr := p.run("c")
		if cr.Last.Status != Failed || !strings.Contains(cr.Last.Message, "assumed-role/crawler/AWS-Crawler is not authorized to perform: "+action) ||
			!strings.Contains(cr.Last.Message, `"Action": "`+action+`"`) {
			t.Errorf("without %s: %s %s", missing, cr.Last.Status, cr.Last.Message)
		}
	}
	p.may("crawler", all...)
	p.must(p.crawlers.Start(t.Context(), p.c, "c"))
	if cr := p.run("c"); cr.Last.Status != Succeeded {
		t.Errorf("with all of them: %s %s", cr.Last.Status, cr.Last.Message)
	}
	tables, _, err := p.cat.Tables(t.Context(), p.c, catalog.TableFilter{Database: "db"})
	p.must(err)
	if len(tables) != 1 || !strings.HasSuffix(tables[0].CreatedBy, ":assumed-role/crawler/AWS-Crawler") {
		t.Errorf("got %+v", tables)
	}
}

func TestACrawlersRoleIsHandedOver(t *testing.T) {
	p := newPeopled(t)
	ctx := t.Context()
	p.role("crawler", trustsGlue)
	p.role("machine", trustsEC2)
	_, err := p.ids.Create(ctx, identity.User, identity.New{Name: "ana"})
	p.must(err)
	allow := func(document string) {
		p.must(p.ids.PutInline(ctx, identity.User, "ana", "own", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "glue:*", "Resource": "*"}`+document+`]}`))
	}
	allow("")
	ana, err := p.guard.CallerOf(ctx, "arn:aws:iam::123456789012:user/ana", "us-east-1")
	p.must(err)
	crawler := func(name, role string) Crawler {
		return Crawler{Name: name, Role: role, Database: "db", Targets: []Target{{Path: "s3://data/logs/"}}}
	}
	pass := func(service string) string {
		return `, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": "` + service + `"}}}`
	}
	if err := p.crawlers.Create(ctx, ana, crawler("c", "crawler")); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "iam:PassRole") {
		t.Errorf("without iam:PassRole: %v", err)
	}
	allow(pass("firehose.amazonaws.com"))
	if err := p.crawlers.Create(ctx, ana, crawler("c", "crawler")); !fault.Is(err, fault.Denied) {
		t.Errorf("with iam:PassRole to another service: %v", err)
	}
	allow(pass("glue.amazonaws.com"))
	for _, role := range []string{"machine", "nobody"} {
		err := p.crawlers.Create(ctx, ana, crawler("c", role))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "Service is unable to assume role arn:aws:iam::123456789012:role/"+role+". Please verify role's TrustPolicy") {
			t.Errorf("with the role %s: %v", role, err)
		}
	}
	p.must(p.crawlers.Create(ctx, ana, crawler("c", "crawler")))
	allow("")
	p.must(p.crawlers.Update(ctx, ana, "c", func(cr *Crawler) error { cr.Description = "x"; return nil })) // the role stays
	p.role("other", trustsGlue)
	if err := p.crawlers.Update(ctx, ana, "c", func(cr *Crawler) error { cr.Role = "other"; return nil }); !fault.Is(err, fault.Denied) {
		t.Errorf("another role without iam:PassRole: %v", err)
	}

	// A trust policy that another crawler's ARN satisfies is not this one's.
	p.must(p.ids.UpdateTrust(ctx, "crawler", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole",
		"Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:glue:us-east-1:123456789012:crawler/d"}}}]}`))
	p.must(p.crawlers.Start(ctx, ana, "c"))
	if cr := p.run("c"); cr.Last.Status != Failed || !strings.Contains(cr.Last.Message, "sts:AssumeRole") {
		t.Errorf("for another crawler's trust: %s %s", cr.Last.Status, cr.Last.Message)
	}
}

// TestACrawlInAHiddenDatabaseIsMended claims: what a crawl says leads to its grants, one after the other, also where its role
// may not know of the database; and it says the same of one that is not there.
func TestACrawlInAHiddenDatabaseIsMended(t *testing.T) {
	p := newPeopled(t)
	ctx := t.Context()
	f := formation.Open(p.st, p.guard, slog.New(slog.DiscardHandler))
	f.SetIdentities(p.ids)
	p.cat.SetFormation(f)
	p.must(f.PutSettings(ctx, p.c, formation.Settings{}))
	p.must(p.cat.CreateDatabase(ctx, p.c, catalog.Database{Name: "closed"}))
	p.must(f.Register(ctx, p.c, "arn:aws:s3:::data", ""))
	p.role("crawler", trustsGlue)
	p.may("crawler", "s3:* *", "glue:* *")
	crawl := func(database string) string {
		t.Helper()
		cr := Crawler{Name: database, Role: "crawler", Database: database, Targets: []Target{{Path: "s3://data/logs/"}}}
		p.must(p.crawlers.Create(ctx, p.c, cr))
		p.must(p.crawlers.Start(ctx, p.c, database))
		return p.run(database).Last.Message
	}
	hidden, none := crawl("closed"), crawl("nothere")
	if strings.ReplaceAll(hidden, "closed", "nothere") != none || !strings.Contains(none, "not found; or the role arn:aws:iam::123456789012:role/crawler was granted nothing on it") {
		t.Errorf("got %s\nand %s", hidden, none)
	}
	if want := `--permissions CREATE_TABLE --resource '{"Database":{"Name":"closed"}}'`; !strings.Contains(hidden, want) {
		t.Errorf("got %s, want %s", hidden, want)
	}
}

// TestAReportIsOfWhatItsReaderMaySee claims: who may look at a crawler sees no line of a file that is not theirs to read, and no
// table that Lake Formation hides.
func TestAReportIsOfWhatItsReaderMaySee(t *testing.T) {
	p := newPeopled(t)
	ctx := t.Context()
	f := formation.Open(p.st, p.guard, slog.New(slog.DiscardHandler))
	f.SetIdentities(p.ids)
	p.cat.SetFormation(f)
	p.must(f.PutSettings(ctx, p.c, formation.Settings{}))
	p.must(p.cat.CreateDatabase(ctx, p.c, catalog.Database{Name: "closed"}))
	p.role("crawler", trustsGlue)
	p.may("crawler", "s3:* *", "glue:* *")
	p.put("logs/a.csv", "1 one\n2 two\n3 three\nsecret-word\n")
	p.must(p.cat.CreateClassifier(ctx, p.c, catalog.Classifier{Name: "g", Grok: &catalog.GrokClassifier{Classification: "flows", Pattern: "^%{INT:n:int} %{WORD:word}$"}}))
	p.must(f.Grant(ctx, p.c, formation.Grant{Principal: "arn:aws:iam::123456789012:role/crawler", Resource: formation.InDatabase("closed"), Permissions: []formation.Permission{formation.All}}))
	p.must(p.crawlers.Create(ctx, p.c, Crawler{Name: "c", Role: "crawler", Database: "closed", Classifiers: []string{"g"}, Targets: []Target{{Path: "s3://data/logs/"}}}))
	p.must(p.crawlers.Start(ctx, p.c, "c"))
	if cr := p.run("c"); cr.Last.Status != Succeeded {
		t.Fatalf("got %+v", cr.Last)
	}
	_, err := p.ids.Create(ctx, identity.User, identity.New{Name: "ana"})
	p.must(err)
	told := func(statements string) string {
		t.Helper()
		p.must(p.ids.PutInline(ctx, identity.User, "ana", "own", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "glue:*", "Resource": "*"}`+statements+`]}`))
		ana, err := p.guard.CallerOf(ctx, "arn:aws:iam::123456789012:user/ana", p.c.Region)
		p.must(err)
		r, err := p.crawlers.Report(ctx, ana, "c")
		p.must(err)
		text, err := json.Marshal(r)
		p.must(err)
		return string(text)
	}
	if got := told(""); strings.Contains(got, "secret-word") || strings.Contains(got, `"table":"logs"`) || !strings.Contains(got, "s3:GetObject on arn:aws:s3:::data/logs/a.csv") {
		t.Errorf("of hidden things: %s", got)
	}
	p.must(f.Grant(ctx, p.c, formation.Grant{Principal: "arn:aws:iam::123456789012:user/ana", Resource: formation.OnTable("closed", "logs"), Permissions: []formation.Permission{formation.Describe}}))
	if got := told(`,{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}`); !strings.Contains(got, "secret-word") || !strings.Contains(got, `"table":"logs"`) {
		t.Errorf("of what may be seen: %s", got)
	}
}
