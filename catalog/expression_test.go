package catalog

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flowlake/fault"
)

var filterKeys = []Column{{Name: "year", Type: "string"}, {Name: "n", Type: "int"}, {Name: "dt", Type: "date"},
	{Name: "ts", Type: "timestamp"}, {Name: "amount", Type: "decimal(10,2)"}, {Name: "date", Type: "date"}, {Name: "ok", Type: "boolean"}}

func TestExpressionChooses(t *testing.T) {
	row := []string{"2024", "7", "2024-02-29", "2024-02-29 10:00:00.5", "12.50", "2022-08-29", "true"}
	null := []string{NullValue, NullValue, NullValue, NullValue, NullValue, NullValue, NullValue}
	odd := []string{"a'b", "07", "not a date", "2024-02-29", "1e1", "2022-08-29", "false"}
	for _, test := range []struct {
		expression      string
		row, null, oddV bool
	}{
		{"year = '2024'", true, false, false},
		{"year='2024' AND n=7", true, false, false},
		{"year <> '2024'", false, false, true},
		{"year != '2024' or n = 7", true, false, true},
		{"n = 7", true, false, true},
		{"n = '7'", true, false, true},
		{"n > 6.5 and n < 7.5", true, false, true},
		{"7 <= n", true, false, true},
		{"n > 7", false, false, false},
		{"dt = '2024-02-29'", true, false, false},
		{"dt >= DATE '2024-02-01' AND dt < date '2024-03-01'", true, false, false},
		{"date = '2022-08-29'", true, false, true},
		{"DATE '2022-08-29' = date", true, false, true},
		{"ts > timestamp '2024-02-29 10:00:00'", true, false, false},
		{"ts > '2024-02-29'", true, false, false},
		{"ts = '2024-02-29 10:00:00.500'", true, false, false},
		{"amount = 12.5", true, false, false},
		{"amount between 10 and 12.50", true, false, true},
		{"amount not between 10 and 12.50", false, false, false},
		{"year in ('2023','2024')", true, false, false},
		{"year NOT IN ('2023')", true, false, true},
		{"year like '20%'", true, false, false},
		{"year like '2_2_'", true, false, false},
		{"year like '%''%'", false, false, true},
		{"year not like '%4'", false, false, true},
		{"year is null", false, true, false},
		{"year is not null", true, false, true},
		{"dt is null", false, true, true},
		{"not (year = '2024' and n = 7)", false, false, true},
		{"NOT year = '2024'", false, false, true},
		{"`year` = 'a''b'", false, false, true},
		{`"n" = -7 or "n" = +7`, true, false, true},
		{"ok = true", true, false, false},
		{"ok = 'FALSE'", false, false, true},
		{"(((n = 7)))", true, false, true},
		{"n=7 or year='x' and n=8", true, false, true},
		{"n = 70e-1", true, false, true},
	} {
		x, err := ParseExpression(test.expression, filterKeys)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
			continue
		}
		for i, want := range []bool{test.row, test.null, test.oddV} {
			if got := x.Match([][]string{row, null, odd}[i]); got != want {
				t.Errorf("%s on %q: got %v, want %v", test.expression, [][]string{row, null, odd}[i], got, want)
			}
		}
	}
}

func TestExpressionErrorsSayWhere(t *testing.T) {
	for _, test := range []struct{ expression, want string }{
		{"", "at character 1: it ends where a partition key is expected"},
		{"year", "at character 5: it ends where a comparison is expected"},
		{"year = ", "at character 8: it ends where a literal is expected"},
		{"year = 2024", "at character 8: year is a string: write the value in single quotes, '2024'"},
		{"month = '1'", "at character 1: month is not a partition key; the table has: year, n"},
		{"n = 'x'", `at character 5: "x" is not a number, as n is`},
		{"dt = '2024-02-30'", `at character 6: "2024-02-30" is not a date, as dt is`},
		{"year = 'a", "at character 8: the quote ' is not closed"},
		{"year = 'a' garbage", `at character 12: "garbage" where AND, OR or the end is expected`},
		{"(year = 'a'", "at character 12: it ends where AND, OR or ) is expected"},
		{"year in ()", `at character 10: ")" where a literal is expected`},
		{"year between 'a' or 'b'", `at character 18: "or" where AND is expected`},
		{"n like '7%'", "at character 8: LIKE needs a string, and n is a number"},
		{"year = '한' ;", `at character 12: ";" is not expected`},
		{"n = 1e999999999", `at character 5: "1e999999999" is not a number`},
		{"year not = 'a'", `at character 10: "=" where IN, BETWEEN or LIKE is expected`},
		{"year is 'a'", `at character 9: "a" where NULL is expected`},
		{"n = n", `at character 5: "n" where a literal is expected`},
		{strings.Repeat("(", 2049), "it has 2049 characters; at most 2048 are allowed"},
	} {
		_, err := ParseExpression(test.expression, filterKeys)
		if !fault.Is(err, fault.Invalid) || !fault.HasNoun(err, "expression") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40s: got %v, want %s", test.expression, err, test.want)
		}
	}
}

