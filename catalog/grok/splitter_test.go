package grok

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sameAsRegexp fails the test unless both ways of matching agree on the line.
func sameAsRegexp(t interface {
	Helper()
	Fatalf(string, ...any)
}, p *Pattern, line []byte) {
	t.Helper()
	if p.fast == nil {
		return
	}
	got, want := make([][]byte, len(p.fields)), make([][]byte, len(p.fields))
	start, end, v := p.fast.find(line, got)
	if v == undecided {
		return
	}
	wantStart, wantEnd, ok := p.findSlow(line, want)
	if ok != (v == matched) {
		t.Fatalf("pattern %s\nline %q\nsplitter matches: %v, regexp matches: %v", p, line, v == matched, ok)
	}
	if !ok {
		return
	}
	if start != wantStart || end != wantEnd {
		t.Fatalf("pattern %s\nline %q\nsplitter covers %d–%d, regexp %d–%d", p, line, start, end, wantStart, wantEnd)
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) || (got[i] == nil) != (want[i] == nil) {
			t.Fatalf("pattern %s\nline %q\nfield %s: splitter has %q, regexp %q", p, line, p.fields[i].Name, got[i], want[i])
		}
	}
}

var splitterTokens = []string{"NUMBER", "INT", "POSINT", "NONNEGINT", "IP", "IPV4", "WORD", "NOTSPACE", "HOSTNAME", "USERNAME",
	"MONTH", "MONTHDAY", "TIME", "TIMESTAMP_ISO8601", "QS", "BASE16FLOAT", "BOOLEAN", "YEAR", "LOGLEVEL", "UNIXPATH", "MAC"}

// genPattern draws a pattern of blank-separated values, some with alternatives, some anchored.
func genPattern(t *rapid.T) (pattern string, tokens []string) {
	n := rapid.IntRange(2, 5).Draw(t, "values")
	parts := make([]string, n)
	for i := range parts {
		token := rapid.SampledFrom(splitterTokens).Draw(t, "token")
		if i == n-1 && rapid.IntRange(0, 4).Draw(t, "open") == 0 {
			token = rapid.SampledFrom([]string{"GREEDYDATA", "DATA", "SPACE"}).Draw(t, "last")
		}
		parts[i] = fmt.Sprintf("%%{%s:f%d}", token, i)
		tokens = append(tokens, token)
		switch rapid.IntRange(0, 9).Draw(t, "shape") {
		case 0, 1:
			parts[i] = fmt.Sprintf("(?:%s|-)", parts[i])
		case 2:
			parts[i] = fmt.Sprintf("(?:%s|%%{WORD:g%d}|-)", parts[i], i)
		case 3:
			parts[i] = rapid.SampledFrom([]string{"-", "a+", "[0-9]*", "(?:a|ab)", "x?", "(?:b|b c)", "(?:ab|b c)",
				"(?<![a-z])[ab]+", `\d+(?=\s|$)`, `(?!x)\S+`, `\S+(?<=b)`, `(?<=^|\s)[a-z]+`, `[ab]+(?! )`}).Draw(t, "plain")
		case 4:
			parts[i] = fmt.Sprintf("(%s|a+\\b|%%{IP:h%d})", parts[i], i)
		}
	}
	pattern = strings.Join(parts, " ")
	if rapid.IntRange(0, 3).Draw(t, "start") == 0 {
		pattern = "^" + pattern
	}
	if rapid.IntRange(0, 3).Draw(t, "end") == 0 {
		pattern += "$"
	}
	return pattern, tokens
}

// likely are words that the tokens match.
var likely = map[string][]string{
	"NUMBER": {"12", "-1.5"}, "INT": {"12", "+3"}, "POSINT": {"5"}, "NONNEGINT": {"0"}, "IP": {"1.2.3.4", "fe80::1", "fe80::1%eth0"}, "IPV4": {"1.2.3.4"},
	"WORD": {"ab", "b"}, "NOTSPACE": {"a-b", "é"}, "HOSTNAME": {"a.b", "x1"}, "USERNAME": {"a.b"}, "MONTH": {"Jan", "May"}, "MONTHDAY": {"31", "1"},
	"TIME": {"12:34:56"}, "TIMESTAMP_ISO8601": {"2026-01-01T00:00:00.000Z", "2026-01-01 00:00"}, "QS": {`"a"`, `'b c'`}, "BASE16FLOAT": {"0x1F"},
	"BOOLEAN": {"true"}, "YEAR": {"2026", "26"}, "LOGLEVEL": {"ERROR"}, "UNIXPATH": {"/a/b"}, "MAC": {"00:11:22:33:44:55"},
}

