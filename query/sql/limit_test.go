package sql

import (
	"strings"
	"testing"
	"time"

	"flowlake/fault"
)

func TestTheLongestTextIsParsedInTimeThatGrowsWithItsLength(t *testing.T) {
	// Each repeats a part up to the limit of characters. What is quadratic here would take minutes.
	patterns := []struct{ name, head, part, tail string }{
		{"conjunction", "SELECT 1 WHERE a", " AND a", ""},
		{"list", "SELECT 1 WHERE a IN (1", ",1", ")"},
		{"columns", "SELECT a", ",a", " FROM t"},
		{"rows", "VALUES (1)", ",(1)", ""},
		{"sum", "SELECT 1", "+1", ""},
		{"unions", "SELECT 1", " UNION SELECT 1", ""},
		{"joins", "SELECT 1 FROM t", " CROSS JOIN t", ""},
		{"unclosed", "SELECT ", "(", ""},
		{"closing", "SELECT 1", ")", ""},
		{"paired", "SELECT ", "()", ""},
		{"groups", "SELECT 1 GROUP BY (a)", ",(a)", ""},
		{"subqueries", "SELECT ", "(SELECT ", ""},
		{"brackets", "SELECT a", "[a", ""},
		{"subscripts", "SELECT a", "[1]", ""},
		{"dots", "SELECT a", ".a", ""},
		{"nots", "SELECT ", "NOT ", ""},
		{"signs", "SELECT ", "- ", "1"},
		{"lambdas", "SELECT ", "x->", "x"},
		{"cases", "SELECT ", "CASE WHEN ", ""},
		{"when", "SELECT CASE", " WHEN a THEN b", " END"},
		{"types", "SELECT CAST(a AS ", "array(", ""},
		{"hive types", "CREATE EXTERNAL TABLE t (a ", "array<", ""},
		{"properties", "CREATE EXTERNAL TABLE t (a int) TBLPROPERTIES (", "'a'='b',", ""},
		{"partitions", "ALTER TABLE t ADD", " PARTITION (a='1')", ""},
		{"commas", "SELECT ", ",", ""},
		{"quotes", "SELECT ", "'", ""},
		{"double quotes", "SELECT ", "\"", ""},
		{"strings", "SELECT ", "''' ", ""},
		{"comments", "SELECT ", "/**/", "1"},
		{"open comments", "SELECT ", "/*", ""},
		{"line comments", "SELECT 1", "--\n", ""},
		{"words", "SELECT", " a", ""},
		{"one word", "SELECT ", "a", ""},
		{"digits", "SELECT ", "1", ""},
		{"bad", "SELECT ", "$", ""},
		{"long names", "SELECT `", "a", "`"},
		{"long amounts", "SELECT interval \"", "1", "\" day"},
		{"hangul", "SELECT ", "가", ""},
		{"semicolons", "SELECT 1", ";", ""},
		{"right joins", "SELECT 1 FROM t", " JOIN t", ""},
		{"paren relations", "SELECT 1 FROM ", "(", ""},
		{"withs", "WITH a AS (", "WITH a AS (", ""},
		{"windows", "SELECT f() OVER (ORDER BY ", "f() OVER (ORDER BY ", ""},
	}
	for _, c := range patterns {
		t.Run(c.name, func(t *testing.T) {
			n := (MaxCharacters - len(c.head) - len(c.tail)) / len([]rune(c.part))
			if testing.Short() {
				n /= 8
			}
			text := c.head + strings.Repeat(c.part, n) + c.tail
			start := time.Now()
			stmt, err := Parse(text)
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			if err == nil && tooDeep(stmt) != nil {
				t.Error("deeper than the limit")
			}
			if err != nil {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("%v", err)
				}
				if len(err.Error()) > 2000 {
					t.Errorf("a message of %d bytes", len(err.Error()))
				}
			}
		})
	}
}

func TestWhatIsTooLongOrTooDeepIsRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a character too many", "SELECT '" + strings.Repeat("가", MaxCharacters-8) + "'", "longer than 262144 characters"},
		{"parentheses", "SELECT " + strings.Repeat("(", 2000) + "1" + strings.Repeat(")", 2000), "nested too deeply"},
		{"a chain", "SELECT 1" + strings.Repeat(" + 1", 2000), "nested too deeply"},
		{"set operations", "SELECT 1" + strings.Repeat(" UNION SELECT 1", 2000), "nested too deeply"},
		{"joins", "SELECT 1 FROM t" + strings.Repeat(" CROSS JOIN t", 2000), "nested too deeply"},
		{"types", "SELECT CAST(a AS " + strings.Repeat("array(", 2000), "nested too deeply"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.text)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	for _, c := range []struct{ name, text string }{
		{"the longest text", "SELECT '" + strings.Repeat("가", MaxCharacters-9) + "'"},
		{"many parentheses", "SELECT " + strings.Repeat("(", 900) + "1" + strings.Repeat(")", 900)},
		{"a long conjunction", "SELECT 1 WHERE a" + strings.Repeat(" AND a", 20000)},
		{"a long list", "SELECT 1 WHERE a IN (1" + strings.Repeat(", 1", 20000) + ")"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse(c.text); err != nil {
				t.Error(err)
			}
		})
	}
}
