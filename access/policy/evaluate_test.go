package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const account = "111111111111"

// people are those who ask in the table.
var people = map[string]Principal{
	"root":     {Account: account, ARN: "arn:aws:iam::" + account + ":root"},
	"ana":      {Account: account, ARN: "arn:aws:iam::" + account + ":user/ana", ID: "AIDAANAANAANAANAANAA"},
	"ben":      {Account: account, ARN: "arn:aws:iam::" + account + ":user/ben", ID: "AIDABENBENBENBENBENB"},
	"crawler":  {Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/crawler/run", Role: "arn:aws:iam::" + account + ":role/crawler", ID: "AROACRAWLERCRAWLERCR"},
	"logs":     {Account: account, Service: "logs.us-east-1.amazonaws.com"},
	"delivery": {Account: account, Service: "delivery.logs.amazonaws.com"},
	"mallory":  {Account: "222222222222", ARN: "arn:aws:iam::222222222222:root"},
	"trudy":    {Account: "222222222222", ARN: "arn:aws:sts::222222222222:assumed-role/trudy/run", Role: "arn:aws:iam::222222222222:role/trudy", ID: "AROATRUDYTRUDYTRUDYT"},
	"eve":      {Account: "222222222222", ARN: "arn:aws:iam::222222222222:user/eve", ID: "AIDAEVEEVEEVEEVEEVEE"},
}

// section is a part of a file of testdata/cases.
type section struct {
	title    string
	policies Policies
	ask      string
}

// TestDecisions reads testdata/cases, which people can read too: README.md there says how.
func TestDecisions(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	total := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s section
		lines := strings.Split(string(text), "\n")
		for i := 0; i < len(lines); i++ {
			line := strings.TrimSpace(lines[i])
			word, rest, _ := strings.Cut(line, " ")
			switch word {
			case "":
			case "#":
				s = section{title: rest}
			case "ask":
				s.ask = rest
			case "when":
				s.add(t, "identity", "p", []string{`{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + rest + `}`})
			case "identity", "boundary", "session", "resource", "trust":
				from := i + 1
				for i++; i < len(lines) && strings.HasPrefix(lines[i], "{"); i++ {
				}
				s.add(t, word, rest, lines[from:i])
			default:
				total++
				s.decide(t, fmt.Sprintf("%s:%d: %s", filepath.Base(file), i+1, s.title), line)
			}
		}
	}
	t.Logf("%d decisions", total)
	if total < 300 {
		t.Errorf("%d decisions are fewer than 300", total)
	}
}

func (s *section) add(t *testing.T, kind, name string, statements []string) {
	t.Helper()
	name, version, old := strings.Cut(name, " ")
	if !old {
		version = "2012-10-17"
	} else {
		version += "-10-17"
	}
	k := Identity
	switch kind {
	case "resource":
		k = Resource
	case "trust":
		k = Trust
	}
	d, err := Parse(k, `{"Version":"`+version+`","Statement":[`+strings.Join(statements, ",\n")+`]}`)
	if err != nil {
		t.Fatalf("%s: policy %s: %v", s.title, name, err)
	}
	source := Source{Name: name, Document: d}
	switch kind {
	case "identity":
		s.policies.Identity = append(s.policies.Identity, source)
	case "boundary":
		s.policies.Boundary = &source
	case "session":
		s.policies.Session = append(s.policies.Session, source)
	default:
		s.policies.Resource = &source
	}
}

func (s *section) decide(t *testing.T, name, line string) {
	t.Helper()
	columns := strings.Split(line, "|")
	if len(columns) != 3 {
		t.Fatalf("%s: %q has not three columns", name, line)
	}
	ask := strings.TrimSpace(columns[0])
	if ask == "" {
		ask = s.ask
	}
	words := strings.SplitN(ask, " ", 3)
	who, ok := people[words[0]]
	if !ok || len(words) != 3 {
		t.Fatalf("%s: %q is no question", name, ask)
	}
	r := Request{Principal: who, Action: words[1], Resource: words[2], Owner: account}
	for pair := range strings.SplitSeq(columns[1], ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
			r.Context = append(r.Context, Entry{Key: key, Values: strings.Split(value, ",")})
		}
	}
	p := s.policies
	p.Root = words[0] == "root" || words[0] == "mallory"
	got := sayDecision(Evaluate(&r, &p))
	if want := strings.TrimSpace(columns[2]); got != want {
		t.Errorf("%s\n%s\n got %s", name, line, got)
	}
}

func TestAResourceWithoutAnOwnerIsThePrincipalsOwn(t *testing.T) {
	d, err := Parse(Identity, statementOf(`"Effect":"Allow","Action":"iam:GetPolicy","Resource":"arn:aws:iam::aws:policy/*"`))
	if err != nil {
		t.Fatal(err)
	}
	r := Request{Principal: people["ana"], Action: "iam:GetPolicy", Resource: "arn:aws:iam::aws:policy/ReadOnlyAccess"}
	if got := Evaluate(&r, &Policies{Identity: []Source{{"p", d}}}); !got.Allowed {
		t.Errorf("got %+v", got)
	}
}

// sayDecision writes a decision as the table does.
func sayDecision(d Decision) string {
	statement := fmt.Sprintf("%s %d %s", d.Source, d.Statement, d.Sid)
	text := ""
	switch d.Reason {
	case AllowedByIdentity:
		text = "yes, " + statement
	case AllowedByResource:
		text = "yes, by resource " + statement
	case AllowedAsRoot:
		text = "yes, root"
	case ExplicitDeny:
		text = "no, " + strings.TrimSpace(statement) + " denies"
	case NoIdentityAllow:
		text = "no, identity"
	case NoBoundaryAllow:
		text = "no, boundary " + d.Source
	case NoSessionAllow:
		text = "no, session " + d.Source
	case NoResourceAllow:
		text = "no, resource " + d.Source
	case NoTrust:
		text = "no, trust " + d.Source
	}
	if d.Allowed != strings.HasPrefix(text, "yes") {
		text += fmt.Sprintf(" but Allowed is %v", d.Allowed)
	}
	return strings.TrimSpace(text)
}
