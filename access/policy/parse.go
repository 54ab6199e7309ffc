package policy

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"flowlake/fault"
)

// MaxBytes is the most that Parse reads. The quotas of each kind of policy are smaller, and are asked where it is
// stored; see Size.
//
// Source: IAM API reference, the maximum length of PolicyDocument.
const MaxBytes = 131072

// maxStatements keeps a document of MaxBytes from costing more than its bytes.
const maxStatements = 2048

// Parse reads and checks a document by the grammar of its kind. Its error is fault.Invalid with the noun "policy
// document"; it begins with AWS's sentence where AWS has one, and names the statement, the element, line and column.
//
// Differs from AWS: a value that its operator can never compare (DateLessThan "soon"), two members of one name,
// and principals of type CanonicalUser are refused.
//
// Source: IAM user guide, "Grammar of the IAM JSON policy language"; the sentences are IAM's and S3's own.
func Parse(kind Kind, text string) (*Document, error) {
	if len(text) > MaxBytes {
		return nil, fault.Newf(fault.Invalid, noun, "it has %d bytes, more than %d", len(text), MaxBytes)
	}
	p := parser{kind: kind, text: text}
	return p.document()
}

const noun = "policy document"

// parser reads one document. Its methods return errors of fault.Invalid with the place.
type parser struct {
	kind      Kind
	text      string
	variables bool // the version has them
	statement int  // the one at hand, from 1; 0 before the first
	sid       string
}

// fail returns the error of the element (or "") at an offset: AWS's sentence, then the place and what is wrong there.
func (p *parser) fail(at int, element, sentence, format string, args ...any) error {
	before := p.text[:min(at, len(p.text))]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	var place strings.Builder
	if p.statement > 0 {
		fmt.Fprintf(&place, "statement %d", p.statement)
		if p.sid != "" {
			fmt.Fprintf(&place, " (%s)", short(p.sid))
		}
		place.WriteString(", ")
	}
	if element != "" {
		place.WriteString(element + ", ")
	}
	fmt.Fprintf(&place, "line %d, column %d", line, column)
	if what := fmt.Sprintf(format, args...); what != "" {
		place.WriteString(": " + what)
	}
	return fault.Newf(fault.Invalid, noun, "%s (%s)", sentence, place.String())
}

// short cuts a value to what fits an error.
func short(text string) string {
	if len(text) <= 80 {
		return text
	}
	cut := 77
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}

// AWS's sentences.
const (
	syntaxErrors = "Syntax errors in policy."
	invalidJSON  = "This policy contains invalid Json"
)

func (p *parser) document() (*Document, error) {
	if !utf8.ValidString(p.text) {
		return nil, p.fail(0, "", syntaxErrors, "it is not UTF-8")
	}
	for at, c := range p.text {
		if p.kind != Resource && (c > 0xff || c < ' ' && c != '\t' && c != '\n' && c != '\r') {
			return nil, p.fail(at, "", "The specified value for policyDocument is invalid. It must contain only printable ASCII characters.", "%q is none", c)
		}
	}
	root, bad := readJSON(p.text)
	if bad != nil {
		return nil, p.fail(bad.at, "", invalidJSON, "%s", bad.what)
	}
	if root.kind != anObject {
		return nil, p.fail(root.at, "", syntaxErrors, "it is %s, not an object", root.kind)
	}
	d := &Document{text: p.text, kind: p.kind, version: "2008-10-17"}
	var statements *node
	for i := range root.members {
		m := &root.members[i]
		switch m.name {
		case "Version":
			if m.value.kind != aString || m.value.text != "2012-10-17" && m.value.text != "2008-10-17" {
				return nil, p.fail(m.value.at, "Version", syntaxErrors, "the versions are \"2012-10-17\" and \"2008-10-17\"")
			}
			d.version = m.value.text
		case "Id":
			if m.value.kind != aString {
				return nil, p.fail(m.value.at, "Id", syntaxErrors, "it is %s, not a string", m.value.kind)
			}
			d.id = m.value.text
		case "Statement":
			statements = &m.value
		default:
			return nil, p.unknown(m, "Version", "Id", "Statement")
		}
	}
	p.variables = d.version == "2012-10-17"
	if statements == nil {
		return nil, p.fail(root.at, "", syntaxErrors, "Statement is missing")
	}
	list := []node{*statements}
	if statements.kind == aList {
		list = statements.items
	}
	if len(list) == 0 || len(list) > maxStatements {
		return nil, p.fail(statements.at, "Statement", syntaxErrors, "%d statements, where 1 to %d can be", len(list), maxStatements)
	}
	sids := make(map[string]int)
	for i := range list {
		p.statement, p.sid = i+1, ""
		s, err := p.readStatement(&list[i])
		if err != nil {
			return nil, err
		}
		if first, twice := sids[s.sid]; twice && s.sid != "" {
			return nil, p.fail(list[i].at, "Sid", "Statement IDs (SID) in a single policy must be unique.", "statement %d has it too", first)
		}
		sids[s.sid] = i + 1
		d.statements = append(d.statements, s)
	}
	return d, nil
}

