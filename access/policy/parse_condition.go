package policy

import (
	"regexp"
	"strings"
	"unique"
)

// conditionKey is a key's form: its service, a colon and its name, which may hold a tag's key after a slash.
//
// Source: IAM user guide, "Tags for AWS Identity and Access Management resources" for the characters of tags.
var conditionKey = regexp.MustCompile(`^[A-Za-z0-9-]+:[\p{L}\p{N}_.:/=+@ -]+$`)

// validKey reports whether text can be a context key.
func validKey(text string) bool { return len(text) <= 512 && conditionKey.MatchString(text) }

func (p *parser) conditions(s *statement, _ *node, have map[string]*node) error {
	block := have["Condition"]
	if block == nil {
		return nil
	}
	if block.kind != anObject {
		return p.fail(block.at, "Condition", syntaxErrors, "it is %s, not an object", block.kind)
	}
	for i := range block.members {
		m := &block.members[i]
		c, err := p.readOperator(m)
		if err != nil {
			return err
		}
		if m.value.kind != anObject {
			return p.fail(m.value.at, "Condition "+m.name, syntaxErrors, "it is %s, not an object of keys and values", m.value.kind)
		}
		lower := make(map[string]bool)
		for j := range m.value.members {
			key := &m.value.members[j]
			if lower[strings.ToLower(key.name)] {
				return p.fail(key.at, "Condition "+m.name, syntaxErrors, "%s is there twice; keys have no case", short(key.name))
			}
			lower[strings.ToLower(key.name)] = true
			full := c
			if err := p.readKey(&full, key); err != nil {
				return err
			}
			s.conditions = append(s.conditions, full)
		}
	}
	return nil
}

// readOperator reads a name such as "ForAnyValue:StringLikeIfExists".
func (p *parser) readOperator(m *member) (condition, error) {
	c := condition{name: m.name}
	base := m.name
	if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		c.qualifier, base = forAll, rest
	} else if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		c.qualifier, base = forAny, rest
	}
	if rest, ok := strings.CutSuffix(base, "IfExists"); ok {
		c.ifExists, base = true, rest
	}
	op, ok := operators[base]
	if !ok {
		hint := ""
		for known := range operators {
			if strings.EqualFold(known, base) {
				hint = "it is spelled " + known
			}
		}
		return c, p.fail(m.at, "Condition", "Invalid Condition type : "+short(m.name), "%s", hint)
	}
	c.operator = op
	if op.family == isNull && (c.ifExists || c.qualifier != noQualifier) {
		return c, p.fail(m.at, "Condition", "Invalid Condition type : "+m.name, "Null takes neither IfExists nor a set's qualifier")
	}
	return c, nil
}

// readKey reads a key of an operator with its values into c.
func (p *parser) readKey(c *condition, m *member) error {
	element := "Condition " + c.name
	switch {
	case !strings.Contains(m.name, ":"):
		return p.fail(m.at, element, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", "the key %q has no service before a colon", short(m.name))
	case !validKey(m.name):
		return p.fail(m.at, element, "Policy has an invalid condition key", "%q", short(m.name))
	}
	c.key, c.lower = m.name, unique.Make(strings.ToLower(m.name)).Value() // equal ones are one text, which compares at once
	element += " " + short(m.name)
	list := []node{m.value}
	if m.value.kind == aList {
		list = m.value.items
	}
	if len(list) == 0 {
		return p.fail(m.value.at, element, syntaxErrors, "the list is empty")
	}
	for _, v := range list {
		switch v.kind { // AWS takes numbers and booleans for their text
		case aString, aNumber, aBool:
		default:
			return p.fail(v.at, element, syntaxErrors, "it is %s, not a string", v.kind)
		}
		operand, what := compileOperand(c.operator, v.text, p.variables)
		if what != "" {
			return p.fail(v.at, element, syntaxErrors, "%q is not %s", short(v.text), what)
		}
		c.values = append(c.values, operand)
		c.vars = c.vars || operand.hasVariables()
		c.written = append(c.written, v.text)
	}
	return nil
}
