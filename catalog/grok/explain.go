package grok

import (
	"bytes"
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"flowlake/flow"
)

// explainer says where and why a line does not match. A pattern of values between single blanks is held
// against the line's columns; any other against the longest of its beginnings that matches.
type explainer struct {
	columns  []column // nil: the pattern is not one of columns
	anchored bool     // by ^
	ended    bool     // by $
	steps    []step
	prefixes []*matcher // of steps: the i-th is what stands before the i-th step
}

// column is one blank-separated value of a pattern.
type column struct {
	text  string // as the pattern has it, without anchors
	ref   ref    // its reference, if it is one with nothing around
	named ref    // its first reference with a field, also where it has alternatives
	dash  bool   // one of its alternatives is "-"
	whole *matcher
	rest  bool // it takes what is left of the line
}

// step is a part of a pattern that is not one of columns.
type step struct {
	text string
	ref  ref // of a reference
}

func newExplainer(p *Pattern) *explainer {
	x := &explainer{}
	defs, err := parseCustom(p.custom)
	if err != nil {
		return x // not reached: Compile has read it
	}
	var body string
	body, x.anchored, x.ended = stripAnchors(p.source)
	x.columns = columnsOf(body, defs)
	if x.columns != nil {
		return x
	}
	x.steps = unfold(stepsOf(body), defs, 0)
	before := ""
	if x.anchored {
		before = "^"
	}
	size := 0
	for _, s := range x.steps {
		if size += partSteps(before, defs); size > maxPrefixes {
			x.prefixes = nil
			break
		}
		x.prefixes = append(x.prefixes, compilePart(before, defs))
		before += s.text
	}
	return x
}

// stripAnchors returns the pattern without a leading ^ and a final $.
func stripAnchors(pattern string) (body string, start, end bool) {
	body, start = strings.CutPrefix(pattern, "^")
	if strings.HasSuffix(body, "$") && !strings.HasSuffix(body, `\$`) {
		body, end = strings.TrimSuffix(body, "$"), true
	}
	return body, start, end
}

// compilePart compiles a part of a pattern that compiled whole; nil where a part cannot stand alone.
func compilePart(text string, defs definitions) *matcher {
	x := &expansion{defs: defs}
	expanded, err := x.expand(source{}, text)
	if err != nil {
		return nil
	}
	m, err := newMatcher(expanded, x.asserts)
	if err != nil {
		return nil
	}
	return m
}

// maxPrefixes bounds the steps of all prefixes, some 25 MB of regexps: a pattern that has more is not taken apart.
const maxPrefixes = 1 << 18

// partSteps is the size of what compilePart gives.
func partSteps(text string, defs definitions) int {
	x := &expansion{defs: defs}
	expanded, err := x.expand(source{}, text)
	if err != nil {
		return 0
	}
	re, err := syntax.Parse(expanded, syntax.Perl)
	if err != nil {
		return 0
	}
	return steps(re)
}

// columnsOf divides a pattern at its blanks, or returns nil if its values are not what stands between them.
func columnsOf(body string, defs definitions) []column {
	pieces, ok := splitTop(body, ' ')
	if !ok || len(pieces) < 2 {
		return nil
	}
	var columns []column
	visits := maxVisits
	for i, piece := range pieces {
		if piece == "" || strings.IndexAny(piece, "*+?{|") == 0 {
			return nil
		}
		if parts, ok := splitTop(piece, '|'); !ok || len(parts) > 1 {
			return nil
		}
		c := column{text: piece, whole: compilePart("^(?:"+piece+")$", defs)}
		if strings.HasPrefix(piece, "%{") {
			if r, err := parseRef(piece); err == nil && r.length == len(piece) {
				c.ref, c.named = r, r
			}
		}
		if inner, ok := wholeGroup(piece); ok {
			alternatives, _ := splitTop(inner, '|')
			for _, text := range alternatives {
				if !strings.HasPrefix(text, "%{") {
					continue
				}
				if r, err := parseRef(text); err == nil && r.length == len(text) && r.field != "" && c.named.field == "" {
					c.named = r
				}
			}
			c.dash = slices.Contains(alternatives, "-")
		}
		last := i == len(pieces)-1
		blanks, known := hasBlanks(piece, defs, &visits)
		if c.whole == nil || !known || blanks && !last {
			return nil // a value that has blanks itself
		}
		c.rest = blanks
		columns = append(columns, c)
	}
	return columns
}

// hasBlanks reports whether a value may have blanks, but for zones of IPv6 addresses and for times with a
// blank in place of the T, which are seldom. known is false where that cannot be told.
func hasBlanks(piece string, defs definitions, visits *int) (blanks, known bool) {
	seldom := maps.Clone(defs)
	if seldom == nil {
		seldom = definitions{}
	}
	for _, name := range []string{"IPV6", "TIMESTAMP_ISO8601"} {
		if _, ok := defs[name]; !ok {
			body := strings.TrimSuffix(builtin[name], `(?:%.+)?`)
			seldom[name] = definition{body: strings.Replace(body, "[T ]", "T", 1)}
		}
	}
	x := &expansion{defs: seldom}
	expr, err := x.expand(source{}, piece)
	if err != nil {
		return false, false
	}
	a := automatonOf(expr, x.asserts, false, visits)
	if a == nil {
		return false, false
	}
	return slices.Contains(a.spaced, true), true
}