// TestExpressionAgreesWithModel writes random filters over small integers and NULLs, and evaluates them
// beside a model that works on Go values.
func TestExpressionAgreesWithModel(t *testing.T) {
	keys := []Column{{Name: "a", Type: "int"}, {Name: "b", Type: "string"}}
	type row struct{ a, b *int }
	type model func(row) *bool
	val := func(b bool) *bool { return &b }
	var build func(t *rapid.T, depth int) (string, model)
	build = func(t *rapid.T, depth int) (string, model) {
		if depth > 0 {
			switch rapid.IntRange(0, 3).Draw(t, "shape") {
			case 0:
				s, m := build(t, depth-1)
				return "NOT (" + s + ")", func(r row) *bool {
					if v := m(r); v != nil {
						return val(!*v)
					}
					return nil
				}
			case 1, 2:
				s1, m1 := build(t, depth-1)
				s2, m2 := build(t, depth-1)
				if rapid.Bool().Draw(t, "and") {
					return "(" + s1 + ") and (" + s2 + ")", func(r row) *bool {
						v, w := m1(r), m2(r)
						if v != nil && !*v || w != nil && !*w {
							return val(false)
						}
						if v == nil || w == nil {
							return nil
						}
						return val(true)
					}
				}
				return "(" + s1 + ") OR (" + s2 + ")", func(r row) *bool {
					v, w := m1(r), m2(r)
					if v != nil && *v || w != nil && *w {
						return val(true)
					}
					if v == nil || w == nil {
						return nil
					}
					return val(false)
				}
			}
		}
		key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
		get := func(r row) *int {
			if key == "a" {
				return r.a
			}
			return r.b
		}
		write := func(n int) string {
			if key == "b" {
				return fmt.Sprintf("'%d'", n)
			}
			return fmt.Sprint(n)
		}
		n := rapid.IntRange(0, 4).Draw(t, "n")
		known := func(f func(int) bool) model {
			return func(r row) *bool {
				if p := get(r); p != nil {
					return val(f(*p))
				}
				return nil
			}
		}
		switch op := rapid.SampledFrom([]string{"=", "<>", "!=", "<", ">", "<=", ">=", "in", "between", "null"}).Draw(t, "op"); op {
		case "in":
			m := rapid.IntRange(0, 4).Draw(t, "m")
			return fmt.Sprintf("%s in (%s, %s)", key, write(n), write(m)), known(func(v int) bool { return v == n || v == m })
		case "between":
			m := rapid.IntRange(0, 4).Draw(t, "m")
			return fmt.Sprintf("%s between %s and %s", key, write(n), write(m)), known(func(v int) bool { return v >= n && v <= m })
		case "null":
			return key + " is null", func(r row) *bool { return val(get(r) == nil) }
		default:
			return key + op + write(n), known(func(v int) bool {
				switch op {
				case "=":
					return v == n
				case "<>", "!=":
					return v != n
				case "<":
					return v < n
				case ">":
					return v > n
				case "<=":
					return v <= n
				}
				return v >= n
			})
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, m := build(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		x, err := ParseExpression(text, keys)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for i := -1; i <= 4; i++ {
			for j := -1; j <= 4; j++ {
				var r row
				values := []string{NullValue, NullValue}
				if i >= 0 {
					r.a, values[0] = &i, fmt.Sprint(i)
				}
				if j >= 0 {
					r.b, values[1] = &j, fmt.Sprint(j)
				}
				want := m(r)
				if got := x.Match(values); got != (want != nil && *want) {
					t.Fatalf("%s on %q: got %v", text, values, got)
				}
			}
		}
	})
}

func FuzzParseExpression(f *testing.F) {
	for _, s := range []string{"year = '2024' and n in (1,2)", "not dt between '2024-01-01' and DATE '2024-02-01'", "ts is not null or amount > -1.5e3", "`date` <> '2022-08-29'", "(((", "'", "year like '%_%'"} {
		f.Add(s, "2024")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		x, err := ParseExpression(text, filterKeys)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v is not the caller's", text, err)
			}
			return
		}
		row := []string{value, value, value, value, value, value, value}
		if x.Match(row) {
			// What the prefix promises must hold for every row that is chosen.
			for i, p := range x.prefix() {
				if row[i] != p {
					t.Fatalf("%q chose %q, and its prefix says %q", text, row, x.prefix())
				}
			}
		}
	})
}
