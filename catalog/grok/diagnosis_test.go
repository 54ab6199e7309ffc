package grok

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"flowlake/flow"
	"flowlake/flow/synthetic"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	okLine   = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
	noData   = "2 123456789010 eni-1a2b3c4d - - - - - - - 1431280876 1431280934 - NODATA\n"
	skipData = "2 123456789010 eni-4b118871 - - - - - - - 1431280876 1431280934 - SKIPDATA\n"
	stamp    = "2018-09-22T20:28:14.000Z "
	v5Header = "account-id action az-id bytes dstaddr dstport end flow-direction instance-id interface-id log-status packets protocol srcaddr srcport start traffic-path version\n"
	v5Line   = "999999999999 ACCEPT use2-az2 4895 192.0.2.156 50318 1614866511 ingress i-00123456789abcdef eni-00123456789abcdef OK 15 6 198.51.100.7 443 1614866493 - 5\n"
	apache   = `127.0.0.1 - frank [10/Oct/2026:13:55:36 -0700] "GET /a HTTP/1.0" 200 23 "http://example.com/" "Mozilla"` + "\n"
)

func diagnose(t *testing.T, pattern, custom, input string) *Diagnosis {
	t.Helper()
	p, err := Compile(pattern, custom)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diagnose(strings.NewReader(input), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDiagnosisText(t *testing.T) {
	for _, row := range []struct{ name, pattern, custom, input string }{
		{"nodata", seedPattern, "", okLine + noData + okLine + skipData},
		{"exported", seedPattern, "", stamp + okLine + stamp + noData},
		{"exported_anchored", "^" + seedPattern + "$", "", stamp + okLine + okLine},
		{"unknown_account", seedPattern, "", strings.Replace(okLine, "123456789010", "unknown", 1) + okLine},
		{"header_of_another_format", seedPattern, "", v5Header + v5Line + "bogus line\n"},
		{"all_whole", "^" + seedPattern + "$", "", okLine},
		{"too_short_a_pattern", "%{NUMBER:version} %{NOTSPACE:account}", "", okLine + noData},
		{"junk_and_empty", seedPattern, "", "the quick brown fox jumps over the lazy dog and two more words follow\n\n" + okLine + strings.TrimSuffix(okLine, " OK\n")},
		{"a_number_over_int", seedPattern, "", strings.Replace(okLine, "4249", "9999999999", 1)},
		{"custom_patterns", `%{NUMBER:version:int} %{ACCOUNT:account} %{GREEDYDATA:rest}`, "ACCOUNT [0-9]{12}", okLine + strings.Replace(okLine, "123456789010", "-", 1)},
		{"not_of_columns", `\[%{LOGLEVEL:level}\] %{DATA:text} took %{NUMBER:ms:int}ms`, "",
			"[INFO] hello world took 5ms\n[INFO] hello took xms\nfoo\n  [WARN] x took 7ms ok\n[INFO] hello\n"},
		{"apache", "%{COMBINEDAPACHELOG}", "", apache + strings.Replace(apache, `"Mozilla"`, "Mozilla", 1)},
		{"a_dash_and_other_words", "^%{NUMBER:n:int} (?:%{IP:addr}|-) %{WORD:w}$", "", "1 ::1 x\n2 - -\n3 none a-b\n- - x\nx 1.2.3.4 y\n"},
		{"nothing", seedPattern, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := diagnose(t, row.pattern, row.custom, row.input)
			var got bytes.Buffer
			if err := d.WriteText(&got); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", row.name+".golden")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("pattern %s\ngot:\n%s\nwant:\n%s", row.pattern, got.String(), want)
			}
		})
	}
}

