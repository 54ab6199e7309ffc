package identity

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flowlake/access/policy"
	"flowlake/fault"
	"flowlake/state"
)

const (
	account  = "123456789012"
	anyTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	readAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`
	logsAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`
)

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
)

func open(t testing.TB, dir, keyFile string) (*Store, *state.Store) {
	t.Helper()
	seal, err := OpenSeal(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	st, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(st, account, seal, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return s, st
}

func fresh(t testing.TB) *Store {
	t.Helper()
	s, st := open(t, t.TempDir(), filepath.Join(t.TempDir(), "config", "key"))
	t.Cleanup(func() { st.Close() })
	return s
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

func wants(t testing.TB, err error, kind fault.Kind, words string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v (%v), want %v with %q", err, fault.KindOf(err), kind, words)
	}
}

func names(p *Principal) (all []string) {
	for _, s := range p.Policies {
		all = append(all, s.Name)
	}
	return all
}

func TestPrincipal(t *testing.T) {
	s := fresh(t)
	mine := must(s.CreatePolicy(ctx, NewPolicy{Name: "read", Path: "/team/", Document: readAll}))(t)
	user := must(s.Create(ctx, User, New{Name: "ana", Path: "/people/", Tags: []Tag{{"dept", "net"}}}))(t)
	must(s.Create(ctx, Group, New{Name: "analysts"}))(t)
	ok(t, s.AddToGroup(ctx, "analysts", "ana"))
	ok(t, s.Attach(ctx, Group, "analysts", "arn:aws:iam::aws:policy/AmazonAthenaFullAccess"))
	ok(t, s.Attach(ctx, User, "ana", mine.ARN))
	ok(t, s.PutInline(ctx, User, "ana", "own", logsAll))
	ok(t, s.SetBoundary(ctx, User, "ana", "arn:aws:iam::aws:policy/PowerUserAccess"))

	t.Run("has its own policies, its groups' and its boundary", func(t *testing.T) {
		p := must(s.Principal(ctx, user.ARN))(t)
		want := []string{"inline policy own of user ana", "managed policy " + mine.ARN, "managed policy arn:aws:iam::aws:policy/AmazonAthenaFullAccess of group analysts"}
		if got := names(p); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if p.ID != user.ID || p.Tags["dept"] != "net" || p.Boundary == nil || p.Kind != User || p.ARN != "arn:aws:iam::123456789012:user/people/ana" {
			t.Errorf("got %+v of %+v", p, user)
		}
	})
	t.Run("is remembered until something changes", func(t *testing.T) {
		first := must(s.Principal(ctx, user.ARN))(t)
		if again := must(s.Principal(ctx, user.ARN))(t); again != first {
			t.Error("the same principal was compiled twice")
		}
		ok(t, s.Detach(ctx, User, "ana", mine.ARN))
		if got := names(must(s.Principal(ctx, user.ARN))(t)); slices.Contains(got, "managed policy "+mine.ARN) {
			t.Errorf("got %q after the policy was detached", got)
		}
		ok(t, s.Attach(ctx, User, "ana", mine.ARN))
	})
	t.Run("sees a policy's default version", func(t *testing.T) {
		v := must(s.CreateVersion(ctx, mine.ARN, logsAll, false))(t)
		text := func() string { return must(s.Principal(ctx, user.ARN))(t).Policies[1].Document.Text() }
		if text() != readAll {
			t.Error("a version that is not the default is in force")
		}
		ok(t, s.SetDefault(ctx, mine.ARN, v.ID))
		if text() != logsAll {
			t.Error("the default version is not in force")
		}
	})
	t.Run("of a session is its role, whatever path that has", func(t *testing.T) {
		role := must(s.Create(ctx, Role, New{Name: "crawler", Path: "/service-role/", Trust: anyTrust}))(t)
		a := must(s.Principal(ctx, role.ARN))(t)
		b := must(s.Principal(ctx, "arn:aws:sts::123456789012:assumed-role/crawler/run-1"))(t)
		if a.ID != b.ID || a.ID != role.ID || a.Trust == nil || a.MaxSession != time.Hour {
			t.Errorf("got %+v and %+v of %+v", a, b, role)
		}
	})
	for _, arn := range []string{
		"", "*", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:user/ana", "arn:aws:iam::123456789012:user/people/bob",
		"arn:aws:iam::123456789012:user/people/", "arn:aws:iam::999999999999:user/people/ana", "arn:aws:iam::123456789012:role/crawler", "arn:aws:iam::123456789012:user/people/ANA",
		"arn:aws:sts::123456789012:assumed-role/none/s", "arn:aws:sts::123456789012:assumed-role/CRAWLER/s", "arn:aws:sts::123456789012:assumed-role", "arn:aws:iam::123456789012:group/analysts",
	} {
		t.Run("is none for "+arn, func(t *testing.T) {
			_, err := s.Principal(ctx, arn)
			wants(t, err, fault.NotFound, "no such principal")
		})
	}
}

func TestNames(t *testing.T) {
	s := fresh(t)
	must(s.Create(ctx, User, New{Name: "Ana"}))(t)
	t.Run("are told apart by no case", func(t *testing.T) {
		_, err := s.Create(ctx, User, New{Name: "ANA"})
		wants(t, err, fault.Exists, "User with name Ana already exists")
		if e := must(s.Get(ctx, User, "ana"))(t); e.Name != "Ana" {
			t.Errorf("got %q", e.Name)
		}
	})
	t.Run("are one for each kind", func(t *testing.T) {
		must(s.Create(ctx, Role, New{Name: "ana", Trust: anyTrust}))(t)
		must(s.Create(ctx, Group, New{Name: "ana"}))(t)
	})
	for _, bad := range []New{
		{Name: ""}, {Name: "a b"}, {Name: "a/b"}, {Name: strings.Repeat("u", 65)}, {Name: "é"}, {Name: "u", Path: "x"}, {Name: "u", Path: "/x"},
		{Name: "u", Path: "/" + strings.Repeat("p", 512) + "/"}, {Name: "u", Tags: []Tag{{"", "v"}}}, {Name: "u", Tags: []Tag{{"k", "1"}, {"K", "2"}}},
		{Name: "u", Tags: []Tag{{"aws:x", "1"}}}, {Name: "u", Tags: []Tag{{"k", "a\x00"}}}, {Name: "u", Trust: anyTrust}, {Name: "u", Description: "d"},
	} {
		t.Run(fmt.Sprintf("refuses %.40v", bad), func(t *testing.T) {
			_, err := s.Create(ctx, User, bad)
			wants(t, err, fault.Invalid, "")
		})
	}
	t.Run("and the path of services are no user's", func(t *testing.T) {
		_, err := s.Create(ctx, Role, New{Name: "r", Path: "/aws-service-role/glue.amazonaws.com/", Trust: anyTrust})
		wants(t, err, fault.Invalid, "service-linked")
	})
	t.Run("with a boundary that is not there are not made", func(t *testing.T) {
		_, err := s.Create(ctx, User, New{Name: "bo", Boundary: "arn:aws:iam::123456789012:policy/none"})
		wants(t, err, fault.NotFound, "does not exist or is not attachable")
	})
}

func TestRename(t *testing.T) {
	s := fresh(t)
	user := must(s.Create(ctx, User, New{Name: "ana"}))(t)
	must(s.Create(ctx, User, New{Name: "bob"}))(t)
	must(s.Create(ctx, Group, New{Name: "g"}))(t)
	ok(t, s.AddToGroup(ctx, "g", "ana"))
	key, _, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	name, path, group := "anna", "/x/", "crew"
	ok(t, s.Rename(ctx, User, "ana", &name, &path))
	ok(t, s.Rename(ctx, Group, "g", &group, nil))

	t.Run("keeps the id, keys and groups", func(t *testing.T) {
		e := must(s.Get(ctx, User, "anna"))(t)
		if e.ID != user.ID || e.ARN != "arn:aws:iam::123456789012:user/x/anna" || !slices.Equal(e.Groups, []string{"crew"}) {
			t.Errorf("got %+v", e)
		}
		k, found := s.Key(key.ID, "")
		if !found || k.Principal != e.ARN || k.PrincipalID != user.ID {
			t.Errorf("got %v %v", k, found)
		}
		if members := must(s.Members(ctx, "CREW"))(t); len(members) != 1 || members[0].Name != "anna" {
			t.Errorf("got %v", members)
		}
	})
	t.Run("leaves nobody under the old name", func(t *testing.T) {
		_, err := s.Get(ctx, User, "ana")
		wants(t, err, fault.NotFound, "The user with name ana cannot be found.")
	})
	t.Run("takes nobody's name", func(t *testing.T) {
		taken := "BOB"
		wants(t, s.Rename(ctx, User, "anna", &taken, nil), fault.Exists, "")
	})
	t.Run("may change the case alone", func(t *testing.T) {
		upper := "ANNA"
		ok(t, s.Rename(ctx, User, "anna", &upper, nil))
		if e := must(s.Get(ctx, User, "anna"))(t); e.Name != upper {
			t.Errorf("got %q", e.Name)
		}
	})
}

func TestDelete(t *testing.T) {
	s := fresh(t)
	must(s.Create(ctx, User, New{Name: "ana"}))(t)
	must(s.Create(ctx, Group, New{Name: "g"}))(t)
	p := must(s.CreatePolicy(ctx, NewPolicy{Name: "p", Document: readAll}))(t)
	key, _, err := s.CreateKey(ctx, "ana")
	ok(t, err)
	ok(t, s.AddToGroup(ctx, "g", "ana"))
	ok(t, s.Attach(ctx, User, "ana", p.ARN))
	ok(t, s.PutInline(ctx, User, "ana", "i", readAll))
	for _, step := range []struct {
		words string
		mend  func() error
	}{
		{"must detach all policies first", func() error { return s.Detach(ctx, User, "ana", p.ARN) }},
		{"must delete policies first", func() error { return s.DeleteInline(ctx, User, "ana", "i") }},
		{"must delete access keys first", func() error { return s.DeleteKey(ctx, "ana", key.ID) }},
		{"must remove user from all groups first", func() error { return s.RemoveFromGroup(ctx, "g", "ana") }},
	} {
		wants(t, s.Delete(ctx, User, "ana"), fault.Conflict, step.words)
		if step.words == "must detach all policies first" {
			wants(t, s.DeletePolicy(ctx, p.ARN), fault.Conflict, "attached to entities")
			wants(t, s.Delete(ctx, Group, "g"), fault.Conflict, "must remove users from group first")
		}
		ok(t, step.mend())
	}
	ok(t, s.Delete(ctx, User, "ana"))
	ok(t, s.Delete(ctx, Group, "g"))
	ok(t, s.DeletePolicy(ctx, p.ARN))
	wants(t, s.Delete(ctx, User, "ana"), fault.NotFound, "")
	if _, found := s.Key(key.ID, ""); found {
		t.Error("a deleted key is found")
	}
}

func TestManagedPolicies(t *testing.T) {
	s := fresh(t)
	p := must(s.CreatePolicy(ctx, NewPolicy{Name: "p", Description: "reads", Document: readAll}))(t)
	t.Run("have at most five versions, whose numbers are not used again", func(t *testing.T) {
		for range 4 {
			must(s.CreateVersion(ctx, p.ARN, logsAll, false))(t)
		}
		_, err := s.CreateVersion(ctx, p.ARN, logsAll, false)
		wants(t, err, fault.Limit, "up to 5 versions")
		wants(t, s.DeleteVersion(ctx, p.ARN, "v1"), fault.Conflict, "default version")
		ok(t, s.DeleteVersion(ctx, p.ARN, "v5"))
		if v := must(s.CreateVersion(ctx, p.ARN, logsAll, true))(t); v.ID != "v6" {
			t.Errorf("got %s after v5 was deleted, want v6", v.ID)
		}
		if got := must(s.Policy(ctx, p.ARN))(t); got.Default != "v6" || got.Document() != logsAll || got.Versions[0].ID != "v6" {
			t.Errorf("got %+v", got)
		}
		wants(t, s.DeletePolicy(ctx, p.ARN), fault.Conflict, "more than one version")
	})
	t.Run("refuse a document that does not parse, or is too long", func(t *testing.T) {
		_, err := s.CreatePolicy(ctx, NewPolicy{Name: "q", Document: `{"Version":"2012-10-17"}`})
		wants(t, err, fault.Invalid, "policy document")
		long := strings.Replace(readAll, `"*"`, `"arn:aws:s3:::b/`+strings.Repeat("k", maxManaged)+`"`, 1)
		_, err = s.CreateVersion(ctx, p.ARN, long, false)
		wants(t, err, fault.Limit, "PolicySize")
		spaced := strings.Replace(readAll, " ", "", -1) + strings.Repeat(" ", maxManaged)
		must(s.CreatePolicy(ctx, NewPolicy{Name: "spaced", Document: spaced}))(t)
	})
	t.Run("of AWS are there under their names and cannot be changed", func(t *testing.T) {
		admin := "arn:aws:iam::aws:policy/AdministratorAccess"
		if got := must(s.Policy(ctx, admin))(t); !got.AWS || got.Default != "v1" || len(got.Versions) != 1 {
			t.Errorf("got %+v", got)
		}
		_, err := s.CreateVersion(ctx, admin, readAll, true)
		wants(t, err, fault.Denied, "")
		wants(t, s.DeletePolicy(ctx, admin), fault.Denied, "")
		must(s.Create(ctx, User, New{Name: "u"}))(t)
		wants(t, s.Attach(ctx, User, "u", "arn:aws:iam::aws:policy/aws-service-role/LakeFormationDataAccessServiceRolePolicy"), fault.Conflict, "Service Role Policy")
		wants(t, s.Attach(ctx, User, "u", "arn:aws:iam::aws:policy/NoSuchPolicy"), fault.NotFound, "not attachable")
	})
	t.Run("are counted where they are attached", func(t *testing.T) {
		must(s.Create(ctx, Role, New{Name: "r", Trust: anyTrust, Boundary: p.ARN}))(t)
		ok(t, s.Attach(ctx, Role, "r", p.ARN))
		if got := must(s.Policy(ctx, p.ARN))(t); got.Attachments != 1 || got.Boundaries != 1 {
			t.Errorf("got %+v", got)
		}
		holders := must(s.Holders(ctx, p.ARN, true))(t)
		if len(holders) != 1 || holders[0].Name != "r" || holders[0].ARN == "" {
			t.Errorf("got %v", holders)
		}
	})
	t.Run("stay while they bound somebody", func(t *testing.T) {
		bound := must(s.CreatePolicy(ctx, NewPolicy{Name: "bound", Document: readAll}))(t)
		must(s.Create(ctx, User, New{Name: "bounded", Boundary: bound.ARN}))(t)
		wants(t, s.DeletePolicy(ctx, bound.ARN), fault.Conflict, "attached to entities")
		ok(t, s.SetBoundary(ctx, User, "bounded", ""))
		ok(t, s.DeletePolicy(ctx, bound.ARN))
	})
}

func TestAWSManagedPoliciesParse(t *testing.T) {
	for _, p := range awsPolicies() {
		if _, err := policy.Parse(policy.Identity, p.Document()); err != nil {
			t.Errorf("%s: %v", p.ARN, err)
		}
		if len(p.ID) != 21 || p.Description == "" {
			t.Errorf("%s has id %q, description %q", p.ARN, p.ID, p.Description)
		}
	}
	for _, name := range []string{"AdministratorAccess", "ReadOnlyAccess", "AmazonS3FullAccess", "AmazonAthenaFullAccess", "service-role/AWSGlueServiceRole",
		"CloudWatchLogsFullAccess", "AmazonKinesisFirehoseFullAccess", "AWSLakeFormationDataAdmin", "service-role/AWSLambdaBasicExecutionRole", "AmazonVPCFullAccess", "IAMFullAccess", "SecurityAudit"} {
		if _, ok := awsPolicy("arn:aws:iam::aws:policy/" + name); !ok {
			t.Errorf("%s is not there", name)
		}
	}
	for service, l := range linkedRoles {
		if _, ok := awsPolicy("arn:aws:iam::aws:policy" + linkedPath + l.policy); !ok {
			t.Errorf("%s: %s is not there", service, l.policy)
		}
	}
}

func TestQuotas(t *testing.T) {
	s := fresh(t)
	must(s.Create(ctx, User, New{Name: "u"}))(t)
	t.Run("ten managed policies", func(t *testing.T) {
		for i := range maxAttached {
			p := must(s.CreatePolicy(ctx, NewPolicy{Name: fmt.Sprint("p", i), Document: readAll}))(t)
			ok(t, s.Attach(ctx, User, "u", p.ARN))
			ok(t, s.Attach(ctx, User, "u", p.ARN)) // twice is once
		}
		wants(t, s.Attach(ctx, User, "u", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"), fault.Limit, "PoliciesPerUser: 10")
	})
	t.Run("2048 characters of inline policies", func(t *testing.T) {
		doc := strings.Replace(readAll, `"*"`, `"arn:aws:s3:::b/`+strings.Repeat("k", 1200)+`"`, 1)
		ok(t, s.PutInline(ctx, User, "u", "a", doc))
		ok(t, s.PutInline(ctx, User, "u", "a", doc)) // over itself
		wants(t, s.PutInline(ctx, User, "u", "b", doc), fault.Limit, "Maximum policy size of 2048 bytes exceeded for user u")
	})
	t.Run("two keys", func(t *testing.T) {
		for range 2 {
			_, _, err := s.CreateKey(ctx, "u")
			ok(t, err)
		}
		_, _, err := s.CreateKey(ctx, "u")
		wants(t, err, fault.Limit, "AccessKeysPerUser: 2")
	})
	t.Run("fifty tags, set over each other in any case", func(t *testing.T) {
		var tags []Tag
		for i := range maxTags {
			tags = append(tags, Tag{fmt.Sprint("k", i), "v"})
		}
		ok(t, s.SetTags(ctx, User, "u", tags))
		ok(t, s.SetTags(ctx, User, "u", []Tag{{"K7", "w"}}))
		wants(t, s.SetTags(ctx, User, "u", []Tag{{"more", ""}}), fault.Limit, "50")
		ok(t, s.DropTags(ctx, User, "u", []string{"k7", "none"}))
		if e := must(s.Get(ctx, User, "u"))(t); len(e.Tags) != maxTags-1 {
			t.Errorf("got %d tags", len(e.Tags))
		}
	})
	sum := must(s.Summary(ctx))(t)
	if sum["Users"] != 1 || sum["Policies"] != maxAttached || sum["PolicyVersionsInUse"] != maxAttached || sum["UsersQuota"] != 5000 {
		t.Errorf("got %v", sum)
	}
}

func TestAReaderOwnsWhatItReads(t *testing.T) {
	s := fresh(t)
	must(s.Create(ctx, User, New{Name: "u", Tags: []Tag{{"k", "v"}}}))(t)
	ok(t, s.PutInline(ctx, User, "u", "p", readAll))
	e := must(s.Get(ctx, User, "u"))(t)
	e.Tags[0].Value, e.Inline["p"] = "x", "x"
	if again := must(s.Get(ctx, User, "u"))(t); again.Tags[0].Value != "v" || again.Inline["p"] != readAll {
		t.Errorf("got %+v", again)
	}
	awsPolicies()[0].Versions[0].Document = "x"
	if awsPolicies()[0].Versions[0].Document == "x" {
		t.Error("a reader changed one of AWS's policies")
	}
}

func TestAlias(t *testing.T) {
	s := fresh(t)
	ok(t, s.SetAlias(ctx, "flow-lake"))
	ok(t, s.SetAlias(ctx, "flow-lake2"))
	if got := must(s.Alias(ctx))(t); got != "flow-lake2" {
		t.Errorf("got %q", got)
	}
	wants(t, s.DeleteAlias(ctx, "flow-lake"), fault.NotFound, "")
	ok(t, s.DeleteAlias(ctx, "flow-lake2"))
	for _, bad := range []string{"ab", "Upper", "a--b", "-ab", "ab-", strings.Repeat("a", 64)} {
		wants(t, s.SetAlias(ctx, bad), fault.Invalid, "")
	}
}

func TestAChangeThatWasAnsweredIsInForce(t *testing.T) {
	s := fresh(t)
	must(s.Create(ctx, User, New{Name: "u"}))(t)
	arn := "arn:aws:iam::123456789012:user/u"
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() { // who reads all the time, and fills the cache with what it reads
			for {
				select {
				case <-done:
					return
				default:
					if _, err := s.Principal(ctx, arn); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for i := range 40 {
		if i%2 == 0 {
			ok(t, s.PutInline(ctx, User, "u", "p", readAll))
		} else {
			ok(t, s.DeleteInline(ctx, User, "u", "p"))
		}
		if got := len(must(s.Principal(ctx, arn))(t).Policies); got != (i+1)%2 {
			t.Fatalf("after change %d %d policies are in force", i, got)
		}
	}
	close(done)
	readers.Wait()
}

// TestPoliciesInForce holds what Principal says against a model, over random changes.
func TestPoliciesInForce(t *testing.T) {
	s := fresh(t)
	var arns []string
	for i := range 3 {
		arns = append(arns, must(s.CreatePolicy(ctx, NewPolicy{Name: fmt.Sprint("p", i), Document: readAll}))(t).ARN)
	}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		user, g0, g1 := fmt.Sprint("u", run), fmt.Sprint("a", run), fmt.Sprint("b", run)
		must(s.Create(ctx, User, New{Name: user}))(t)
		for _, g := range []string{g0, g1} {
			must(s.Create(ctx, Group, New{Name: g}))(t)
		}
		own, in := map[string]bool{}, map[string]bool{}
		groups := map[string]map[string]bool{g0: {}, g1: {}}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			arn, g := rapid.SampledFrom(arns).Draw(rt, "arn"), rapid.SampledFrom([]string{g0, g1}).Draw(rt, "group")
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				ok(t, s.Attach(ctx, User, user, arn))
				own[arn] = true
			case 1:
				if (s.Detach(ctx, User, user, arn) == nil) != own[arn] {
					rt.Fatalf("detach %s: attached %v", arn, own[arn])
				}
				delete(own, arn)
			case 2:
				ok(t, s.Attach(ctx, Group, g, arn))
				groups[g][arn] = true
			case 3:
				if (s.Detach(ctx, Group, g, arn) == nil) != groups[g][arn] {
					rt.Fatalf("detach %s from %s: attached %v", arn, g, groups[g][arn])
				}
				delete(groups[g], arn)
			case 4:
				ok(t, s.AddToGroup(ctx, g, user))
				in[g] = true
			case 5:
				if (s.RemoveFromGroup(ctx, g, user) == nil) != in[g] {
					rt.Fatalf("remove from %s: in it %v", g, in[g])
				}
				delete(in, g)
			}
			want := map[string]bool{}
			for arn := range own {
				want["managed policy "+arn] = true
			}
			for g := range in {
				for arn := range groups[g] {
					want["managed policy "+arn+" of group "+g] = true
				}
			}
			got := names(must(s.Principal(ctx, "arn:aws:iam::123456789012:user/"+user))(t))
			slices.Sort(got)
			if !slices.Equal(got, sorted(want)) {
				rt.Fatalf("got %q, want %q", got, sorted(want))
			}
		}
	})
}
