package translate_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// outcome is what an expression of integers, decimals and booleans comes to in Trino.
type outcome struct {
	kind   string // integer, bigint, decimal, boolean
	p, s   int    // of a decimal
	n      *big.Int
	b      bool
	null   bool
	failed bool // an error is raised
	open   bool // whether it is raised is up to the order of evaluation
}

type term struct {
	text string
	outcome
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (o outcome) decimal() outcome {
	switch o.kind {
	case "integer":
		o.kind, o.p = "decimal", 10
	case "bigint":
		o.kind, o.p = "decimal", 19
	}
	return o
}

// joined starts the outcome of an operation on two values.
func joined(a, b outcome) outcome {
	o := outcome{null: a.null || b.null, failed: a.failed || b.failed, open: a.open || b.open}
	if o.failed && o.null {
		o.open = true
	}
	return o
}

// halfUp divides and rounds halves away from zero.
func halfUp(n, d *big.Int) *big.Int {
	num := new(big.Int).Mul(new(big.Int).Abs(n), big.NewInt(2))
	den := new(big.Int).Abs(d)
	num.Add(num, den)
	num.Div(num, den.Mul(den, big.NewInt(2)))
	if n.Sign()*d.Sign() < 0 {
		num.Neg(num)
	}
	return num
}

// arithmetic is Trino's; ok is false where a decimal would need more than 38 digits.
func arithmetic(op string, a, b outcome) (o outcome, ok bool) {
	o = joined(a, b)
	if a.kind != "decimal" && b.kind != "decimal" {
		o.kind = "integer"
		if a.kind == "bigint" || b.kind == "bigint" {
			o.kind = "bigint"
		}
	} else {
		a, b = a.decimal(), b.decimal()
		o.kind, o.s = "decimal", max(a.s, b.s)
		switch op {
		case "+", "-":
			o.p = max(a.p-a.s, b.p-b.s) + o.s + 1
		case "*":
			o.p, o.s = a.p+b.p, a.s+b.s
		case "/":
			o.p = a.p + b.s + max(b.s-a.s, 0)
		case "%":
			o.p = min(b.p-b.s, a.p-a.s) + o.s
		}
		if o.p > 30 || o.p < 1 {
			return o, false
		}
	}
	if o.null || o.failed {
		return o, true
	}
	x, y := new(big.Int).Set(a.n), new(big.Int).Set(b.n)
	scaled := func(n *big.Int, from int) *big.Int { return new(big.Int).Mul(n, pow10(o.s-from)) }
	if (op == "/" || op == "%") && y.Sign() == 0 {
		o.failed = true
		return o, true
	}
	switch {
	case op == "*":
		o.n = x.Mul(x, y)
	case op == "/" && o.kind == "decimal":
		o.n = halfUp(new(big.Int).Mul(x, pow10(o.s-a.s+b.s)), y)
	case op == "/":
		o.n = x.Quo(x, y)
	default:
		x, y = scaled(x, a.s), scaled(y, b.s)
		switch op {
		case "+":
			o.n = x.Add(x, y)
		case "-":
			o.n = x.Sub(x, y)
		case "%":
			o.n = x.Rem(x, y)
		}
	}
	limit := map[string]int{"integer": 31, "bigint": 63}[o.kind]
	if limit > 0 {
		low := new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), uint(limit)))
		high := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(limit)), big.NewInt(1))
		if o.n.Cmp(low) < 0 || o.n.Cmp(high) > 0 {
			o.failed = true
		}
	}
	return o, true
}

func comparison(op string, a, b outcome) outcome {
	o := joined(a, b)
	o.kind = "boolean"
	if o.null || o.failed {
		return o
	}
	c := 0
	if a.kind == "boolean" {
		c = map[bool]int{true: 1}[a.b] - map[bool]int{true: 1}[b.b]
	} else {
		s := max(a.s, b.s)
		c = new(big.Int).Mul(a.n, pow10(s-a.s)).Cmp(new(big.Int).Mul(b.n, pow10(s-b.s)))
	}
	o.b = map[string]bool{"=": c == 0, "<>": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op]
	return o
}

func logic(op string, a, b outcome) outcome {
	o := outcome{kind: "boolean", open: a.open || b.open || a.failed || b.failed}
	stop := op == "OR"
	switch {
	case !a.null && !a.failed && a.b == stop, !b.null && !b.failed && b.b == stop:
		o.b = stop
	case a.null || b.null:
		o.null = true
	default:
		o.b = !stop
	}
	return o
}