// stepsOf divides a pattern into references and what stands between them.
func stepsOf(body string) []step {
	if parts, ok := splitTop(body, '|'); !ok || len(parts) > 1 {
		return []step{{text: body}}
	}
	x := &expansion{}
	var steps []step
	from, depth := 0, 0
	flush := func(to int) {
		if to > from {
			steps = append(steps, step{text: body[from:to]})
		}
		from = to
	}
	for i := 0; i < len(body); {
		n := 1
		switch c := body[i]; {
		case c == '\\':
			n, _ = x.escape(source{}, body, i)
		case c == '[':
			n, _ = x.class(source{}, body, i)
		case c == '(':
			depth++
		case c == ')':
			depth--
		case strings.HasPrefix(body[i:], "%{"):
			r, _ := parseRef(body[i:])
			n = r.length
			if depth == 0 && !(i+n < len(body) && strings.IndexByte("*+?{", body[i+n]) >= 0) {
				flush(i)
				steps = append(steps, step{text: body[i : i+n], ref: r})
				from = i + n
			}
		}
		i += max(n, 1)
	}
	flush(len(body))
	return steps
}

// unfold replaces references to patterns that are made of others, such as %{COMBINEDAPACHELOG}, by their parts.
func unfold(steps []step, defs definitions, depth int) []step {
	var out []step
	for _, s := range steps {
		def, ok := defs.find(s.ref.name)
		_, simple := wanted[s.ref.name]
		if s.ref.name == "" || !ok || simple || depth > 8 || !strings.Contains(def.body, "%{") || strings.Contains(def.body, "(?i)") {
			out = append(out, s)
			continue
		}
		parts := stepsOf(def.body)
		if len(parts) < 2 {
			out = append(out, s)
			continue
		}
		parts = unfold(parts, defs, depth+1)
		for i := range parts {
			if parts[i].ref.field == "" {
				parts[i].ref.field = s.ref.field
			}
		}
		out = append(out, parts...)
	}
	return out
}

// miss explains a line that does not match.
func (x *explainer) miss(n int64, line []byte) Miss {
	m := Miss{Line: n}
	at := 0
	switch {
	case len(bytes.TrimSpace(line)) == 0:
		m.Why = "the line is empty"
	case x.columns != nil:
		at = x.byColumns(&m, line)
	default:
		at = x.bySteps(&m, line)
	}
	e := excerpt(line, at)
	m.Text, m.Caret = e.text, e.caret
	return m
}

// byColumns finds the first column that does not fit, and returns its place.
func (x *explainer) byColumns(m *Miss, line []byte) int {
	at := 0
	if _, rest, ok := flow.CutExportTimestamp(line); ok && !x.anchored && !x.columns[0].fits(line[:len(line)-len(rest)-1]) {
		at = len(line) - len(rest)
	}
	for i, c := range x.columns {
		if at > len(line) {
			m.Field = strings.ToLower(c.named.field)
			m.Why = fmt.Sprintf("the line ends where %s should stand, as the %s of %d values", c.noun(), ordinal(i+1), len(x.columns))
			return len(line)
		}
		end := len(line)
		if sp := bytes.IndexByte(line[at:], ' '); sp >= 0 && !c.rest {
			end = at + sp
		}
		if !c.fits(line[at:end]) {
			m.Field, m.Found = strings.ToLower(c.named.field), excerpt(line[at:end], 0).text
			m.Why = why(c.noun(), wants(c), line[at:end], line, i == 0 && x.anchored)
			return at
		}
		at = end + 1
	}
	if at <= len(line) && x.ended {
		m.Found = excerpt(line[at:], 0).text
		m.Why = fmt.Sprintf("the pattern ends with $ after %d values, and the line goes on", len(x.columns))
		return at
	}
	m.Why = "each value fits its column, but not all of them together do"
	return 0
}

// bySteps finds the longest beginning of the pattern that matches somewhere, and returns where it ends.
func (x *explainer) bySteps(m *Miss, line []byte) int {
	for i := len(x.prefixes) - 1; i >= 0; i-- {
		if x.prefixes[i] == nil {
			continue
		}
		found := x.prefixes[i].find(line)
		if found == nil {
			continue
		}
		at, s := found[1], x.steps[i]
		if len(x.steps) == 1 {
			m.Why = "no part of the line matches; the pattern cannot be taken apart to say where it stops"
			return 0
		}
		m.Field = strings.ToLower(s.ref.field)
		rest := line[at:]
		word := rest
		if sp := bytes.IndexByte(rest, ' '); sp > 0 {
			word = rest[:sp]
		}
		noun, wanted := "the text "+quote(strings.TrimSpace(s.text)), quote(s.text)
		if s.ref.name != "" {
			c := column{text: s.text, ref: s.ref, named: s.ref}
			noun, wanted = c.noun(), wants(c)
		}
		if len(rest) == 0 {
			m.Why = fmt.Sprintf("the line ends where %s should stand", noun)
			return at
		}
		m.Found = excerpt(word, 0).text
		if i == 0 {
			m.Why = fmt.Sprintf("nowhere in the line is there %s, which the pattern begins with", wanted)
			return 0
		}
		if s.ref.name == "" {
			m.Why = fmt.Sprintf("here the pattern has %s, found %s", quote(s.text), quote(m.Found))
		} else {
			m.Why = why(noun, wanted, word, line, false)
		}
		return at
	}
	m.Why = "no part of the line matches"
	return 0
}

