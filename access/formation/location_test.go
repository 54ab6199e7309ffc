package formation_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/identity"
	"flowlake/fault"
)

const trustsFormation = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lakeformation.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func TestLocations(t *testing.T) {
	h := open(t)
	role := must(h.ids.Create(h.ctx, identity.Role, identity.New{Name: "register", Trust: trustsFormation}))(t)
	other := must(h.ids.Create(h.ctx, identity.Role, identity.New{Name: "other", Trust: strings.ReplaceAll(trustsFormation, "lakeformation", "glue")}))(t)
	h.do(h.Register(h.ctx, h.root, "arn:aws:s3:::lake/vpc", role.ARN))
	for _, tt := range []struct {
		at string
		ok bool
	}{
		{"s3://lake/vpc", true}, {"s3://lake/vpc/", true}, {"s3://lake/vpc/a/b.parquet", true}, {"s3://lake/vpc2/a", false}, {"s3://lake/", false}, {"s3://lake2/vpc", false}, {"", false}, {"file:///vpc", false},
	} {
		l, ok, err := h.Location(h.ctx, h.root, tt.at)
		if err != nil || ok != tt.ok || ok && l.RoleARN != role.ARN {
			t.Errorf("%s: got %+v %v %v", tt.at, l, ok, err)
		}
	}
	t.Run("the innermost decides", func(t *testing.T) {
		h.do(h.Register(h.ctx, h.root, "arn:aws:s3:::lake", ""))
		l, _, err := h.Location(h.ctx, h.root, "s3://lake/vpc/a")
		if err != nil || l.RoleARN != role.ARN {
			t.Errorf("got %+v, %v", l, err)
		}
		if l, _, err = h.Location(h.ctx, h.root, "s3://lake/else/a"); err != nil || !strings.HasSuffix(l.RoleARN, "AWSServiceRoleForLakeFormationDataAccess") {
			t.Errorf("got %+v, %v", l, err)
		}
	})
	t.Run("the service-linked role may use what it was given, while it is", func(t *testing.T) {
		as := must(h.guard.Assume(h.ctx, access.ServicePrincipal(account, region, formation.Service, "arn:aws:s3:::lake"), must(h.Registered(h.ctx, h.root, "arn:aws:s3:::lake"))(t).RoleARN, "s"))(t)
		h.do(h.guard.Allow(h.ctx, as, "s3:GetObject", "arn:aws:s3:::lake/x/y"))
		h.do(h.guard.Allow(h.ctx, as, "s3:ListBucket", "arn:aws:s3:::lake"))
		refused(t, h.guard.Allow(h.ctx, as, "s3:GetObject", "arn:aws:s3:::other/x"), fault.Denied, "no identity-based policy")
		h.do(h.Reassign(h.ctx, h.root, "arn:aws:s3:::lake", role.ARN))
		refused(t, h.guard.Allow(h.ctx, as, "s3:GetObject", "arn:aws:s3:::lake/x/y"), fault.Denied, "no identity-based policy")
	})
	t.Run("another region has its own", func(t *testing.T) {
		if _, ok, err := h.Location(h.ctx, h.root.In("us-east-1"), "s3://lake/vpc"); ok || err != nil {
			t.Errorf("got %v, %v", ok, err)
		}
	})
	t.Run("twice, unknown, without trust", func(t *testing.T) {
		refused(t, h.Register(h.ctx, h.root, "arn:aws:s3:::lake/vpc/", role.ARN), fault.Exists, "is already registered")
		refused(t, h.Deregister(h.ctx, h.root, "arn:aws:s3:::nowhere"), fault.NotFound, "is not registered")
		refused(t, h.Register(h.ctx, h.root, "s3://", role.ARN), fault.Invalid, "is not that of a place in S3")
		if err := h.Register(h.ctx, h.root, "arn:aws:s3:::b", other.ARN); err == nil {
			t.Error("a role that trusts another service was taken")
		}
	})
	t.Run("who makes tables there needs to be let", func(t *testing.T) {
		ana := h.person("ana")
		at := formation.AtLocation("s3://lake/vpc/daily/")
		err := h.check(ana, formation.DataLocationAccess, at)
		refused(t, err, fault.Denied, "Insufficient Lake Formation permission(s) on s3://lake/vpc/daily")
		if got := explanation(err); !strings.Contains(got, `--permissions DATA_LOCATION_ACCESS --resource '{"DataLocation":{"ResourceArn":"arn:aws:s3:::lake/vpc/daily"}}'`) {
			t.Errorf("got %s", got)
		}
		h.do(h.check(ana, formation.DataLocationAccess, formation.AtLocation("s3://free/")))
		h.grant(ana, formation.AtLocation("arn:aws:s3:::lake/vpc"), formation.DataLocationAccess)
		h.do(h.check(ana, formation.DataLocationAccess, at))
		refused(t, h.check(ana, formation.DataLocationAccess, formation.AtLocation("s3://lake/vpc2/")), fault.Denied, "on s3://lake/vpc2")
		h.do(h.Deregister(h.ctx, h.root, "arn:aws:s3:::lake"))
		h.do(h.check(ana, formation.DataLocationAccess, formation.AtLocation("s3://lake/vpc2/")))
	})
}

