package grok

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"flowlake/flow"
)

// proposer looks for a pattern that covers every line whole. It begins with the user's and widens it where a line
// asks for it. Widening only ever adds to what a pattern matches, so the lines that were covered
// before stay covered, and one pass over the input proves the result.
type proposer struct {
	defs   definitions
	custom string

	columns []proposed // nil: the pattern is not one of columns
	stamp   presence   // an export timestamp in front
	extra   presence   // more columns than the pattern has
	current *Pattern   // of the columns as they are
	values  [][]byte
	covers  int64

	whole []*Pattern // the user's pattern between anchors, in variants; nil ones have missed a line

	data    int64 // lines that a pattern ought to cover
	headers int64
	empty   int64
	tooLong bool // a proposal was longer than Glue takes
	failed  int  // proposals that came to nothing
}

// maxFailed bounds the proposals that are tried in vain: each costs a compilation.
const maxFailed = 100

// presence says in how many of the covered lines something is.
type presence uint8

const (
	unknown presence = iota
	never
	always
	sometimes
)

func (p presence) with(has bool) presence {
	switch {
	case p == unknown && has:
		return always
	case p == unknown:
		return never
	case p == always && !has, p == never && has:
		return sometimes
	}
	return p
}

// proposed is a column and how far it was widened.
type proposed struct {
	column
	form form
}

type form uint8

const (
	asIs   form = iota
	orDash      // or absent
	orAny       // or any word
)

const stampField = "exported_at"

func newProposer(p *Pattern) *proposer {
	pr := &proposer{custom: p.custom}
	pr.defs, _ = parseCustom(p.custom) // Compile has read it
	body, _, _ := stripAnchors(p.source)
	for _, c := range columnsOf(body, pr.defs) {
		pr.columns = append(pr.columns, proposed{column: c})
	}
	if parts, ok := splitTop(body, '|'); !ok || len(parts) > 1 {
		body = "(?:" + body + ")"
	}
	for _, front := range []string{"", pr.stampRef(p.fields) + " ", "(?:" + pr.stampRef(p.fields) + " )?"} {
		if w, err := Compile("^"+front+body+"$", p.custom); err == nil {
			pr.whole = append(pr.whole, w)
		}
	}
	return pr
}

// stampRef is the reference for the export timestamp, without a name if the pattern has that already.
func (pr *proposer) stampRef(fields []Field) string {
	for _, f := range fields {
		if f.Name == stampField {
			return "%{TIMESTAMP_ISO8601}"
		}
	}
	return "%{TIMESTAMP_ISO8601:" + stampField + "}"
}

// header takes note of a header line. The first line's says what the columns are.
func (pr *proposer) header(fields []flow.Field, line int64) {
	pr.headers++
	if line == 1 && len(fields) != len(pr.columns) {
		pr.rebase(fields, nil)
	}
}

// rebase makes the columns those of a flow-log format, with the user's references where the names agree, or where
// they fit the values of a record from its beginning.
func (pr *proposer) rebase(fields []flow.Field, record [][]byte) {
	own := map[string]string{}
	for _, c := range pr.columns {
		if c.named.field != "" {
			own[strings.ReplaceAll(strings.ToLower(c.named.field), "-", "_")] = c.text
		}
	}
	var pieces []string
	fits := true
	for i, f := range fields {
		text, ok := own[f.Column()]
		if fits = fits && i < len(record) && i < len(pr.columns) && pr.columns[i].fits(record[i]); fits {
			text = pr.columns[i].text
		} else if !ok {
			text = reference(f)
		}
		pieces = append(pieces, text)
	}
	pr.columns, pr.current = nil, nil
	for _, c := range columnsOf(strings.Join(pieces, " "), pr.defs) {
		pr.columns = append(pr.columns, proposed{column: c})
	}
}

// reference is the reference for a field of flow logs.
func reference(f flow.Field) string {
	switch {
	case f.Type == flow.Int32:
		return "%{NUMBER:" + f.Column() + ":int}"
	case f.Type == flow.Int64:
		return "%{NUMBER:" + f.Column() + ":long}"
	case strings.HasSuffix(f.Name, "addr"):
		return "%{IP:" + f.Column() + "}"
	case f.Name == "action" || f.Name == "log-status":
		return "%{WORD:" + f.Column() + "}"
	default:
		return "%{NOTSPACE:" + f.Column() + "}"
	}
}

// line has the proposals cover one more line.
func (pr *proposer) line(line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		pr.empty++
		return
	}
	pr.data++
	for i, w := range pr.whole {
		if w != nil && !pr.covered(w, line) {
			pr.whole[i] = nil
		}
	}
	if pr.data == 1 && pr.columns != nil && pr.headers == 0 {
		_, record, _ := flow.CutExportTimestamp(line)
		values := bytes.Split(record, []byte{' '})
		if fields, ok := flow.Recognise(line); ok && len(values) != len(pr.columns) && !pr.columns[len(pr.columns)-1].rest {
			pr.rebase(fields, values)
		}
	}
	if pr.columns == nil {
		return
	}
	if pr.current != nil && pr.covered(pr.current, line) || pr.widen(line) {
		pr.covers++
	}
}

