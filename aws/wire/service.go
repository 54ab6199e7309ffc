package wire

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// service is a Service made ready to serve.
type service struct {
	Service
	byName  map[string]*operation
	maxBody int64 // the largest of its operations; a Query request is read before its operation is known
}

// operation is an Operation made ready.
type operation struct {
	Operation
	service  *service
	input    *shape
	output   *shape
	required []requirement
	names    map[string]bool // of a raw row: the parameters and headers it takes
	prefixes []string        // of a raw row: the beginnings of headers it takes

	eventShapes map[string]*shape
}

// requirement is a member that must be there, as the steps that lead to it.
type requirement struct {
	steps []int  // field indexes, through pointers, lists and maps
	wire  string // its path as messages show it
	empty bool   // it may be the empty string
}

// prepare compiles a checked service.
func prepare(svc Service) *service {
	s := &service{Service: svc, byName: make(map[string]*operation, len(svc.Operations))}
	c := &compiler{names: names{svc.LowerCamel, svc.Names}, enums: svc.Enums, known: map[reflect.Type]*shape{}}
	answers := c
	if svc.Protocol == EC2Query {
		answers = &compiler{names: names{true, svc.Answers}, known: map[reflect.Type]*shape{}}
	}
	for _, row := range svc.Operations {
		op := &operation{Operation: row, service: s}
		s.maxBody = max(s.maxBody, row.MaxBody)
		if row.raw != nil {
			op.names = make(map[string]bool)
			for _, list := range [][]string{row.Honoured, row.Recorded} {
				for _, name := range list {
					if prefix, ok := strings.CutSuffix(name, "*"); ok {
						op.prefixes = append(op.prefixes, prefix)
					} else {
						op.names[name] = true
					}
				}
			}
		} else {
			op.input = c.input(row.in, allow(row.Honoured, row.Recorded))
			op.output = answers.compile(row.out)
			op.eventShapes = make(map[string]*shape, len(row.events))
			for event, t := range row.events {
				op.eventShapes[event] = answers.compile(t)
			}
			for _, path := range row.Required {
				req := require(row.in, path, c.names)
				req.empty = slices.Contains(row.MayBeEmpty, path)
				op.required = append(op.required, req)
			}
		}
		s.byName[row.Name] = op
	}
	return s
}

// require finds the steps of a checked path.
func require(t reflect.Type, path string, n names) requirement {
	var req requirement
	var spelled []string
	for part := range strings.SplitSeq(path, ".") {
		t, _ = structOf(t)
		f, _ := t.FieldByName(part)
		req.steps = append(req.steps, f.Index[0])
		spelled = append(spelled, n.wire(t, part))
		t = f.Type
	}
	req.wire = strings.Join(spelled, ".")
	return req
}

// What is wrong with a required member, as AWS words it.
const (
	mustNotBeNull  = "Member must not be null"
	mustNotBeEmpty = "Member must have length greater than or equal to 1"
)

// lacks says what is wrong with a required member, "" for nothing. What is below an absent optional structure is not missing.
func lacks(v reflect.Value, steps []int) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return lacks(v.Elem(), steps)
		}
		if len(steps) == 0 {
			return mustNotBeNull
		}
	case reflect.Slice:
		if len(steps) == 0 && v.IsNil() {
			return mustNotBeNull
		}
		for i := 0; len(steps) > 0 && i < v.Len(); i++ {
			if what := lacks(v.Index(i), steps); what != "" {
				return what
			}
		}
	case reflect.Map:
		if len(steps) == 0 && v.IsNil() {
			return mustNotBeNull
		}
		for iter := v.MapRange(); len(steps) > 0 && iter.Next(); {
			if what := lacks(iter.Value(), steps); what != "" {
				return what
			}
		}
	case reflect.Struct:
		if len(steps) > 0 {
			return lacks(v.Field(steps[0]), steps[1:])
		}
	case reflect.String:
		switch {
		case v.Len() > 0:
		case v.Type() == reflect.TypeFor[string]():
			return mustNotBeEmpty
		default: // an enum, which has no pointer
			return mustNotBeNull
		}
	}
	return ""
}

