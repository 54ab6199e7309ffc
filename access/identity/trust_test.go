package identity

import (
	"strings"
	"testing"
	"time"

	"flowlake/fault"
)

func trust(arn string) string {
	return `{"Version":"2012-10-17","Statement":{"Sid":"s","Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:PrincipalArn":"` + arn + `"}}}}`
}

func TestTrust(t *testing.T) {
	s := fresh(t)
	user := must(s.Create(ctx, User, New{Name: "ana"}))(t)
	t.Run("is in principals that are there", func(t *testing.T) {
		for _, arn := range []string{"arn:aws:iam::123456789012:user/bob", "arn:aws:iam::123456789012:role/r0", "arn:aws:sts::123456789012:assumed-role/r0/s", "arn:aws:iam::123456789012:user/x/ana"} {
			_, err := s.Create(ctx, Role, New{Name: "r", Trust: trust(arn)})
			wants(t, err, fault.Invalid, `Invalid principal in policy: "AWS":"`+arn+`"`)
			if !fault.HasNoun(err, "policy document") {
				t.Errorf("%v is not about the policy document", err)
			}
		}
		must(s.Create(ctx, Role, New{Name: "r", Trust: trust(user.ARN)}))(t)
	})
	t.Run("may be in the account, in services and in other accounts", func(t *testing.T) {
		for _, arn := range []string{"arn:aws:iam::123456789012:root", "123456789012", "arn:aws:iam::999999999999:role/x"} {
			ok(t, s.UpdateTrust(ctx, "r", trust(arn)))
			if e := must(s.Get(ctx, Role, "r"))(t); e.Trust != trust(arn) {
				t.Errorf("got %s", e.Trust)
			}
		}
		ok(t, s.UpdateTrust(ctx, "r", anyTrust))
	})
	t.Run("follows a user that has another name", func(t *testing.T) {
		ok(t, s.UpdateTrust(ctx, "r", trust(user.ARN)))
		other, back := "anna", "ana"
		ok(t, s.Rename(ctx, User, "ana", &other, nil))
		must(s.Create(ctx, User, New{Name: "ana"}))(t) // who is not meant
		if e := must(s.Get(ctx, Role, "r"))(t); !strings.Contains(e.Trust, `"AWS":"arn:aws:iam::123456789012:user/anna"`) {
			t.Errorf("got %s", e.Trust)
		}
		ok(t, s.Delete(ctx, User, "ana"))
		ok(t, s.Rename(ctx, User, "anna", &back, nil))
		if e := must(s.Get(ctx, Role, "r"))(t); e.Trust != trust(user.ARN) {
			t.Errorf("got %s", e.Trust)
		}
	})
	t.Run("ends with its principal, whoever has the name later", func(t *testing.T) {
		ok(t, s.UpdateTrust(ctx, "r", trust(user.ARN)))
		ok(t, s.Delete(ctx, User, "ana"))
		must(s.Create(ctx, User, New{Name: "ana"}))(t)
		e := must(s.Get(ctx, Role, "r"))(t)
		if !strings.Contains(e.Trust, `"AWS":"`+user.ID+`"`) || !strings.Contains(e.Trust, `"aws:PrincipalArn":"`+user.ARN+`"`) {
			t.Errorf("got %s", e.Trust)
		}
		if p := must(s.Principal(ctx, e.ARN))(t); p.Trust.Text() != e.Trust {
			t.Errorf("in force is %s", p.Trust.Text())
		}
		ok(t, s.UpdateTrust(ctx, "r", trust(user.ARN))) // written again, it is in the one of now
		if e := must(s.Get(ctx, Role, "r"))(t); e.Trust != trust(user.ARN) {
			t.Errorf("got %s", e.Trust)
		}
	})
	t.Run("is a trust policy of at most 2048 characters", func(t *testing.T) {
		wants(t, s.UpdateTrust(ctx, "r", readAll), fault.Invalid, "policy document")
		long := strings.Replace(anyTrust, "glue", strings.Repeat("g", maxTrust), 1)
		wants(t, s.UpdateTrust(ctx, "r", long), fault.Limit, "PolicySize: 2048")
	})
}

func TestServiceLinkedRoles(t *testing.T) {
	s := fresh(t)
	made := must(s.CreateServiceLinkedRole(ctx, "lakeformation.amazonaws.com", "", ""))(t)
	arn, there := s.Linked("lakeformation.amazonaws.com")
	if !there || made.ARN != arn || arn != "arn:aws:iam::123456789012:role/aws-service-role/lakeformation.amazonaws.com/AWSServiceRoleForLakeFormationDataAccess" || len(made.Attached) != 1 {
		t.Errorf("got %+v", made)
	}
	_, err := s.CreateServiceLinkedRole(ctx, "lakeformation.amazonaws.com", "", "")
	wants(t, err, fault.Exists, "")
	_, err = s.CreateServiceLinkedRole(ctx, "s3.amazonaws.com", "", "")
	wants(t, err, fault.Invalid, "has no service-linked role here")
	_, err = s.CreateServiceLinkedRole(ctx, "delivery.logs.amazonaws.com", "", "x")
	wants(t, err, fault.Invalid, "Custom suffix is not allowed")

	day := 12 * time.Hour
	for name, err := range map[string]error{
		"delete":       s.Delete(ctx, Role, made.Name),
		"inline":       s.PutInline(ctx, Role, made.Name, "p", readAll),
		"attach":       s.Attach(ctx, Role, made.Name, "arn:aws:iam::aws:policy/AdministratorAccess"),
		"detach":       s.Detach(ctx, Role, made.Name, made.Attached[0]),
		"trust":        s.UpdateTrust(ctx, made.Name, anyTrust),
		"session time": s.UpdateRole(ctx, made.Name, nil, &day),
		"boundary":     s.SetBoundary(ctx, Role, made.Name, "arn:aws:iam::aws:policy/AdministratorAccess"),
	} {
		if !fault.Is(err, fault.Conflict) || !fault.HasNoun(err, "service-linked role") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	words := "ours"
	ok(t, s.UpdateRole(ctx, made.Name, &words, nil))
	ok(t, s.PutLinked(ctx, "lakeformation.amazonaws.com", "location", readAll))
	if p := must(s.Principal(ctx, arn))(t); len(p.Policies) != 2 || p.ServiceLinked != "lakeformation.amazonaws.com" {
		t.Errorf("got %q", names(p))
	}
	wants(t, s.PutLinked(ctx, "lakeformation.amazonaws.com", "broken", "{"), fault.Invalid, "policy document")
	wants(t, s.PutLinked(ctx, "delivery.logs.amazonaws.com", "p", readAll), fault.NotFound, "")
	ok(t, s.DropLinked(ctx, "delivery.logs.amazonaws.com", "p"))
	ok(t, s.DropLinked(ctx, "lakeformation.amazonaws.com", "location"))
	ok(t, s.DeleteServiceLinkedRole(ctx, made.Name))
	wants(t, s.DeleteServiceLinkedRole(ctx, made.Name), fault.NotFound, "")
}