// genLineFor draws a line that a pattern of the tokens may well match, with junk around and between.
func genLineFor(t *rapid.T, tokens []string) []byte {
	var b []byte
	junk := func() {
		if rapid.IntRange(0, 5).Draw(t, "junk") == 0 {
			b = append(b, rapid.SampledFrom(append(words, " ", "1 ")).Draw(t, "word")...)
		}
	}
	junk()
	for i, token := range tokens {
		if i > 0 {
			b = append(b, ' ')
		}
		choices := likely[token]
		if len(choices) == 0 || rapid.IntRange(0, 9).Draw(t, "other") == 0 {
			choices = words
		}
		b = append(b, rapid.SampledFrom(choices).Draw(t, "value")...)
		if i == 0 || i == len(tokens)-1 || rapid.IntRange(0, 9).Draw(t, "inside") == 0 {
			junk()
		}
	}
	return b
}

// words are what adversarial lines are made of: values, their prefixes, their neighbours, junk.
var words = []string{"12", "12abc", "-", "-5", "+.5", "1.2.3", "1.2.3.4", "x1.2.3.4", "1.2.3.400", "1.2.3.4x", "fe80::1", "fe80::1%eth0",
	"::", "::ffff:1.2.3.4", "a", "ab", "b", "c", "aa-bb", "abc", "_", "é", "日本", "\xff", "a\xffb", "", "", "\t", "\r", "\n", "eni-1a2b",
	"2026-01-01T00:00:00.000Z", "2026-01-01", "00:00:00Z", "12:34:56", "Jan", "January", "31", "true", "FALSE", "ERROR", "/a/b", `"q r"`, `"q`, `s"`,
	"0x1F.", "%", "b%c", "00:11:22:33:44:55", "host.example.", "999999999999999999999", ".", "..", "$", "^"}

func genLine(t *rapid.T) []byte {
	var b []byte
	for range rapid.IntRange(0, 9).Draw(t, "words") {
		b = append(b, rapid.SampledFrom(words).Draw(t, "word")...)
		if rapid.IntRange(0, 9).Draw(t, "glue") > 0 {
			b = append(b, ' ')
		}
	}
	return b
}

func TestSplitter(t *testing.T) {
	t.Run("agrees_with_the_regexp_on_every_line", func(t *testing.T) {
		compiled := map[string]*Pattern{}
		rapid.Check(t, func(t *rapid.T) {
			pattern, tokens := genPattern(t)
			p := compiled[pattern]
			if p == nil {
				var err error
				if p, err = Compile(pattern, ""); err != nil {
					t.Fatalf("%s: %v", pattern, err)
				}
				compiled[pattern] = p
			}
			for range 10 {
				sameAsRegexp(t, p, genLine(t))
				sameAsRegexp(t, p, genLineFor(t, tokens))
			}
		})
	})
	t.Run("agrees_on_mutations_of_real_lines", func(t *testing.T) {
		for _, pattern := range []string{seedPattern, "^" + seedPattern, seedPattern + "$", "^" + seedPattern + "$"} {
			p := mustCompile(t, pattern)
			if p.fast == nil {
				t.Fatalf("%s: not for the splitter", pattern)
			}
			rapid.Check(t, func(t *rapid.T) {
				line := bytes.Clone(rapid.SampledFrom(seedLines).Draw(t, "line"))
				if rapid.Bool().Draw(t, "exported") {
					line = append([]byte("2018-09-22T20:28:14.000Z "), line...)
				}
				for range rapid.IntRange(0, 4).Draw(t, "mutations") {
					at := rapid.IntRange(0, len(line)).Draw(t, "at")
					word := rapid.SampledFrom(append(words, " ")).Draw(t, "word")
					cut := min(len(line), at+rapid.IntRange(0, 8).Draw(t, "cut"))
					line = []byte(string(line[:at]) + word + string(line[cut:]))
				}
				sameAsRegexp(t, p, line)
			})
		}
	})
}

func mustCompile(t testing.TB, pattern string) *Pattern {
	t.Helper()
	p, err := Compile(pattern, "")
	if err != nil {
		t.Fatalf("Compile(%q): %v", pattern, err)
	}
	return p
}

