package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"flowlake/access/policy"
	"flowlake/pipeline"
)

// takeaway is a server with the walk's administrator, on which each loss has a stage of the pipeline of its own, with the
// walk's policies.
type takeaway struct {
	*process
	*walk
	shared
	exporting sync.Mutex // one export task at a time runs in an account

	mu     sync.Mutex // guards broken, stages
	broken map[string]bool
	stages int
}

// stage is one step of the pipeline with an actor of its own.
type stage struct {
	*takeaway
	t  *testing.T
	id string // in the names of its things

	kind, name    string // of the actor: "role" or "user", and its name
	trust, policy string // its documents
	bucket        string // whose policy the step stands on
	bucketPolicy  string

	actor string // whose lines of the map the stage has; "" is the role's or user's ARN
	lines string // and what is in their Stage or Target

	// try takes the step, and returns what was said when it failed, "" when it worked. again is what comes of it after the
	// mend: where work waits, nothing is asked for again. nil is try.
	try, again func() string
}

// loss is one permission that is taken away.
type loss struct {
	name   string
	stage  func(*stage)
	take   func(*stage)
	named  string   // what the failure says: the action, or Lake Formation's words
	shown  []string // the actions that the map has as missing; nil: the one that is named
	silent string   // why the map has no line of it, where it has none
	hidden bool     // the failure may not say what would allow it: access explain does
	part   bool     // the failure is about one table, the map about all that there may be
}

// TestEveryPermissionOfThePipelineCounts takes away each permission in turn: the right step fails, names it, the map of
// access shows just that, and the statement that is printed makes the step work again.
func TestEveryPermissionOfThePipelineCounts(t *testing.T) {
	p := launch(t, t.TempDir(), "--publish-every", "1s", "--retry-for", "1h")
	all := &takeaway{process: p, walk: newWalk(p.config(""), io.Discard, "", sighting{}), broken: map[string]bool{}}
	ok(t, all.makeAdmin(t.Context()))
	all.prepare(t)
	var running sync.WaitGroup
	for _, l := range slices.Concat(spares, streamSpares) {
		running.Go(func() {
			t.Run("spare: "+l.name, func(t *testing.T) { all.spare(t, l) })
		})
	}
	for _, l := range slices.Concat(groupLosses, exportLosses, crawlLosses, queryLosses, placeLosses, fileLosses, subscriptionLosses, streamLosses) {
		running.Go(func() {
			t.Run(l.name, func(t *testing.T) { all.lose(t, l) })
		})
	}
	running.Wait()
	if t.Failed() {
		t.Log(p.stderr)
		return
	}
	t.Run("the map is whole, and each of its lines was broken once", all.whole)
}

// lose takes one permission away and gives it back as it is printed.
func (a *takeaway) lose(t *testing.T, l loss) {
	s := a.newStage(t)
	l.stage(s)
	l.take(s)
	said := s.try()
	if said == "" {
		t.Fatal("the step works without it")
	}
	if !strings.Contains(said, l.named) {
		t.Errorf("the failure does not name %s: %s", l.named, said)
	}
	missing := s.missing()
	want := l.shown
	if want == nil {
		want = []string{l.named}
	}
	if l.silent != "" {
		want = nil
	}
	if got := actionsOf(missing); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("the map shows %q as missing, not %q", got, want)
	}
	_, printed, _ := strings.Cut(said, "This would allow it, in ")
	where, add, _ := strings.Cut(printed, ":\n")
	var undo func()
	switch {
	case add != "":
		undo = s.add(where, add)
	case l.hidden:
		where, add = s.explained()
		undo = s.add(where, add)
	default:
		t.Fatalf("nothing is printed that would allow it: %s", said)
	}
	again := s.again
	if again == nil {
		again = s.try
	}
	if said := again(); said != "" {
		t.Errorf("with what was printed, in %s:\n%s\nit still fails: %s", where, add, said)
	}
	if left := s.missing(); len(left) > 0 && !l.part {
		t.Errorf("with what the failure printed, in %s:\n%s\nthe map still shows as missing %s", where, add, shownNeeds(left))
	}
	// What the map prints serves as well.
	if len(missing) == 0 {
		return
	}
	undo()
	s.addAll(missing)
	if left := s.missing(); len(left) > 0 {
		t.Errorf("with what the map printed: %s\nit still shows as missing %s", shownNeeds(missing), shownNeeds(left))
	}
	if s.again == nil {
		if said := s.try(); said != "" {
			t.Errorf("with what the map printed: %s\nit still fails: %s", shownNeeds(missing), said)
		}
	}
}

