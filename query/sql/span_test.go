package sql

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkSpans walks a tree: every node lies inside its parent and inside text, is not empty, and begins
// and ends with a token.
func checkSpans(text string, root Node) error {
	var check func(parent, n Node) error
	check = func(parent, n Node) error {
		s := n.Bounds()
		if s.Start < 0 || s.End > len(text) || s.Start >= s.End {
			return fmt.Errorf("%T has span %v of %d bytes", n, s, len(text))
		}
		if !parent.Bounds().Covers(s) {
			return fmt.Errorf("%T %q is outside of %T %q", n, s.Of(text), parent, parent.Bounds().Of(text))
		}
		if t := s.Of(text); strings.TrimSpace(t) != t || strings.HasPrefix(t, "--") || strings.HasPrefix(t, "/*") {
			return fmt.Errorf("%T %q begins or ends between tokens", n, t)
		}
		var err error
		eachChild(n, func(child Node) {
			if err == nil {
				err = check(n, child)
			}
		})
		return err
	}
	return check(root, root)
}

func TestSpansNestAndBeginAndEndWithTokens(t *testing.T) {
	for _, c := range readGolden(t, "testdata/statements.txt") {
		for _, text := range []string{c.input, "\ufeff /* 한 */ " + c.input + " \n-- 끝"} {
			stmt, err := Parse(text)
			if err != nil {
				t.Fatalf("%s\n%v", text, err)
			}
			if err := checkSpans(text, stmt); err != nil {
				t.Errorf("%s\n%v", text, err)
			}
		}
	}
}

// reparse parses the text of a part of a query on its own and returns the part's tree again, nil for
// parts that cannot stand alone.
func reparse(text string, n Node) (Node, error) {
	part := n.Bounds().Of(text)
	first := func(text string) (*Select, error) {
		stmt, err := Parse(text)
		if err != nil {
			return nil, err
		}
		return stmt.(*Query).Body.(*Select), nil
	}
	switch n.(type) {
	case *Query:
		return Parse(part)
	case *Type:
		s, err := first("SELECT CAST(a AS " + part + ")")
		if err != nil {
			return nil, err
		}
		return s.Items[0].Expr.(*Cast).Type, nil
	case Relation:
		s, err := first("SELECT * FROM " + part)
		if err != nil {
			return nil, err
		}
		return s.From[0], nil
	case Expr:
		s, err := first("SELECT 1, " + part + " \"alias\"")
		if err != nil {
			return nil, err
		}
		return s.Items[1].Expr, nil
	case *SelectItem:
		s, err := first("SELECT 1, " + part)
		if err != nil {
			return nil, err
		}
		return &s.Items[1], nil
	}
	return nil, nil
}

// withoutPositions hides the positions of parameters, which count from the statement's start.
func withoutPositions(tree string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(tree, " Position=")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		tree = strings.TrimLeft(after, "0123456789")
	}
}

func checkParts(text string, root Node) error {
	var err error
	Walk(root, func(n Node) bool {
		if err != nil {
			return false
		}
		again, mistake := reparse(text, n)
		if mistake != nil {
			err = fmt.Errorf("%T %q alone: %w", n, n.Bounds().Of(text), mistake)
		} else if again != nil {
			if got, want := withoutPositions(dump(again)), withoutPositions(dump(n)); got != want {
				err = fmt.Errorf("%T %q alone\n got %s\nwant %s", n, n.Bounds().Of(text), got, want)
			}
		}
		return true
	})
	return err
}

func TestTheTextOfEachPartParsesToThatPart(t *testing.T) {
	for _, c := range readGolden(t, "testdata/statements.txt") {
		stmt, err := Parse(c.input)
		if err != nil {
			t.Fatal(err)
		}
		if view, ok := stmt.(*CreateView); ok {
			stmt = view.Query
		}
		if q, ok := stmt.(*Query); ok {
			if err := checkParts(c.input, q); err != nil {
				t.Errorf("%s\n%v", c.input, err)
			}
		}
	}
}