func TestTableCredentials(t *testing.T) {
	h := open(t)
	role := must(h.ids.Create(h.ctx, identity.Role, identity.New{Name: "register", Trust: trustsFormation}))(t)
	h.do(h.ids.PutInline(h.ctx, identity.Role, "register", "s3", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`))
	h.closed()
	ana := h.person("ana")
	ask := func(list ...formation.Permission) (identity.Credentials, error) {
		return h.TableCredentials(h.ctx, ana, "flow", "logs", list, 20*time.Minute)
	}
	_, err := ask()
	refused(t, err, fault.NotFound, "database flow: not found")
	h.grant(ana, columns("src"), formation.Select)
	_, err = ask()
	refused(t, err, fault.Denied, "Insufficient Lake Formation permission(s): Required Select on logs")
	h.grant(ana, logsTable, formation.Select)
	_, err = ask()
	refused(t, err, fault.Denied, "set AllowFullTableExternalDataAccess")
	h.do(h.PutSettings(h.ctx, h.root, formation.Settings{FullTableAccess: true}))
	_, err = ask()
	refused(t, err, fault.Invalid, "is not registered with Lake Formation")
	h.do(h.Register(h.ctx, h.root, "arn:aws:s3:::lake", role.ARN))
	_, err = ask(formation.Insert)
	refused(t, err, fault.Denied, "Required Insert")
	made, err := ask()
	h.do(err)
	key, ok := h.ids.Key(made.ID, made.Token)
	if !ok {
		t.Fatal("the credentials are none")
	}
	as := access.Caller{Account: key.Account, Region: region, Principal: key.Principal, AccessKey: key.ID, Session: key.Session, ID: key.PrincipalID, Role: key.Role, SessionPolicies: key.SessionPolicies, Issued: key.Issued}
	if !json.Valid([]byte(as.SessionPolicies)) || as.Role != role.ARN {
		t.Fatalf("got %+v", as)
	}
	h.do(h.guard.Allow(h.ctx, as, "s3:GetObject", "arn:aws:s3:::lake/logs/day=1/a.parquet"))
	for _, no := range [][2]string{{"s3:GetObject", "arn:aws:s3:::lake/logs2/a"}, {"s3:GetObject", "arn:aws:s3:::lake/logs"}, {"s3:PutObject", "arn:aws:s3:::lake/logs/a"}, {"s3:DeleteObject", "arn:aws:s3:::lake/logs/a"}, {"s3:GetObject", "arn:aws:s3:::other/logs/a"}, {"s3:ListBucket", "arn:aws:s3:::lake"}} {
		if err := h.guard.Allow(h.ctx, as, no[0], no[1]); !fault.Is(err, fault.Denied) {
			t.Errorf("%v: got %v", no, err)
		}
	}
}

// TestALinkedRoleStaysWhileItIsUsed: without it, nobody could read what is registered with it.
func TestALinkedRoleStaysWhileItIsUsed(t *testing.T) {
	h := open(t)
	const name = "AWSServiceRoleForLakeFormationDataAccess"
	h.do(h.Register(h.ctx, h.root, "arn:aws:s3:::lake", ""))
	h.do(h.Register(h.ctx, access.Root(account, "us-east-1"), "arn:aws:s3:::other", ""))
	refused(t, h.ids.DeleteServiceLinkedRole(h.ctx, name), fault.Conflict, "arn:aws:s3:::lake uses it in "+region)
	h.do(h.Deregister(h.ctx, h.root, "arn:aws:s3:::lake"))
	if uses := must(h.ids.LinkedUses(h.ctx, name))(t); len(uses) != 1 || uses[0].Region != "us-east-1" || uses[0].Resources[0] != "arn:aws:s3:::other" {
		t.Errorf("got %+v", uses)
	}
	refused(t, h.ids.DeleteServiceLinkedRole(h.ctx, name), fault.Conflict, "arn:aws:s3:::other uses it in us-east-1")
	h.do(h.Deregister(h.ctx, access.Root(account, "us-east-1"), "arn:aws:s3:::other"))
	h.do(h.ids.DeleteServiceLinkedRole(h.ctx, name))
}