// fits reports whether the column's value may be text.
func (c column) fits(text []byte) bool { return c.whole.find(text) != nil }

// noun names a column for a sentence.
func (c column) noun() string {
	switch {
	case c.named.field != "":
		return "field " + strings.ToLower(c.named.field)
	case c.ref.name != "":
		return "%{" + c.ref.name + "}"
	default:
		return "the text " + quote(c.text)
	}
}

// wanted says in words what the stock patterns accept.
var wanted = map[string]string{
	"NUMBER": "a number", "BASE10NUM": "a number", "INT": "a whole number", "POSINT": "a whole number above 0",
	"NONNEGINT": "a whole number without a sign", "BASE16NUM": "a hexadecimal number", "BASE16FLOAT": "a hexadecimal number",
	"BOOLEAN": "true or false", "WORD": "one word of letters, digits and _", "NOTSPACE": "text without blanks",
	"IP": "an IP address", "IPV4": "an IPv4 address", "IPV6": "an IPv6 address", "MAC": "a MAC address",
	"HOSTNAME": "a host's name", "HOST": "a host's name", "IPORHOST": "a host's name or address", "HOSTPORT": "a host and a port",
	"USERNAME": "a user's name", "USER": "a user's name", "UUID": "a UUID", "QS": "text in quotes", "QUOTEDSTRING": "text in quotes",
	"TIMESTAMP_ISO8601": "a time such as 2026-01-01T00:00:00Z", "HTTPDATE": "a time such as 10/Oct/2026:13:55:36 +0900",
	"SYSLOGTIMESTAMP": "a time such as Jan  2 15:04:05", "TIME": "a time of day", "LOGLEVEL": "a log level", "MONTH": "a month's name",
	"MONTHDAY": "a day of the month", "YEAR": "a year", "URI": "a URI", "URIPATH": "a path", "UNIXPATH": "a path", "PATH": "a path",
}

func wants(c column) string {
	if w, ok := wanted[c.named.name]; ok && c.dash {
		return w + " or `-`"
	}
	if w, ok := wanted[c.ref.name]; ok {
		return w
	}
	if c.ref.name != "" {
		return "what %{" + c.ref.name + "} describes"
	}
	return "what " + quote(c.text) + " describes"
}

// why is the sentence about a value that does not fit.
func why(noun, wanted string, found, line []byte, first bool) string {
	text := fmt.Sprintf("%s wants %s, found %s", noun, wanted, quote(excerpt(found, 0).text))
	if len(found) == 0 {
		text = fmt.Sprintf("%s wants %s, found nothing between two blanks", noun, wanted)
	}
	status := ""
	for word := range bytes.SplitSeq(line, []byte{' '}) {
		if w := string(word); w == "NODATA" || w == "SKIPDATA" {
			status = w
		}
	}
	_, _, exported := flow.CutExportTimestamp(line)
	switch {
	case string(found) == "-" && status != "":
		text += fmt.Sprintf(": this is a %s record, whose addresses, ports and counters are `-`", status)
	case string(found) == "-":
		text += ": `-` stands for a value that is absent"
	case first && exported:
		text += ": it is the time that a CloudWatch Logs export puts in front of each line"
	case string(found) == "unknown":
		text += ": the account of an interface that an AWS service owns can be `unknown`"
	}
	return text
}

func quote(text string) string { return "`" + text + "`" }

func ordinal(n int) string {
	suffix := "th"
	if tens := n % 100; tens < 11 || tens > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n, suffix)
}

// shown is a part of a line fit for a terminal, and the place in it of an offset, in characters.
type shown struct {
	text  string
	caret int
}

// Characters that an excerpt has at most, and those that it keeps before the place that matters.
const (
	maxShown   = 160
	keptBefore = 100
)

// excerpt makes a part of line around the byte at printable.
func excerpt(line []byte, at int) shown {
	from := 0
	if at > keptBefore && len(line) > maxShown {
		from = at - keptBefore
		for from < at && !utf8.RuneStart(line[from]) {
			from++
		}
	}
	var out []rune
	caret := -1
	if from > 0 {
		out = append(out, '…')
	}
	for i := from; i < len(line); {
		if i >= at && caret < 0 {
			caret = len(out)
		}
		if len(out) >= maxShown {
			out = append(out, '…')
			break
		}
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			r = '·'
		}
		out = append(out, r)
		i += size
	}
	if caret < 0 {
		caret = len(out)
	}
	return shown{text: string(slices.Clip(out)), caret: caret}
}