// explained is what flowlake access explain prints of the actor's grants on the shared table.
func (s *stage) explained() (where, add string) {
	s.t.Helper()
	out, errs, _ := runCommand(s.t, s.env(s.t), "", "access", "explain", "--principal", s.kind+"/"+s.name, "--action", "glue:GetTable",
		"--resource", "arn:aws:glue:"+defaultRegion+":"+defaultAccount+":table/"+takeawayDatabase+"/"+takeawayTable, "--output", "json")
	var x pipeline.Explanation
	ok(s.t, json.Unmarshal([]byte(out), &x))
	if x.Grants == nil || x.Grants.Add == "" {
		s.t.Fatalf("access explain says nothing of a grant: %s%s", out, errs)
	}
	return "a shell of a data lake administrator", x.Grants.Add
}

// addAll does all that the map prints for what it shows as missing, and returns what takes it back.
func (s *stage) addAll(missing []pipeline.Need) (undo func()) {
	s.t.Helper()
	byPlace := map[string][]string{}
	for _, n := range missing {
		if !slices.Contains(byPlace[n.AddWhere], n.Add) {
			byPlace[n.AddWhere] = append(byPlace[n.AddWhere], n.Add)
		}
	}
	var undos []func()
	for where, adds := range byPlace {
		if !strings.HasPrefix(adds[0], "aws ") {
			adds = []string{strings.Join(adds, ",")}
		}
		for _, what := range adds {
			undos = append(undos, s.add(where, what))
		}
	}
	return func() {
		for _, undo := range undos {
			undo()
		}
	}
}