// unknown refuses a member, and names the one that it resembles.
func (p *parser) unknown(m *member, known ...string) error {
	hint := "it is none of " + strings.Join(known, ", ")
	for _, k := range known {
		if strings.EqualFold(k, m.name) || strings.EqualFold(k+"s", m.name) || strings.EqualFold(k, m.name+"s") {
			hint = "it is spelled " + k
		}
	}
	return p.fail(m.at, "", syntaxErrors, "unknown element %q: %s", short(m.name), hint)
}

var (
	iamSid = regexp.MustCompile(`^[0-9A-Za-z]*$`)
	order  = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)

func (p *parser) readStatement(n *node) (*statement, error) {
	if n.kind != anObject {
		return nil, p.fail(n.at, "", syntaxErrors, "it is %s, not an object", n.kind)
	}
	have := make(map[string]*node, len(n.members))
	for i := range n.members {
		have[n.members[i].name] = &n.members[i].value
	}
	if sid := have["Sid"]; sid != nil && sid.kind == aString {
		p.sid = sid.text // all that follows names it
	}
	for i := range n.members {
		known := false
		for _, name := range order {
			known = known || name == n.members[i].name
		}
		if !known {
			return nil, p.unknown(&n.members[i], order...)
		}
	}
	for _, name := range []string{"Principal", "Action", "Resource"} {
		if twin := have["Not"+name]; have[name] != nil && twin != nil {
			return nil, p.fail(twin.at, "Not"+name, syntaxErrors, "%s is there too", name)
		}
	}
	s := &statement{number: p.statement, sid: p.sid}
	if sid := have["Sid"]; sid != nil {
		switch {
		case sid.kind != aString:
			return nil, p.fail(sid.at, "Sid", syntaxErrors, "it is %s, not a string", sid.kind)
		case p.kind != Resource && !iamSid.MatchString(sid.text):
			return nil, p.fail(sid.at, "Sid", "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*", "")
		}
	}
	effect := have["Effect"]
	switch {
	case effect == nil:
		return nil, p.fail(n.at, "", "Missing required field Effect", "it is Allow or Deny")
	case effect.kind != aString || effect.text != "Allow" && effect.text != "Deny":
		return nil, p.fail(effect.at, "Effect", syntaxErrors, "it is \"Allow\" or \"Deny\", and case counts")
	}
	s.allow = effect.text == "Allow"
	for _, read := range []func(*statement, *node, map[string]*node) error{p.principals, p.actions, p.resources, p.conditions} {
		if err := read(s, n, have); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// either returns the element of the two names that the statement has, with its name.
func either(have map[string]*node, name string) (*node, string, bool) {
	if n := have[name]; n != nil {
		return n, name, false
	}
	return have["Not"+name], "Not" + name, true
}

// texts reads a string or a list of strings, with their places.
func (p *parser) texts(n *node, element, whenEmpty string) ([]node, error) {
	list := []node{*n}
	if n.kind == aList {
		list = n.items
	}
	if len(list) == 0 {
		return nil, p.fail(n.at, element, whenEmpty, "the list is empty")
	}
	for i := range list {
		switch item := &list[i]; {
		case item.kind != aString:
			return nil, p.fail(item.at, element, syntaxErrors, "it is %s, not a string", item.kind)
		case strings.IndexFunc(item.text, unicode.IsControl) >= 0:
			return nil, p.fail(item.at, element, syntaxErrors, "a control character stands in it")
		}
	}
	return list, nil
}

var (
	vendor     = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)
	actionName = regexp.MustCompile(`^[A-Za-z0-9*?_-]+$`)
)

func (p *parser) actions(s *statement, n *node, have map[string]*node) error {
	const missing = "Policy statement must contain actions."
	list, element, not := either(have, "Action")
	if list == nil {
		return p.fail(n.at, "", missing, "Action or NotAction is missing")
	}
	s.notAction = not
	texts, err := p.texts(list, element, missing)
	if err != nil {
		return err
	}
	for _, t := range texts {
		name, action, ok := strings.Cut(t.text, ":")
		switch {
		case t.text == "*":
		case !ok:
			return p.fail(t.at, element, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", "%q is not of the form service:Action", short(t.text))
		case strings.Contains(action, ":"):
			return p.fail(t.at, element, "Actions/Condition can contain only one colon.", "%q", short(t.text))
		case !vendor.MatchString(name):
			return p.fail(t.at, element, "Vendor "+short(name)+" is not valid", "a service's name has no wildcards")
		case !actionName.MatchString(action) || len(t.text) > 128:
			return p.fail(t.at, element, syntaxErrors, "%q is no action", short(t.text))
		}
		if p.kind == Trust && !strings.EqualFold(name, "sts") {
			return p.fail(t.at, element, "AssumeRole policy may only specify STS AssumeRole actions.", "%q is none", short(t.text))
		}
		s.actions = append(s.actions, t.text)
	}
	return nil
}

func (p *parser) resources(s *statement, n *node, have map[string]*node) error {
	const missing = "Policy statement must contain resources."
	list, element, not := either(have, "Resource")
	switch {
	case p.kind == Trust && list == nil:
		s.resources, s.anyResource = nil, true
		return nil
	case p.kind == Trust:
		return p.fail(list.at, element, "Has prohibited field "+element, "a trust policy is about its own role")
	case list == nil && p.kind == Resource:
		return p.fail(n.at, "", "Missing required field Resource", "Resource or NotResource is missing")
	case list == nil:
		return p.fail(n.at, "", missing, "Resource or NotResource is missing")
	}
	s.notResource = not
	texts, err := p.texts(list, element, missing)
	if err != nil {
		return err
	}
	for _, t := range texts {
		if sentence, what := p.checkResource(t.text); sentence != "" {
			return p.fail(t.at, element, sentence, "%s", what)
		}
		s.resources = append(s.resources, t.text)
		s.arns = append(s.arns, compileARN(t.text, p.variables))
	}
	return nil
}

// iamPaths are the kinds of IAM's resources, in the order of AWS's sentence.
var iamPaths = []string{"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
	"sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/"}

// checkResource returns AWS's sentence for what is wrong with a resource, with more words, or "".
func (p *parser) checkResource(text string) (sentence, what string) {
	if text == "*" {
		return "", ""
	}
	parts := splitPattern(text, p.variables)
	switch {
	case parts[0] != "arn" || len(parts) < 2:
		return fmt.Sprintf("Resource %s must be in ARN format or \"*\".", short(text)), "arn:aws:service:region:account:resource"
	case len(text) > 2048:
		return syntaxErrors, "no ARN has more than 2048 characters"
	case parts[1] != "aws" && parts[1] != "aws-cn" && parts[1] != "aws-us-gov" && parts[1] != "*":
		return fmt.Sprintf("Partition %q is not valid for resource %q.", short(parts[1]), short(text)), "it is aws, aws-cn or aws-us-gov"
	case len(parts) < 3 || !vendor.MatchString(parts[2]):
		return "Resource vendor must be fully qualified and cannot contain regexes.", "the third part of " + short(text) + " names a service"
	case len(parts) < 6 || parts[5] == "":
		return "The policy failed legacy parsing", short(text) + " has not the six parts of an ARN, arn:aws:service:region:account:resource"
	case parts[2] == "s3" && parts[3] != "" && !strings.HasPrefix(parts[5], "accesspoint/"):
		return fmt.Sprintf("Resource %s can not contain region information.", short(text)), "a bucket's name is one in all regions"
	case parts[2] == "iam" && parts[3] != "":
		return fmt.Sprintf("IAM resource %s cannot contain region information.", short(text)), "identities are one in all regions"
	case parts[2] == "iam" && parts[5] != "*":
		for _, path := range iamPaths {
			if strings.HasPrefix(parts[5], path) {
				return "", ""
			}
		}
		return "IAM resource path must either be \"*\" or start with " + strings.Join(iamPaths, ", ") + ".", short(text)
	}
	return "", ""
}

func (p *parser) principals(s *statement, n *node, have map[string]*node) error {
	list, element, not := either(have, "Principal")
	switch {
	case p.kind == Identity && list != nil:
		return p.fail(list.at, element, "Policy document should not specify a principal.", "whom it is attached to is the principal")
	case p.kind == Identity:
		return nil
	case list == nil:
		return p.fail(n.at, "", "Missing required field Principal", "who is allowed or denied")
	case p.kind == Trust && not:
		return p.fail(list.at, element, "Has prohibited field NotPrincipal", "a trust policy names those whom it trusts")
	}
	s.notPrincipal = not
	const invalid = "Invalid principal in policy"
	if list.kind == aString {
		if list.text != "*" {
			return p.fail(list.at, element, invalid, "%q is not \"*\" or {\"AWS\": …} or {\"Service\": …}", short(list.text))
		}
		s.principals = []named{{Name: Name{Type: "*", Value: "*"}}}
		return nil
	}
	if list.kind != anObject || len(list.members) == 0 {
		return p.fail(list.at, element, invalid, "it is \"*\" or {\"AWS\": …} or {\"Service\": …}")
	}
	for _, m := range list.members {
		texts, err := p.texts(&m.value, element, invalid)
		if err != nil {
			return err
		}
		for _, t := range texts {
			name := Name{Type: m.name, Value: t.text}
			if what := checkName(name); what != "" {
				return p.fail(t.at, element, invalid+fmt.Sprintf(": %q:%q", short(m.name), short(t.text)), "%s", what)
			}
			s.principals = append(s.principals, named{name, name.wholeAccount()})
		}
	}
	return nil
}
