package sql

import (
	"unicode/utf8"

	"flowlake/fault"
)

// MaxCharacters is the longest text that is taken.
//
// Source: Athena API reference, StartQueryExecution, QueryString
const MaxCharacters = 262144

// maxDepth bounds how deep a tree may be, chains such as a || b || c counted link by link, so that
// neither this parser nor what walks its trees runs out of stack.
const maxDepth = 1000

// Parse reads exactly one statement; a semicolon may follow it. Spans in the tree are byte offsets
// in text.
//
// The error is a fault.Invalid whose text begins with "line 1:8: ", or a fault.Unsupported when the
// statement or construct is known but not done here; the cause is an *Error with the place. A text
// that is too long, too deeply nested or not UTF-8 is fault.Invalid too.
func Parse(text string) (Statement, error) {
	var stmt Statement
	err := parseWith(text, isHive, func(p *parser) {
		stmt = p.statement()
		p.end()
		p.bound(stmt)
	})
	if err != nil {
		return nil, err
	}
	return stmt, nil
}

// ParseType reads a data type as DDL spells it, such as a catalogue's column type.
func ParseType(text string) (*Type, error) {
	var t *Type
	err := parseWith(text, func(string) bool { return true }, func(p *parser) {
		t = p.hiveType()
		p.end()
	})
	return t, err
}

// parser is a recursive descent over the tokens of one text. A mistake unwinds it as a panic of type
// halt, which parseWith recovers.
type parser struct {
	text  string
	toks  []token
	flaw  flaw // of the tokBad among toks
	pos   int
	hive  bool // DDL and utility statements: strings in double quotes, names in backticks
	depth int
	// params counts the ? that were met.
	params int
	// match gives for each ( the index of its ), and its own index when there is none. It is made when
	// it is first asked for.
	match []int32
	// queries remembers for each ( whether a query is inside.
	queries map[int]bool

	// The second pass, after a mistake, collects what was tried at the token noteAt.
	expecting map[string]bool
	noteAt    int
	muted     int
}

// parseWith runs rule over text, twice when there is a mistake to explain.
func parseWith(text string, hive func(string) bool, rule func(*parser)) error {
	// A character has at most four bytes: a text this long need not be counted.
	if len(text) > 4*MaxCharacters || utf8.RuneCountInString(text) > MaxCharacters {
		return ErrorAt(fault.Invalid, "", 0, "the query is longer than 262144 characters", "")
	}
	p := &parser{text: text, hive: hive(text), muted: -1}
	p.toks, p.flaw = lex(text, p.hive)
	at, err := p.run(rule)
	if at < 0 {
		return err
	}
	p.pos, p.depth, p.params, p.muted = 0, 0, 0, -1
	p.expecting, p.noteAt = map[string]bool{}, at
	if _, err = p.run(rule); err == nil {
		err = fault.Newf(fault.Internal, "sql parser", "a mistake at byte %d was not found again", p.toks[at].start)
	}
	return err
}

// run calls rule and returns its error, or the token at which a second pass has to note what is tried.
func (p *parser) run(rule func(*parser)) (at int, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case halt:
			err = r.err
		case retry:
			at = r.token
		default:
			panic(r)
		}
	}()
	at = -1
	rule(p)
	return at, nil
}

// isHive reports whether a text's first words make it a statement of Hive's grammar.
func isHive(text string) bool {
	head := lexHead(text, 2)
	if len(head) == 0 {
		return false
	}
	switch head[0].word {
	case "ALTER", "MSCK", "SHOW", "DESCRIBE", "DESC":
		return true
	case "DROP":
		return len(head) < 2 || head[1].word != "VIEW"
	case "CREATE":
		if len(head) < 2 {
			return true
		}
		switch head[1].word {
		case "EXTERNAL", "TABLE", "DATABASE", "SCHEMA":
			return true
		}
	}
	return false
}

// end accepts the end of the text, behind one semicolon if there is one.
func (p *parser) end() {
	if p.isOp(";") {
		p.pos++
		if p.cur().kind == tokEOF {
			return
		}
		hint := "Send one statement at a time"
		if p.cur().word == ";" {
			hint = "One semicolon at the end is enough"
		}
		p.refuse(p.pos, "Only one sql statement is allowed", hint)
	}
	if p.cur().kind != tokEOF {
		p.note("<EOF>")
		p.fail()
	}
}

// cur returns the current token, peek the one n further on.
func (p *parser) cur() token { return p.toks[p.pos] }

func (p *parser) peek(n int) token {
	if p.pos+n < len(p.toks) {
		return p.toks[p.pos+n]
	}
	return p.toks[len(p.toks)-1]
}

// advance takes the current token.
func (p *parser) advance() token {
	t := p.toks[p.pos]
	if t.kind != tokEOF {
		p.pos++
	}
	return t
}

// start is the offset at which the next node begins.
func (p *parser) start() int { return p.toks[p.pos].start }