// checkRequired refuses an input without what the row requires.
func (op *operation) checkRequired(in any) error {
	if len(op.required) == 0 {
		return nil
	}
	v := reflect.ValueOf(in).Elem()
	var wrong []violation
	for _, req := range op.required {
		what := lacks(v, req.steps)
		switch {
		case what == "", what == mustNotBeEmpty && req.empty:
		case op.service.Protocol == EC2Query:
			return missingParameter(req.wire)
		case what == mustNotBeEmpty:
			wrong = append(wrong, violation{"''", req.wire, what})
		default:
			wrong = append(wrong, violation{"null", req.wire, what})
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return violated(wrong...)
}

// decodeJSON makes the typed input of a JSON body.
func (op *operation) decodeJSON(body []byte) (any, error) {
	in := reflect.New(op.in)
	var err error
	if op.decode != nil {
		err = op.decode(body, in.Interface())
	} else {
		err = readJSON(body, op.input, in, op.Name)
	}
	if err != nil {
		return nil, err
	}
	return in.Interface(), op.checkRequired(in.Interface())
}

// decodeForm makes the typed input of a form.
func (op *operation) decodeForm(root *formNode) (any, error) {
	in := reflect.New(op.in)
	if err := readForm(root, op.input, in, op.Name, op.service.Protocol == EC2Query); err != nil {
		return nil, err
	}
	return in.Interface(), op.checkRequired(in.Interface())
}

// Check reports everything that is wrong with the tables: a row without permissions that is not Public, a member
// that the input does not have or that no codec reads, a required member that is refused, a name given twice, a rule
// that an earlier one hides.
func Check(services []Service) error {
	var errs []error
	seen := map[string]bool{}
	for i := range services {
		svc := &services[i]
		report := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("service %s: %w", svc.Name, fmt.Errorf(format, args...)))
		}
		id := svc.Name + " " + svc.Protocol.String()
		if seen[id] {
			report("%s is given twice", svc.Protocol)
		}
		seen[id] = true
		switch {
		case svc.Name == "" || svc.Title == "":
			report("it has no name or no title")
		case svc.Protocol < JSON11 || svc.Protocol > RestJSON:
			report("%s", svc.Protocol)
		case svc.Protocol == JSON11 && !strings.HasSuffix(svc.Target, "."):
			report("Target %q does not end in a dot", svc.Target)
		case svc.Protocol.form() && (svc.Target == "" || svc.Namespace == ""):
			report("a Query service has a version and a namespace")
		case svc.Protocol != EC2Query && svc.Answers != nil:
			report("%s spells its answers as its requests", svc.Protocol)
		case (svc.Protocol == RestXML) != (svc.Route != nil):
			report("a RestXML service has a Route, and no other")
		}
		checkRules(svc.Faults, report)
		ops := map[string]bool{}
		for j := range svc.Operations {
			op := &svc.Operations[j]
			if ops[op.Name] {
				report("operation %s is given twice", op.Name)
			}
			ops[op.Name] = true
			op.check(svc.Protocol, func(format string, args ...any) {
				report("operation %s: %w", op.Name, fmt.Errorf(format, args...))
			})
		}
	}
	return errors.Join(errs...)
}

func checkRules(rules []FaultRule, report func(string, ...any)) {
	for i, rule := range rules {
		if rule.Code == "" {
			report("fault rule %d has no code", i)
		}
		for _, earlier := range rules[:i] {
			if earlier.Kind == rule.Kind && (earlier.Noun == "" || earlier.Noun == rule.Noun) {
				report("the fault rule %s %q is hidden by an earlier one", rule.Kind, rule.Noun)
			}
		}
	}
}

// check reports what is wrong with one row.
func (op *Operation) check(p Protocol, report func(string, ...any)) {
	switch {
	case op.Name == "" || op.call == nil && op.raw == nil:
		report("it was not made by Op or Raw")
		return
	case op.Public == (len(op.Actions) > 0):
		report("it needs permissions, or is Public")
	case (p == RestXML) != (op.raw != nil):
		report("RestXML rows are Raw, and no others")
	case op.stream != nil && p != JSON11:
		report("an event stream is answered by JSON11 alone")
	case op.MaxBody < Unlimited || op.MaxBody < 0 && op.raw == nil:
		report("MaxBody %d", op.MaxBody)
	}
	for _, action := range op.Actions {
		if service, name, ok := strings.Cut(action, ":"); !ok || service == "" || name == "" {
			report("permission %q is no action", action)
		}
	}
	named := map[string]bool{}
	for _, list := range [][]string{op.Honoured, op.Recorded} {
		for _, member := range list {
			if named[member] {
				report("member %s is named twice", member)
			}
			named[member] = true
			if op.raw == nil {
				if err := checkPath(op.in, member); err != nil {
					report("%w", err)
				}
			} else if member != strings.ToLower(member) && !strings.HasPrefix(member, "?") {
				report("header %s is not in lower case", member)
			}
		}
	}
	for _, member := range op.Required {
		if err := checkPath(op.in, member); err != nil {
			report("required %w", err)
		} else if !covered(allow(op.Honoured, op.Recorded), member) {
			report("member %s is required and not named", member)
		}
	}
	for _, member := range op.MayBeEmpty {
		if !slices.Contains(op.Required, member) {
			report("member %s may be empty and is not required", member)
		}
	}
}

// covered reports whether a path is allowed, or leads to what is.
func covered(tree allowed, path string) bool {
	for part := range strings.SplitSeq(path, ".") {
		below, ok := tree[part]
		if !ok {
			return false
		}
		if len(below) == 0 {
			return true
		}
		tree = below
	}
	return true
}

// Decoder is the way from one operation's request body to its input, for fuzzing: see Decoders.
type Decoder struct {
	Service, Operation string
	Decode             func(body []byte) (in any, err error)
}

// Decoders returns the decoders of all typed operations: JSON bodies, and forms for Query. None may panic, whatever
// the body.
func Decoders(services []Service) ([]Decoder, error) {
	if err := Check(services); err != nil {
		return nil, err
	}
	var decoders []Decoder
	for _, svc := range services {
		s := prepare(svc)
		for _, row := range svc.Operations {
			op := s.byName[row.Name]
			switch {
			case row.raw != nil:
				continue
			case svc.Protocol.form():
				decoders = append(decoders, Decoder{svc.Name, row.Name, func(body []byte) (any, error) {
					pairs, err := parsePairs(string(body), maxForm)
					if err != nil {
						return nil, err
					}
					root, err := parseForm(pairs)
					if err != nil {
						return nil, err
					}
					return op.decodeForm(root)
				}})
			default:
				decoders = append(decoders, Decoder{svc.Name, row.Name, op.decodeJSON})
			}
		}
	}
	slices.SortFunc(decoders, func(a, b Decoder) int {
		return strings.Compare(a.Service+"."+a.Operation, b.Service+"."+b.Operation)
	})
	return decoders, nil
}
