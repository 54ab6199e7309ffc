package catalog

import (
	"fmt"
	"strings"

	"flowlake/fault"
)

// PathStep is one step of a JSONPath: into the member of that name, or with an empty name into every
// element of an array, or every member of an object.
type PathStep struct {
	Name string
}

// ParseJSONPath parses the subset of JSONPath that Glue's JSON classifiers take: "$" and steps ".name",
// "['name']", "[*]" and ".*". The document that the path leads to is a row; after [*], each element is.
//
// Source: Glue developer guide, "Writing JSON custom classifiers"
func ParseJSONPath(text string) ([]PathStep, error) {
	fail := func(at int, format string, args ...any) ([]PathStep, error) {
		return nil, fault.Newf(fault.Invalid, "JSON path "+text, "%s at character %d", fmt.Sprintf(format, args...), at+1)
	}
	if len(text) > 2048 {
		return nil, fault.Newf(fault.Invalid, "JSON path", "it has %d characters; at most 2,048 are allowed", len(text))
	}
	if !strings.HasPrefix(text, "$") {
		return fail(0, "it does not begin with $")
	}
	var steps []PathStep
	for i := 1; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "[*]"):
			steps = append(steps, PathStep{})
			i += 3
		case strings.HasPrefix(rest, "['"), strings.HasPrefix(rest, `["`):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end <= 0 {
				return fail(i, "the bracket has no name that ends with %s]", rest[1:2])
			}
			steps = append(steps, PathStep{Name: rest[2 : 2+end]})
			i += end + 4
		case strings.HasPrefix(rest, ".."):
			return fail(i, "recursive descent (..) is not supported")
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			n := rest[1 : 1+end]
			switch {
			case n == "":
				return fail(i+1, "the name is empty")
			case n == "*":
				n = ""
			case strings.ContainsAny(n, " ()?@*'\"]"):
				return fail(i+1, "%q is not a name", n)
			}
			steps = append(steps, PathStep{Name: n})
			i += 1 + end
		case rest[0] == '[':
			return fail(i, "only [*] and ['name'] are supported in brackets")
		default:
			return fail(i, "%q is not expected", rest[:1])
		}
	}
	return steps, nil
}