func (o outcome) String() string {
	switch {
	case o.null:
		return "NULL"
	case o.kind == "boolean":
		return fmt.Sprint(o.b)
	}
	text := new(big.Int).Abs(o.n).String()
	if o.s > 0 {
		for len(text) <= o.s {
			text = "0" + text
		}
		text = text[:len(text)-o.s] + "." + text[len(text)-o.s:]
	}
	if o.n.Sign() < 0 {
		text = "-" + text
	}
	return text
}

// number draws a literal or a column.
func number(t *rapid.T, columns *[]string) term {
	n := rapid.OneOf(rapid.Int64Range(-9, 9), rapid.Int64Range(-2147483648, 2147483647), rapid.Int64()).Draw(t, "n")
	var o term
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		o.p, o.s = rapid.SampledFrom([]int{5, 5, 10, 17, 18}).Draw(t, "precision"), rapid.IntRange(0, 3).Draw(t, "scale")
		o.kind, o.n = "decimal", new(big.Int).Rem(big.NewInt(n), pow10(o.p))
		o.text = fmt.Sprintf("CAST('%s' AS decimal(%d,%d))", o.outcome, o.p, o.s)
	case 1:
		o.kind, o.n = "bigint", big.NewInt(n)
		o.text = fmt.Sprintf("BIGINT '%d'", n)
	case 2:
		o.kind, o.null = "integer", true
		o.text = "CAST(NULL AS integer)"
	default:
		o.kind, o.n = "integer", big.NewInt(n%2147483648)
		o.text = fmt.Sprint(o.n)
	}
	if rapid.Bool().Draw(t, "column") {
		*columns = append(*columns, o.text)
		o.text = fmt.Sprintf("v%d", len(*columns))
	}
	return o
}

func numeric(t *rapid.T, depth int, columns *[]string) term {
	if depth == 0 {
		return number(t, columns)
	}
	switch rapid.IntRange(0, 7).Draw(t, "form") {
	case 0:
		return number(t, columns)
	case 1:
		cond, a := condition(t, depth-1, columns), numeric(t, depth-1, columns)
		b := a
		b.text = "(" + a.text + ")"
		o := a
		o.text = fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", cond.text, a.text, b.text)
		o.failed, o.open = a.failed || cond.failed, a.open || cond.open
		return o
	}
	op := rapid.SampledFrom([]string{"+", "-", "*", "/", "%"}).Draw(t, "op")
	a, b := numeric(t, depth-1, columns), numeric(t, depth-1, columns)
	o, ok := arithmetic(op, a.outcome, b.outcome)
	if !ok {
		return number(t, columns)
	}
	return term{"(" + a.text + " " + op + " " + b.text + ")", o}
}

func condition(t *rapid.T, depth int, columns *[]string) term {
	if depth > 0 && rapid.Bool().Draw(t, "logical") {
		op := rapid.SampledFrom([]string{"AND", "OR"}).Draw(t, "logic")
		a, b := condition(t, depth-1, columns), condition(t, depth-1, columns)
		return term{"(" + a.text + " " + op + " " + b.text + ")", logic(op, a.outcome, b.outcome)}
	}
	if rapid.IntRange(0, 4).Draw(t, "not") == 0 {
		a := condition(t, max(0, depth-1), columns)
		a.text, a.b = "(NOT "+a.text+")", !a.b
		return a
	}
	op := rapid.SampledFrom([]string{"=", "<>", "<", "<=", ">", ">="}).Draw(t, "cmp")
	a, b := numeric(t, max(0, depth-1), columns), numeric(t, max(0, depth-1), columns)
	return term{"(" + a.text + " " + op + " " + b.text + ")", comparison(op, a.outcome, b.outcome)}
}

// TestArithmeticIsTrinos compares random expressions, of literals and of columns, with a model of Trino's rules.
func TestArithmeticIsTrinos(t *testing.T) {
	duck(t)
	rapid.Check(t, func(rt *rapid.T) {
		var cols []string
		var x term
		if rapid.Bool().Draw(rt, "boolean") {
			x = condition(rt, 2, &cols)
		} else {
			x = numeric(rt, 3, &cols)
		}
		text := "SELECT " + x.text
		if len(cols) > 0 {
			names := make([]string, len(cols))
			for i := range cols {
				names[i] = fmt.Sprintf("v%d", i+1)
			}
			text += " FROM (VALUES (" + strings.Join(cols, ", ") + ")) AS t(" + strings.Join(names, ", ") + ")"
		}
		got, err := run(t, text)
		switch {
		case x.open:
			return
		case x.failed:
			if err == nil {
				rt.Fatalf("%s gives %v, want an error", text, got)
			}
		case err != nil:
			rt.Fatalf("%s: %v\nwant %s", text, err, x.outcome)
		case len(got) != 1 || got[0] != x.outcome.String():
			rt.Fatalf("%s gives %v, want %s", text, got, x.outcome)
		}
	})
}