func TestDiagnose(t *testing.T) {
	t.Run("suggests_a_pattern_that_covers_every_line_of_a_VPC", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			exported := rapid.SampledFrom([]string{"never", "always", "sometimes"}).Draw(t, "exported")
			g, err := synthetic.New(synthetic.Config{Seed: rapid.Uint64().Draw(t, "seed"), Rows: 100, Start: time.Unix(1_700_000_000, 0)})
			if err != nil {
				t.Fatal(err)
			}
			var input []byte
			for {
				if exported == "always" || exported == "sometimes" && rapid.Bool().Draw(t, "stamped") {
					input = append(input, stamp...)
				}
				var ok bool
				if input, ok = g.Next(input); !ok {
					break
				}
				input = append(input, '\n')
			}
			input = bytes.TrimSuffix(input, []byte(stamp))
			p, err := Compile(seedPattern, "")
			if err != nil {
				t.Fatal(err)
			}
			d, err := Diagnose(bytes.NewReader(input), p, Options{})
			if err != nil {
				t.Fatal(err)
			}
			better := p.source
			if d.Suggestion != nil {
				better = d.Suggestion.Pattern
			} else if d.Whole != d.Lines {
				t.Fatalf("%d of %d lines are covered whole, and nothing is suggested", d.Whole, d.Lines)
			}
			q, err := Compile(better, "")
			if err != nil {
				t.Fatalf("the suggestion does not compile: %v", err)
			}
			for i, f := range p.Fields() {
				j := i + len(q.Fields()) - len(p.Fields())
				if q.Fields()[j] != f {
					t.Fatalf("field %d is %v, was %v", i, q.Fields()[j], f)
				}
			}
			if again, err := Diagnose(bytes.NewReader(input), q, Options{}); err != nil || again.Whole != d.Lines || again.Suggestion != nil {
				t.Fatalf("asked about its own suggestion: %+v, %v", again, err)
			}
			values := make([][]byte, len(q.Fields()))
			for line := range bytes.Lines(input) {
				line = bytes.TrimSuffix(line, []byte("\n"))
				if start, end, ok := q.find(line, values); !ok || start != 0 || end != len(line) {
					t.Fatalf("%s does not cover %s", better, line)
				}
			}
		})
	})
	t.Run("counts_every_line_once", func(t *testing.T) {
		d := diagnose(t, seedPattern, "", okLine+noData+"\n"+strings.TrimSuffix(okLine, "\n"))
		if d.Lines != 4 || d.Matched != 2 || d.NullRows != 2 || d.Share != 0.5 {
			t.Errorf("%d lines, %d matched, %d null rows, share %v", d.Lines, d.Matched, d.NullRows, d.Share)
		}
	})
	t.Run("reads_lines_that_end_with_carriage_return", func(t *testing.T) {
		d := diagnose(t, "^"+seedPattern+"$", "", strings.ReplaceAll(okLine+okLine, "\n", "\r\n"))
		if d.Whole != 2 {
			t.Errorf("%d of 2 lines covered", d.Whole)
		}
	})
	t.Run("counts_a_line_over_the_bound_and_goes_on", func(t *testing.T) {
		p := mustCompile(t, seedPattern)
		input := strings.Repeat("x", 300_000) + "\n" + okLine
		d, err := Diagnose(strings.NewReader(input), p, Options{MaxLine: 100_000})
		if err != nil || d.Lines != 2 || d.Matched != 1 || !strings.Contains(d.Misses[0].Why, "longer than 100000 bytes") {
			t.Errorf("%+v, %v", d, err)
		}
		long := okLine[:len(okLine)-1] + strings.Repeat(" x", 80_000) + "\n"
		if d, err = Diagnose(strings.NewReader(long), p, Options{}); err != nil || d.Matched != 1 {
			t.Errorf("a line of %d bytes: %+v, %v", len(long), d, err)
		}
	})
	t.Run("returns_the_reader's_error", func(t *testing.T) {
		broken := errors.New("disk on fire")
		_, err := Diagnose(iotest.ErrReader(broken), mustCompile(t, seedPattern), Options{})
		if !errors.Is(err, broken) {
			t.Errorf("error %v, want %v", err, broken)
		}
	})
	t.Run("is_the_same_in_JSON", func(t *testing.T) {
		d := diagnose(t, seedPattern, "", okLine+noData)
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back Diagnosis
		if err := json.Unmarshal(text, &back); err != nil || fmt.Sprint(back.Misses) != fmt.Sprint(d.Misses) || *back.Suggestion.first() != *d.Suggestion.first() {
			t.Errorf("%s\nreads back as %+v, %v", text, back, err)
		}
	})
	t.Run("says_when_no_pattern_is_short_enough", func(t *testing.T) {
		fields := flow.Fields()
		input := flow.Header(fields) + "\n" + stamp + strings.TrimSuffix(strings.Repeat("- ", len(fields)), " ")
		d := diagnose(t, seedPattern, "", input)
		if d.Suggestion != nil || !strings.Contains(strings.Join(d.Warnings, "\n"), "longer than the 2,048 characters") {
			t.Errorf("suggestion %+v, warnings %q", d.Suggestion, d.Warnings)
		}
	})
}

// first is the comparable part of a suggestion.
func (s *Suggestion) first() *[2]string { return &[2]string{s.Pattern, s.Custom} }

func FuzzDiagnose(f *testing.F) {
	f.Add(seedPattern, "", []byte(okLine+noData+stamp+okLine))
	f.Add("^%{WORD:a} (?:%{IP:b}|-)$", "", []byte("a -\nb ::1\n"))
	f.Add(`%{A:x}, %{GREEDYDATA}`, "A [a-z]+\nB x", []byte("ab, c\n\xff\n"))
	f.Add("%{COMBINEDAPACHELOG}", "", []byte(apache))
	f.Fuzz(func(t *testing.T, pattern, custom string, input []byte) {
		if len(pattern) > 200 || len(custom) > 200 || len(input) > 1000 {
			return
		}
		p, err := Compile(pattern, custom)
		if err != nil {
			return
		}
		for line := range bytes.Lines(input) {
			sameAsRegexp(t, p, line)
			sameAsRegexp(t, p, bytes.TrimSuffix(line, []byte("\n")))
		}
		d, err := Diagnose(bytes.NewReader(input), p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Suggestion != nil {
			if _, err := Compile(d.Suggestion.Pattern, d.Suggestion.Custom); err != nil {
				t.Errorf("suggestion %s: %v", d.Suggestion.Pattern, err)
			}
		}
		if err := d.WriteText(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
}