// actionsOf are the actions of needs, each once.
func actionsOf(needs []pipeline.Need) []string {
	var out []string
	for _, n := range needs {
		out = append(out, n.Action)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func shownNeeds(needs []pipeline.Need) string {
	var b strings.Builder
	for _, n := range needs {
		fmt.Fprintf(&b, "\n%s on %s: %s\n%s, in %s", n.Action, n.Resource, n.Missing, n.Add, n.AddWhere)
	}
	return b.String()
}

// spare takes away what nothing needs here: the step works without it, and the map does not ask for it.
func (a *takeaway) spare(t *testing.T, l loss) {
	s := a.newStage(t)
	l.stage(s)
	l.take(s)
	if said := s.try(); said != "" {
		t.Errorf("the step fails without it, though %s: %s", l.silent, said)
	}
	if missing := s.missing(); !slices.Equal(actionsOf(missing), slices.Sorted(slices.Values(l.shown))) {
		t.Errorf("the map asks for %q, not %q, though %s: %s", actionsOf(missing), l.shown, l.silent, shownNeeds(missing))
	}
	if len(l.shown) > 0 {
		s.addAll(s.missing())
	}
}

// newStage begins a stage.
func (a *takeaway) newStage(t *testing.T) *stage {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stages++
	return &stage{takeaway: a, t: t, id: fmt.Sprintf("t%02d", a.stages)}
}

// mine reports whether a line of the map is the stage's.
func (s *stage) mine(p *pipeline.Step) bool {
	actor := s.actor
	if actor == "" {
		actor = "arn:aws:iam::" + defaultAccount + ":" + s.kind + "/" + s.name
	}
	return p.Actor == actor && (strings.Contains(p.Stage, s.lines) || strings.Contains(p.Target, s.lines))
}

// missing are the needs that the map shows as missing in the stage's lines.
func (s *stage) missing() (out []pipeline.Need) {
	s.t.Helper()
	m, err := accessMap(s.t.Context(), s.cfg)
	ok(s.t, err)
	for _, step := range m.Steps {
		if !s.mine(&step) {
			continue
		}
		for _, n := range step.Needs {
			if n.Allowed {
				continue
			}
			if n.Missing == "" || n.Add == "" || n.AddWhere == "" {
				s.t.Errorf("the map does not say how to mend %s: %+v", n.Action, n)
			}
			out = append(out, n)
			s.mu.Lock()
			s.broken[step.Why+": "+n.Action] = true
			s.mu.Unlock()
		}
	}
	return out
}

// whole asks for the map as an operator does.
func (a *takeaway) whole(t *testing.T) {
	var m pipeline.Map
	out, errs, code := runCommand(t, a.env(t), "", "access", "map", "--output", "json")
	ok(t, json.Unmarshal([]byte(out), &m))
	if code != 0 || len(m.Unseen) > 0 {
		t.Errorf("exit %d, %s, %v", code, errs, m.Unseen)
	}
	for _, s := range m.Steps {
		for _, n := range s.Needs {
			if !n.Allowed {
				t.Errorf("%s: %s → %s lacks %s: %s", s.Stage, s.Actor, s.Target, n.Action, n.Missing)
			}
			// Who loses all grants of a table is no reader of it any more, and has no line.
			if need := s.Why + ": " + n.Action; !a.broken[need] && n.Action != "lakeformation:Select" {
				a.broken[need] = true
				t.Errorf("no loss breaks the map's line %q (%s, %s)", need, s.Stage, s.Actor)
			}
		}
	}
}

// The ways to take something away.

// lacking takes an action out of the actor's policy. A pattern that covers it stays as all other actions that it covers here.
func lacking(action string) func(*stage) {
	return func(s *stage) {
		s.policy = edited(s.t, s.policy, func(statement map[string]any) bool {
			var kept []string
			for _, a := range textsOf(statement["Action"]) {
				switch {
				case !policy.Match(strings.ToLower(a), strings.ToLower(action)):
					kept = append(kept, a)
				case !strings.EqualFold(a, action):
					for _, other := range everyAction() {
						if policy.Match(strings.ToLower(a), strings.ToLower(other)) && other != action {
							kept = append(kept, other)
						}
					}
				}
			}
			statement["Action"] = kept
			return len(kept) > 0
		})
		s.put()
	}
}

// everyAction are the actions that any operation here asks for.
var everyAction = sync.OnceValue(func() []string {
	seen := map[string]bool{}
	for _, service := range services(rooms{}) {
		for _, op := range service.Operations {
			for _, a := range op.Actions {
				seen[a] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
})

// untrusted makes the role's trust policy one that names another service.
func untrusted(service string) func(*stage) {
	return func(s *stage) {
		s.trust = strings.ReplaceAll(s.trust, service, "ec2.amazonaws.com")
		s.setTrust(s.trust)
	}
}

// closed takes an action out of the bucket's policy.
func closed(action string) func(*stage) {
	return func(s *stage) {
		s.bucketPolicy = edited(s.t, s.bucketPolicy, func(statement map[string]any) bool {
			kept := slices.DeleteFunc(textsOf(statement["Action"]), func(a string) bool { return a == action })
			statement["Action"] = kept
			return len(kept) > 0
		})
		s.setBucketPolicy(s.bucket, s.bucketPolicy)
	}
}

// revoked takes a grant away.
func revoked(resource func(*stage) *lftypes.Resource, permissions ...lftypes.Permission) func(*stage) {
	return func(s *stage) { s.revoke(resource(s), permissions...) }
}

func (s *stage) revoke(resource *lftypes.Resource, permissions ...lftypes.Permission) {
	s.t.Helper()
	who := principal(s.kind + "/" + s.name)
	_, err := s.grants.RevokePermissions(s.t.Context(), &lakeformation.RevokePermissionsInput{Principal: &who, Resource: resource, Permissions: permissions})
	ok(s.t, err)
}

// edited changes the statements of a document, and leaves out those of which keep says so; "" when none is left.
func edited(t *testing.T, document string, keep func(statement map[string]any) bool) string {
	t.Helper()
	var d map[string]any
	ok(t, json.Unmarshal([]byte(document), &d))
	var kept []any
	for _, s := range d["Statement"].([]any) {
		if keep(s.(map[string]any)) {
			kept = append(kept, s)
		}
	}
	if d["Statement"] = kept; len(kept) == 0 {
		return ""
	}
	b, err := json.Marshal(d)
	ok(t, err)
	return string(b)
}

// textsOf is an element of a statement that is one text or several.
func textsOf(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, one := range v {
			out = append(out, one.(string))
		}
	}
	return out
}

// put makes the actor's policy what the stage says.
func (s *stage) put() {
	s.t.Helper()
	s.putPolicy(s.kind, s.name, s.name, s.policy)
}

func (s *stage) putPolicy(kind, name, called, document string) {
	s.t.Helper()
	ctx := s.t.Context()
	var err error
	switch {
	case kind == "role" && document == "":
		_, err = s.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &called})
	case kind == "role":
		_, err = s.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: &called, PolicyDocument: &document})
	case document == "":
		_, err = s.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: &called})
	default:
		_, err = s.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: &called, PolicyDocument: &document})
	}
	ok(s.t, err)
}

func (s *stage) setTrust(document string) {
	s.t.Helper()
	_, err := s.iam.UpdateAssumeRolePolicy(s.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &s.name, PolicyDocument: &document})
	ok(s.t, err)
}

func (s *stage) setBucketPolicy(bucket, document string) {
	s.t.Helper()
	var err error
	if document == "" {
		_, err = s.s3.DeleteBucketPolicy(s.t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &bucket})
	} else {
		_, err = s.s3.PutBucketPolicy(s.t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &document})
	}
	ok(s.t, err)
}