// expression draws an expression together with its form in which every operator has parentheses. It
// knows precedence by the levels below, not by the parser's code.
func expression(t *rapid.T, depth, level int) (plain, full string) {
	const or, and, not, predicate, concat, add, mul, sign, atom = 1, 2, 3, 4, 5, 6, 7, 8, 9
	kinds := []int{atom, atom, or, and, not, predicate, concat, add, mul, sign}
	kind := atom
	if depth > 0 {
		kind = rapid.SampledFrom(kinds).Draw(t, "kind")
	}
	sub := func(level int) (string, string) { return expression(t, depth-1, level) }
	infix := func(left, right int, ops ...string) {
		op := rapid.SampledFrom(ops).Draw(t, "op")
		a, fa := sub(left)
		b, fb := sub(right)
		plain, full = a+" "+op+" "+b, "("+fa+" "+op+" "+fb+")"
	}
	switch kind {
	case or:
		infix(or+1, or+1, "OR") // a chain is one node: its terms are not ORs
	case and:
		infix(and+1, and+1, "AND")
	case not:
		a, fa := sub(not)
		plain, full = "NOT "+a, "(NOT "+fa+")"
	case predicate:
		switch rapid.IntRange(0, 3).Draw(t, "predicate") {
		case 0:
			infix(concat, concat, "=", "<>", "<", "<=", ">", ">=", "LIKE", "NOT LIKE", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
		case 1:
			a, fa := sub(concat)
			plain, full = a+" IS NOT NULL", "("+fa+" IS NOT NULL)"
		case 2:
			a, fa := sub(concat)
			b, fb := sub(concat)
			c, fc := sub(concat)
			plain, full = a+" NOT BETWEEN "+b+" AND "+c, "("+fa+" NOT BETWEEN "+fb+" AND "+fc+")"
		default:
			a, fa := sub(concat)
			b, fb := sub(or)
			c, fc := sub(or)
			plain, full = a+" IN ("+b+", "+c+")", "("+fa+" IN ("+fb+", "+fc+"))"
		}
	case concat:
		infix(concat, concat+1, "||")
	case add:
		infix(add, add+1, "+", "-")
	case mul:
		infix(mul, mul+1, "*", "/", "%")
	case sign:
		a, fa := sub(sign)
		plain, full = "- "+a, "(- "+fa+")"
	default:
		switch rapid.IntRange(0, 5).Draw(t, "atom") {
		case 0:
			a, fa := sub(or)
			if depth <= 0 {
				a, fa = "x", "x"
			}
			plain, full = "f("+a+")", "f("+fa+")"
		case 1:
			plain = "'it''s'"
		case 2:
			plain = "t.\"end\""
		case 3:
			plain = "a[1]"
		case 4:
			plain = "interval '1' day"
		default:
			plain = "x"
		}
		if full == "" {
			full = plain
		}
	}
	if kind < level {
		plain = "(" + plain + ")"
	}
	return plain, full
}

// bare is dump without the parentheses of the text.
func bare(n Node) string {
	s := dump(n)
	for {
		i := strings.Index(s, "(Paren X:")
		if i < 0 {
			return s
		}
		depth, quoted := 0, false
		for j := i; j < len(s); j++ {
			switch {
			case s[j] == '"':
				quoted = !quoted
			case quoted:
			case s[j] == '(':
				depth++
			case s[j] == ')':
				depth--
			}
			if depth == 0 {
				s = s[:i] + s[i+len("(Paren X:"):j] + s[j+1:]
				break
			}
		}
	}
}

func TestPrecedenceIsTheOneThatParenthesesWouldSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain, full := expression(t, 4, 1)
		a, err := Parse("SELECT " + plain)
		if err != nil {
			t.Fatalf("%s\n%v", plain, err)
		}
		b, err := Parse("SELECT " + full)
		if err != nil {
			t.Fatalf("%s\n%v", full, err)
		}
		if got, want := bare(a), bare(b); got != want {
			t.Fatalf("%s\n%s\n got %s\nwant %s", plain, full, got, want)
		}
		if err := checkSpans("SELECT "+plain, a); err != nil {
			t.Fatal(err)
		}
		if err := checkParts("SELECT "+plain, a); err != nil {
			t.Fatal(err)
		}
	})
}

// checkError holds an error's place against the text.
func checkError(text string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return fmt.Errorf("no place in %T %w", err, err)
	}
	if e.Offset < 0 || e.Offset > len(text) {
		return fmt.Errorf("offset %d is outside of %d bytes", e.Offset, len(text))
	}
	lines := strings.Split(text, "\n")
	if e.Line < 1 || e.Line > len(lines) {
		return fmt.Errorf("line %d of %d", e.Line, len(lines))
	}
	if n := utf8.RuneCountInString(lines[e.Line-1]); e.Column < 1 || e.Column > n+1 {
		return fmt.Errorf("column %d of %d", e.Column, n)
	}
	if !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d:%d: ", e.Line, e.Column)) {
		return fmt.Errorf("message %q does not begin with its place", err)
	}
	return nil
}

func TestErrorsPointIntoTheText(t *testing.T) {
	for _, c := range readGolden(t, "testdata/statements.txt") {
		for cut := range c.input { // every prefix, which is mostly a mistake
			text := c.input[:cut]
			if _, err := Parse(text); err != nil {
				if err := checkError(text, err); err != nil {
					t.Fatalf("%q: %v", text, err)
				}
			}
		}
	}
}