// covered reports whether the anchored pattern matches.
func (pr *proposer) covered(p *Pattern, line []byte) bool {
	if n := len(p.fields); len(pr.values) < n {
		pr.values = make([][]byte, n)
	}
	return p.Match(line, pr.values[:len(p.fields)])
}

// widen changes the columns so that they cover the line, or leaves them as they were.
func (pr *proposer) widen(line []byte) bool {
	if pr.failed > maxFailed {
		return false
	}
	next := *pr
	next.columns = append([]proposed(nil), pr.columns...)
	n := len(next.columns)
	text := line
	stamp, rest, stamped := flow.CutExportTimestamp(line)
	if stamped = stamped && !next.columns[0].fits(stamp); stamped {
		text = rest
	}
	values := bytes.SplitN(text, []byte{' '}, n+1)
	if len(values) < n {
		return false
	}
	more := len(values) > n
	if more && next.columns[n-1].rest {
		from := len(text) - len(values[n-1]) - 1 - len(values[n])
		values, more = append(values[:n-1], text[from:]), false
	}
	next.stamp, next.extra = pr.stamp.with(stamped), pr.extra.with(more)
	strange := 0
	for i := range next.columns {
		c, v := &next.columns[i], values[i]
		switch {
		case len(v) == 0:
			return false
		case string(v) == "-" && !c.fits(v):
			c.form = max(c.form, orDash)
		case c.form == orAny || c.fits(v):
		default:
			c.form = orAny
			strange++
		}
	}
	if _, ok := flow.Recognise(line); !ok && strange > 1 && strange > n/2 {
		return false // a line of another kind: to cover it would make the pattern mean nothing
	}
	proposal := next.pattern()
	pr.tooLong = pr.tooLong || utf8.RuneCountInString(proposal) > MaxPattern
	p, err := Compile(proposal, pr.custom)
	if err != nil || !pr.covered(p, line) {
		pr.failed++
		return false
	}
	next.current, next.values = p, pr.values
	*pr = next
	return true
}

// pattern writes the columns as they are.
func (pr *proposer) pattern() string {
	var fields []Field
	var b strings.Builder
	for i, c := range pr.columns {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c.widened())
		fields = append(fields, Field{Name: strings.ToLower(c.named.field)})
	}
	front, end := "", ""
	switch ref := pr.stampRef(fields); pr.stamp {
	case always:
		front = ref + " "
	case sometimes:
		front = "(?:" + ref + " )?"
	}
	switch pr.extra {
	case always:
		end = " %{GREEDYDATA:rest}"
	case sometimes:
		end = "(?: %{GREEDYDATA:rest})?"
	}
	return "^" + front + b.String() + end + "$"
}

// widened writes a column.
func (c proposed) widened() string {
	inner, grouped := wholeGroup(c.text)
	if !grouped {
		inner = c.text
	}
	word := "%{NOTSPACE}"
	if c.rest {
		word = "%{GREEDYDATA}"
	}
	switch {
	case c.form == orDash:
		return "(?:" + inner + "|-)"
	case c.form == orAny && c.named.field != "" && c.named.hiveType == "string" && (c.ref.field != "" || c.dash):
		return "(?:-|" + word[:len(word)-1] + ":" + c.named.field + "})" // "-" stays no value
	case c.form == orAny:
		return "(?:" + inner + "|" + word + ")"
	}
	return c.text
}

// suggestion is the best proposal, nil if none covers more than the whole lines that the pattern itself does.
func (pr *proposer) suggestion(whole int64) *Suggestion {
	s := &Suggestion{Custom: pr.custom}
	for _, w := range pr.whole {
		if w != nil && pr.data > 0 {
			s.Pattern, s.Covers = w.source, pr.data
			break
		}
	}
	if s.Pattern == "" && pr.current != nil {
		s.Pattern, s.Covers = pr.current.source, pr.covers
		s.Notes = pr.widenings()
	}
	if s.Pattern == "" || s.Covers <= whole {
		return nil
	}
	if pr.headers > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%s: a table skips %s with 'skip.header.line.count'='1'",
			count(pr.headers, "line is a header", "lines are headers"), pick(pr.headers, "it", "them")))
	}
	if pr.empty > 0 {
		s.Notes = append(s.Notes, count(pr.empty, "line is empty", "lines are empty")+": each is a row of NULLs with any pattern")
	}
	if other := pr.data - s.Covers; other > 0 {
		s.Notes = append(s.Notes, count(other, "line is", "lines are")+" of another kind: covering such would make the pattern mean nothing")
	}
	return s
}

// widenings says what the columns lost.
func (pr *proposer) widenings() (notes []string) {
	for _, c := range pr.columns {
		if c.form != orAny || c.named.field == "" {
			continue
		}
		note := "field " + strings.ToLower(c.named.field) + " takes any word, for values that are not " + wants(c.column)
		if c.named.hiveType != "string" {
			note += "; those become NULL"
		}
		notes = append(notes, note)
	}
	if pr.extra == always || pr.extra == sometimes {
		notes = append(notes, "field rest takes the columns that the pattern has no names for")
	}
	return notes
}