// add does what was printed, where it is said to belong, and returns what takes it back.
func (s *stage) add(where, what string) (undo func()) {
	s.t.Helper()
	if strings.HasPrefix(what, "aws lakeformation grant-permissions ") {
		if where != "a shell of a data lake administrator" {
			s.t.Errorf("a command belongs in %s", where)
		}
		line, _, _ := strings.Cut(what, "\n")
		return s.addGrant(shellWords(line))
	}
	statements := statementsIn(s.t, what)
	switch kind, name, _ := strings.Cut(where, " of "); {
	case kind == "an identity policy":
		kind, name, _ := strings.Cut(name, " ")
		s.putPolicy(kind, name, "added", extended(s.t, "", statements))
		return func() { s.putPolicy(kind, name, "added", "") }
	case kind == "the trust policy" && name == "role "+s.name:
		s.setTrust(extended(s.t, s.trust, statements))
		return func() { s.setTrust(s.trust) }
	case kind == "the bucket policy", kind == "a bucket policy":
		before := ""
		if out, err := s.s3.GetBucketPolicy(s.t.Context(), &s3.GetBucketPolicyInput{Bucket: &name}); err == nil {
			before = *out.Policy
		}
		s.setBucketPolicy(name, extended(s.t, before, statements))
		return func() { s.setBucketPolicy(name, before) }
	}
	s.t.Fatalf("it is printed for %q:\n%s", where, what)
	return nil
}

// addGrant does what an aws lakeformation grant-permissions command says.
func (s *stage) addGrant(command []string) (undo func()) {
	s.t.Helper()
	var to lftypes.DataLakePrincipal
	var resource lftypes.Resource
	var permissions []lftypes.Permission
	for i := 3; i < len(command); i++ {
		switch flag := command[i]; flag {
		case "--region":
			i++
			if command[i] != defaultRegion {
				s.t.Errorf("a grant in %s", command[i])
			}
		case "--principal":
			i++
			to.DataLakePrincipalIdentifier = aws.String(strings.TrimPrefix(command[i], "DataLakePrincipalIdentifier="))
		case "--resource":
			i++
			ok(s.t, json.Unmarshal([]byte(command[i]), &resource))
		case "--permissions":
			for ; i+1 < len(command) && !strings.HasPrefix(command[i+1], "--"); i++ {
				permissions = append(permissions, lftypes.Permission(command[i+1]))
			}
		default:
			s.t.Fatalf("the printed command has %s: %q", flag, command)
		}
	}
	_, err := s.grants.GrantPermissions(s.t.Context(), &lakeformation.GrantPermissionsInput{Principal: &to, Resource: &resource, Permissions: permissions})
	if err != nil {
		s.t.Fatalf("%q: %v", command, err)
	}
	return func() {
		_, err := s.grants.RevokePermissions(s.t.Context(), &lakeformation.RevokePermissionsInput{Principal: &to, Resource: &resource, Permissions: permissions})
		ok(s.t, err)
	}
}

// shellWords takes a line apart as a shell does, as far as it uses no more than single quotes.
func shellWords(line string) (out []string) {
	word, quoted, began := "", false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			quoted, began = !quoted, true
		case c == ' ' && !quoted:
			if began {
				out = append(out, word)
			}
			word, began = "", false
		case c == '\\' && !quoted && i+1 < len(line):
			i++
			word, began = word+string(line[i]), true
		default:
			word, began = word+string(c), true
		}
	}
	if began {
		out = append(out, word)
	}
	return out
}

// statementsIn are the JSON objects that a text begins with, commas between them.
func statementsIn(t *testing.T, text string) (out []json.RawMessage) {
	t.Helper()
	for more := true; more; {
		var one json.RawMessage
		d := json.NewDecoder(strings.NewReader(text))
		if err := d.Decode(&one); err != nil {
			t.Fatalf("what is printed is no statement: %v\n%s", err, text)
		}
		out = append(out, one)
		text, more = strings.CutPrefix(strings.TrimSpace(text[d.InputOffset():]), ",")
	}
	return out
}

// extended is a document with statements behind its own.
func extended(t *testing.T, document string, statements []json.RawMessage) string {
	t.Helper()
	d := map[string]any{"Version": "2012-10-17"}
	if document != "" {
		ok(t, json.Unmarshal([]byte(document), &d))
	}
	all, _ := d["Statement"].([]any)
	for _, s := range statements {
		all = append(all, s)
	}
	d["Statement"] = all
	b, err := json.Marshal(d)
	ok(t, err)
	return string(b)
}

// role makes the stage's actor a role.
func (s *stage) role(name, trust, document string) {
	s.t.Helper()
	s.kind, s.name, s.trust, s.policy = "role", name, trust, *fill(document)
	ok(s.t, s.newRole(s.t.Context(), name, &trust, document))
}

// told is an error's text, "" for none.
func told(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
