package sql

import (
	"strings"
	"testing"
	"unicode/utf8"

	"flowlake/fault"
)

func seed(f *testing.F) {
	for _, file := range []string{"testdata/statements.txt", "testdata/errors.txt"} {
		for _, c := range readGolden(f, file) {
			f.Add(unescape.Replace(c.input))
		}
	}
}

// FuzzParse claims: no panic; a tree's spans nest; an error is classified and its place is in the text;
// the answer is the same each time.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		stmt, err := Parse(text)
		if err != nil {
			if stmt != nil {
				t.Fatalf("%q: a tree and an error", text)
			}
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
				t.Fatalf("%q: %v: %v", text, k, err)
			}
			if mistake := checkError(text, err); mistake != nil {
				t.Fatalf("%q: %v", text, mistake)
			}
			if _, again := Parse(text); again == nil || again.Error() != err.Error() {
				t.Fatalf("%q: %v, then %v", text, err, again)
			}
			return
		}
		if err := checkSpans(text, stmt); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if q, ok := stmt.(*Query); ok && len(text) < 1000 {
			if err := checkParts(text, q); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if k := KindOf(stmt); k != DDL && k != DML && k != Utility {
			t.Fatalf("%q: kind %q", text, k)
		}
	})
}

// FuzzLex claims: tokens are in order, none is empty but the last, and between them is nothing but
// white space and comments.
func FuzzLex(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) {
		for _, hive := range []bool{false, true} {
			toks, flaw := lex(text, hive)
			at := 0
			for i, tok := range toks {
				if tok.start < at || tok.end > len(text) || tok.start > tok.end {
					t.Fatalf("%q: token %d is %v behind %d", text, i, tok, at)
				}
				if (tok.kind == tokEOF) != (i == len(toks)-1) || tok.kind != tokEOF && tok.start == tok.end {
					t.Fatalf("%q: token %d is %v", text, i, tok)
				}
				if tok.kind == tokBad && (flaw.message == "" || i != len(toks)-2) {
					t.Fatalf("%q: bad token %d of %d, %q", text, i, len(toks), flaw.message)
				}
				if tok.kind != tokBad && tok.kind != tokEOF && !utf8.ValidString(text[tok.start:tok.end]) {
					t.Fatalf("%q: token %d is not UTF-8", text, i)
				}
				if i > 0 && toks[i-1].kind == tokBad {
					break
				}
				if gap := text[at:tok.start]; !onlySpace(gap) {
					t.Fatalf("%q: %q is in no token", text, gap)
				}
				at = tok.end
			}
		}
	})
}

// onlySpace removes white space and comments by other means than the lexer does.
func onlySpace(s string) bool {
	s = strings.TrimPrefix(s, "\ufeff")
	for s != "" {
		switch {
		case strings.HasPrefix(s, "--"):
			_, s, _ = strings.Cut(s, "\n")
		case strings.HasPrefix(s, "/*"):
			_, after, ok := strings.Cut(s[2:], "*/")
			if !ok {
				return false
			}
			s = after
		case strings.ContainsAny(s[:1], " \t\r\n\f\v"):
			s = s[1:]
		default:
			return false
		}
	}
	return true
}

// FuzzParseType claims: a type that parses has a canonical form, which parses to itself.
func FuzzParseType(f *testing.F) {
	for _, s := range []string{"int", "array<struct<a:int,b:map<string,decimal(10,2)>>>", "varchar(5)", "STRUCT < x : INTEGER COMMENT 'c' >"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		typ, err := ParseType(text)
		if err != nil {
			if err := checkError(text, err); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		once := typ.FormatHive()
		twice, err := formatType(once)
		if err != nil || once != twice {
			t.Fatalf("%q: %q, then %q, %v", text, once, twice, err)
		}
	})
}