// dearValues are values of which each takes a good part of a pattern's budget for automata, and none is another's.
func dearValues() string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	values := make([]string, 16)
	for i := range values {
		values[i] = `(?:\w*){900}` + letters[i:] + letters[:i]
	}
	return strings.Join(values, " ")
}

func TestSplitterTakes(t *testing.T) {
	for _, row := range []struct {
		name, pattern string
		want          bool
	}{
		{"the_seed's_pattern", seedPattern, true},
		{"anchors", "^" + seedPattern + "$", true},
		{"an_export_timestamp_in_front", "^%{TIMESTAMP_ISO8601:at} " + seedPattern + "$", true},
		{"alternatives", "(?:%{IP:a}|-) (%{NUMBER:b}|-)", true},
		{"the_rest_of_the_line", "%{WORD:a} %{GREEDYDATA:b}", true},
		{"not_one_value", "%{WORD:a}", false},
		{"not_a_value_with_blanks", "%{DATA:a} %{WORD:b}", false},
		{"not_a_divided_pattern", "%{WORD:a} %{WORD:b}|%{WORD:c} %{WORD:d}", false},
		{"not_a_quantified_blank", "%{WORD:a} +%{WORD:b}", false},
		{"not_text_beside_a_value", "%{WORD:a}, %{WORD:b}", false},
		{"not_fields_within_fields", "%{SYSLOGPROG:a} %{WORD:b}", false},
		{"not_flags", "(?i)%{WORD:a} x", false},
		{"all_kinds_of_stock_values", "%{IP:a} %{IPORHOST:b} %{TIMESTAMP_ISO8601:c} %{NUMBER:d} %{QS:e} %{UUID:f} %{MAC:g} (?:%{IP:h}|-) %{HOSTNAME:i} %{LOGLEVEL:j} %{HTTPDATE:k}", true},
		{"not_values_that_cost_too_much", dearValues(), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := mustCompile(t, row.pattern).fast != nil; got != row.want {
				t.Errorf("%s: splitter = %v, want %v", row.pattern, got, row.want)
			}
		})
	}
}

func TestMachine(t *testing.T) {
	t.Run("agrees_with_the_standard_library", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.StringMatching(`(\(\?P<g0>(a|b\||\[ab\]|\.)[*+?]?\)[*?]?|a|\\b|\\B|\(\?:a\|ab\|b\)[*+?]{0,2}|\.\*\??|\^|\$|é|\(b\*\)\*){1,6}`).Draw(t, "regexp")
			re, err := regexp.Compile(strings.Replace(text, "g0", "x", 1))
			if err != nil {
				return // two groups of a name, a quantifier too many
			}
			m, err := newMachine(strings.Replace(text, "g0", "x", 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				line := []byte(rapid.StringMatching(`[ab é]{0,8}`).Draw(t, "line"))
				want, got := re.FindSubmatchIndex(line), m.find(line)
				for i := range want {
					if i >= 2 && re.SubexpNames()[i/2] == "" {
						want[i] = -1 // the machine keeps what is named
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s on %q: %v, want %v", re, line, got, want)
				}
			}
		})
	})
}

// TestSplitterPrefersWhatTheRegexpDoes holds the cases in which the two differ as soon as one rule is left out; chance
// finds them too rarely.
func TestSplitterPrefersWhatTheRegexpDoes(t *testing.T) {
	for _, tt := range []struct{ name, pattern, line string }{
		{"the first of two alternatives that match", `%{WORD:w} (?:%{NOTSPACE:a}|%{QS:b}) %{INT:c}`, `v "x" 5`},
		{"the first place of a field that is named twice", `%{INT:a} %{WORD:b} %{INT:a}`, `1 x 2`},
		{"nothing from an attempt that failed", `(?:%{INT:a}|%{WORD:b}) %{INT:c}`, `5 x 7`},
		{"a beginning within the segment, past a blank", `(?:xA|A B) %{INT:b}`, `xA B 5`},
		{"a later segment of the line", `%{WORD:a} %{INT:b}`, `- x 5`},
		{"a line that ends before its last value", `%{INT:a} %{INT:b} %{INT:c}`, `1 2`},
		{"a line that goes on", `^%{INT:a} %{INT:b}$`, `1 2 3`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := mustCompile(t, tt.pattern)
			if p.fast == nil {
				t.Fatal("the splitter does not take the pattern")
			}
			sameAsRegexp(t, p, []byte(tt.line))
		})
	}
}
