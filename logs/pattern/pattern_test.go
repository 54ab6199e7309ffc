package pattern

import (
	"strings"
	"testing"

	"flowlake/fault"
)

func TestMatch(t *testing.T) {
	for _, row := range []struct {
		name, pattern, message string
		want                   bool
	}{
		{"nothing matches all", "", "x", true},
		{"blanks match all", " \t ", "x", true},
		{"an empty phrase matches all", `""`, "x", true},
		{"a term", "REJECT", "1 REJECT OK", true},
		{"a term in another case", "reject", "1 REJECT OK", false},
		{"a term inside of a word", "JEC", "1 REJECT OK", true},
		{"all terms, in any order", "OK REJECT", "1 REJECT OK", true},
		{"one of them is missing", "OK ACCEPT", "1 REJECT OK", false},
		{"a phrase", `"REJECT OK"`, "1 REJECT OK", true},
		{"a phrase with other blanks", `"REJECT OK"`, "1 REJECT  OK", false},
		{"a phrase beside a term", `"10.0.0.1" 443`, "10.0.0.1 10.0.0.2 443", true},
		{"escapes in a phrase", `"say \"hi\" \\ \n"`, `say "hi" \ \n`, true},
		{"what is special elsewhere is not in a phrase", `"?-{[%"`, "?-{[%", true},
		{"letters beyond ASCII", "größe", "die größe", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := Compile(row.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Match(row.message); got != row.want {
				t.Errorf("%s on %s: got %v", row.pattern, row.message, got)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, row := range []struct {
		name, pattern string
		kind          fault.Kind
		want          string
	}{
		{"JSON patterns", "{ $.a = 1 }", fault.Unsupported, "JSON"},
		{"space-delimited patterns", "[version, action]", fault.Unsupported, "space-delimited"},
		{"regular expressions", "%a+%", fault.Unsupported, "regular expressions"},
		{"optional terms", "?a ?b", fault.Unsupported, "?term"},
		{"excluded terms", "a -b", fault.Unsupported, "-term"},
		{"other characters unquoted", "10.0.0.1", fault.Invalid, "Invalid character(s) in term '10.0.0.1'"},
		{"an open phrase", `"abc`, fault.Invalid, "closing quote"},
		{"a phrase that runs on", `"abc"d`, fault.Invalid, "blank"},
		{"1,025 characters", strings.Repeat("ä", 1025), fault.Invalid, "1025"},
		{"no UTF-8", "\xff", fault.Invalid, "UTF-8"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Compile(row.pattern)
			if !fault.Is(err, row.kind) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %v with %q", err, row.kind, row.want)
			}
		})
	}
	if _, err := Compile(strings.Repeat("ä", MaxLength)); err != nil {
		t.Error(err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"", "a b", `"a \" b" c`, "?a", "{$.x}", `"`, `\`, "a\x00"} {
		f.Add(seed, "a b c")
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		p, err := Compile(pattern)
		if err != nil {
			return
		}
		whole := strings.Join(p.terms, " ") + message
		if !p.Match(whole) {
			t.Errorf("%q does not match %q, which has all its terms", pattern, whole)
		}
	})
}
