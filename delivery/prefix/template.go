package prefix

import (
	"slices"
	"strings"

	"flowlake/fault"

	"github.com/google/uuid"
)

// kind is what a part of a template is replaced by.
type kind uint8

const (
	literal kind = iota
	timestamp
	random
	failureType
	queryKey
	lambdaKey
)

// part is a literal or an expression.
type part struct {
	kind   kind
	text   string // the literal, or the key's name
	format javaTime
}

// template is a prefix taken apart.
type template []part

// parse takes a prefix apart. name is what errors call it.
func parse(name, text string) (template, error) {
	var t template
	for text != "" {
		at := strings.Index(text, "!{")
		if at < 0 {
			return append(t, part{text: text}), nil
		}
		if at > 0 {
			t = append(t, part{text: text[:at]})
		}
		text = text[at+2:]
		end := strings.IndexByte(text, '}')
		if end < 0 {
			return nil, fault.Newf(fault.Invalid, name, "an expression is not closed: !{%s", text)
		}
		p, err := expression(name, text[:end])
		if err != nil {
			return nil, err
		}
		t = append(t, p)
		text = text[end+1:]
	}
	return t, nil
}

// expression reads what is between !{ and }.
func expression(name, text string) (part, error) {
	bad := func(format string, args ...any) (part, error) {
		return part{}, fault.Newf(fault.Invalid, name, "!{"+strings.ReplaceAll(text, "%", "%%")+"}: "+format, args...)
	}
	space, value, ok := strings.Cut(text, ":")
	if !ok || strings.Contains(text, "!{") {
		return bad("an expression has the form !{namespace:value}")
	}
	switch space {
	case "timestamp":
		format, err := parseJavaTime(value)
		if err != nil {
			return bad("%s", err.Error())
		}
		return part{kind: timestamp, format: format}, nil
	case "firehose":
		switch value {
		case "random-string":
			return part{kind: random}, nil
		case "error-output-type":
			return part{kind: failureType}, nil
		}
		return bad("the namespace firehose has random-string and error-output-type")
	case "partitionKeyFromQuery", "partitionKeyFromLambda":
		if value == "" {
			return bad("the partition key has no name")
		}
		if space == "partitionKeyFromQuery" {
			return part{kind: queryKey, text: value}, nil
		}
		return part{kind: lambdaKey, text: value}, nil
	}
	return bad("the namespaces are firehose, timestamp, partitionKeyFromQuery and partitionKeyFromLambda")
}

func (t template) has(k kind) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.kind == k })
}

func (t template) expressions() bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.kind != literal })
}

func (t template) partitioned() bool { return t.has(queryKey) || t.has(lambdaKey) }

func (t template) names(k kind) (names []string) {
	for _, p := range t {
		if p.kind == k && !slices.Contains(names, p.text) {
			names = append(names, p.text)
		}
	}
	return names
}

// evaluate replaces the expressions.
func (l *Layout) evaluate(name string, t template, b Batch, failure string, k Keys) (string, error) {
	var out strings.Builder
	at := b.Oldest.In(l.zone)
	randoms := byte(0)
	for _, p := range t {
		switch p.kind {
		case literal:
			out.WriteString(p.text)
		case timestamp:
			out.Write(p.format.append(nil, at))
		case random:
			out.WriteString(randomString(b.ID, randoms))
			randoms++
		case failureType:
			out.WriteString(failure)
		case queryKey, lambdaKey:
			values := k.Query
			if p.kind == lambdaKey {
				values = k.Lambda
			}
			value := values[p.text]
			if value == "" {
				return "", fault.Newf(fault.Invalid, "partition key "+p.text, "has no value")
			}
			out.WriteString(value)
		}
	}
	if out.Len() > MaxEvaluated {
		return "", fault.Newf(fault.Invalid, name, "is %d characters long with its expressions evaluated, and may have %d", out.Len(), MaxEvaluated)
	}
	return out.String(), nil
}

// randomLength is how long AWS's random strings are.
const randomLength = 11

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomString looks random and follows from the object's id and the place among the template's random strings.
func randomString(id uuid.UUID, place byte) string {
	sum := uuid.NewSHA1(id, []byte{'r', place})
	var out [randomLength]byte
	for i := range out {
		out[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(out[:])
}