// span is from start to the end of the last token taken.
func (p *parser) span(start int) Span {
	end := start
	if p.pos > 0 {
		end = max(end, p.toks[p.pos-1].end)
	}
	return Span{start, end}
}

// isWord reports whether the current token is that bare word.
func (p *parser) isWord(word string) bool {
	t := p.toks[p.pos]
	return t.kind == tokWord && t.word == word
}

// isOp reports whether the current token is that sign.
func (p *parser) isOp(sign string) bool {
	t := p.toks[p.pos]
	return t.kind == tokOp && t.word == sign
}

// word takes the current token if it is that word.
func (p *parser) word(word string) bool {
	if p.isWord(word) {
		p.pos++
		return true
	}
	p.noteWord(word)
	return false
}

// words takes the next tokens if they are these words, all of them.
func (p *parser) words(words ...string) bool {
	for i, w := range words {
		if t := p.peek(i); t.kind != tokWord || t.word != w {
			if i == 0 {
				p.noteWord(w)
			}
			return false
		}
	}
	p.pos += len(words)
	return true
}

// oneOf takes the current token if it is one of words, and returns it.
func (p *parser) oneOf(words ...string) string {
	for _, w := range words {
		if p.word(w) {
			return w
		}
	}
	return ""
}

// op takes the current token if it is that sign.
func (p *parser) op(sign string) bool {
	if p.isOp(sign) {
		p.pos++
		return true
	}
	p.noteWord(sign)
	return false
}

// need takes these words or fails.
func (p *parser) need(words ...string) {
	for _, w := range words {
		if !p.word(w) {
			p.fail()
		}
	}
}

// needOp takes that sign or fails.
func (p *parser) needOp(sign string) {
	if !p.op(sign) {
		p.fail()
	}
}

// follows reports whether the token after the current one is one of these words.
func (p *parser) follows(words ...string) bool {
	t := p.peek(1)
	if t.kind != tokWord {
		return false
	}
	for _, w := range words {
		if t.word == w {
			return true
		}
	}
	return false
}

// opens reports whether the token n further on is an opening parenthesis.
func (p *parser) opens(n int) bool {
	t := p.peek(n)
	return t.kind == tokOp && t.word == "("
}

// deeper counts a level of nesting; the caller defers shallower.
func (p *parser) deeper() {
	if p.depth++; p.depth > maxDepth {
		p.refuse(p.pos, "the statement is nested too deeply", "")
	}
}

// bound refuses a tree that chains of operators, joins or set operations made too deep. A node takes a
// token at least, all but a few: a short text need not be measured.
func (p *parser) bound(n Node) {
	if len(p.toks) <= maxDepth/4 {
		return
	}
	if deep := tooDeep(n); deep != nil {
		panic(halt{ErrorAt(fault.Invalid, p.text, deep.Bounds().Start, "the statement is nested too deeply", "")})
	}
}

func (p *parser) shallower() { p.depth-- }

// closing returns the index of the token that closes the parenthesis at index i, i itself when
// nothing does.
func (p *parser) closing(i int) int {
	if p.match == nil {
		p.match = make([]int32, len(p.toks))
		var open []int32
		for j, t := range p.toks {
			if t.kind != tokOp {
				continue
			}
			switch t.word {
			case "(":
				open = append(open, int32(j))
				p.match[j] = int32(j)
			case ")":
				if n := len(open); n > 0 {
					p.match[open[n-1]] = int32(j)
					open = open[:n-1]
				}
			}
		}
	}
	return int(p.match[i])
}

// holdsQuery reports whether the parenthesis at index i encloses a query, rather than an expression
// or a relation that begins with a parenthesised query.
func (p *parser) holdsQuery(i int) bool {
	inner := i
	for {
		if _, known := p.queries[inner]; known {
			break
		}
		t := p.toks[min(inner+1, len(p.toks)-1)]
		if t.kind == tokOp && t.word == "(" {
			inner++
			continue
		}
		p.remember(inner, t.kind == tokWord && beginsQuery(t.word))
		break
	}
	// From the innermost outwards: ((SELECT 1) UNION …) holds one, ((SELECT 1) + 1) does not.
	for j := inner - 1; j >= i; j-- {
		holds := p.queries[j+1]
		if end := p.closing(j + 1); holds && end > j+1 {
			after := p.toks[end+1]
			holds = after.word == ")" || continuesQuery(after.word)
		}
		p.remember(j, holds)
	}
	return p.queries[i]
}

func (p *parser) remember(i int, holds bool) {
	if p.queries == nil {
		p.queries = map[int]bool{}
	}
	p.queries[i] = holds
}

func beginsQuery(word string) bool {
	switch word {
	case "SELECT", "WITH", "VALUES", "TABLE":
		return true
	}
	return false
}

func continuesQuery(word string) bool {
	switch word {
	case "UNION", "INTERSECT", "EXCEPT", "ORDER", "OFFSET", "LIMIT", "FETCH":
		return true
	}
	return false
}

// commas parses item, and again behind each comma.
func (p *parser) commas(item func()) {
	item()
	for p.op(",") {
		item()
	}
}
