package sql

import "strings"

// foreignWords are words of other systems' SQL, and what to write instead.
var foreignWords = map[string]string{
	"ILIKE":   "There is no ILIKE; compare lower(x) LIKE 'pattern'",
	"RLIKE":   "There is no RLIKE; write regexp_like(x, 'pattern')",
	"REGEXP":  "There is no REGEXP; write regexp_like(x, 'pattern')",
	"TOP":     "There is no TOP; write LIMIT n at the end",
	"QUALIFY": "There is no QUALIFY; filter the window's result in an outer query",
}

// guess names the mistake that probably led to the unexpected current token, as a sentence without its
// full stop, or "".
func (p *parser) guess() string {
	t, next := p.cur(), p.peek(1)
	var before token
	if p.pos > 0 {
		before = p.toks[p.pos-1]
	}
	source := p.text[t.start:t.end]
	for _, w := range [...]string{t.word, before.word} {
		if hint := foreignWords[w]; hint != "" {
			return hint
		}
	}
	switch t.kind {
	case tokBacktick:
		if !p.hive {
			return "Backticks are for DDL; a query puts names in double quotes: " + QuoteIdent(unquote(source))
		}
	case tokDigits:
		if !p.hive {
			return "A name that begins with a digit goes in double quotes: " + QuoteIdent(source)
		}
	case tokQuoted:
		literal := QuoteString(unquote(source))
		switch before.word {
		case "DATE", "TIMESTAMP", "TIME":
			return "A string goes in single quotes: " + p.show(before) + " " + literal + "; double quotes are for names"
		}
		if p.expecting["<string>"] {
			return "A string goes in single quotes: " + literal + "; double quotes are for names"
		}
	case tokOp:
		if hint := p.guessSign(t, before, next); hint != "" {
			return hint
		}
	case tokInteger, tokDecimal, tokDouble:
		if p.expecting["<string>"] {
			return "A string is needed here, in single quotes: " + QuoteString(source)
		}
	case tokWord:
		return p.guessWord(t, before, next)
	case tokEOF:
		if before.kind == tokOp && before.word == "," {
			return "There is a comma too many at the end"
		}
	}
	return ""
}

// guessSign is guess at a sign.
func (p *parser) guessSign(t, before, next token) string {
	switch t.word {
	case "==":
		return "Equality is a single ="
	case "::":
		return "A cast is written CAST(x AS type)"
	case ";":
		if before.kind == tokOp && before.word == "," {
			return "There is a comma too many before the semicolon"
		}
	case ")":
		if before.kind == tokOp && before.word == "," {
			return "There is a comma too many before the parenthesis"
		}
	case ",":
		if before.kind == tokInteger && p.pos >= 2 && p.toks[p.pos-2].word == "LIMIT" && next.kind == tokInteger {
			return "Write OFFSET " + p.show(before) + " LIMIT " + p.show(next)
		}
	case "-":
		if (p.expecting["'.'"] || p.hive && p.expecting["<type>"]) && before.kind == tokWord && before.end == t.start && t.end == next.start {
			quoted := QuoteIdent
			if p.hive {
				quoted = QuoteHiveIdent
			}
			return "A name with a hyphen goes in " + (&lexer{hive: p.hive}).quoteName() + ": " + quoted(p.hyphenated())
		}
	}
	return ""
}

// hyphenated returns the whole name around the hyphen at the current token: the words that touch.
func (p *parser) hyphenated() string {
	first, last := p.pos-1, p.pos
	for last+1 < len(p.toks) && p.toks[last+1].start == p.toks[last].end && (p.toks[last+1].kind == tokWord ||
		p.toks[last+1].kind == tokInteger || p.toks[last+1].kind == tokDigits || p.toks[last+1].word == "-") {
		last++
	}
	return p.text[p.toks[first].start:p.toks[last].end]
}

// guessWord is guess at a bare word.
func (p *parser) guessWord(t, before, next token) string {
	comma := before.kind == tokOp && before.word == ","
	name := p.expecting["<identifier>"] || p.expecting["<expression>"] || p.expecting["<relation>"]
	if t.word == "OFFSET" && p.pos >= 2 && p.toks[p.pos-2].word == "LIMIT" {
		return "OFFSET stands before LIMIT"
	}
	if comma && (t.word == "FROM" || t.word == "WHERE" || t.word == "GROUP" || t.word == "ORDER") && next.kind != tokOp {
		return "There is a comma too many before " + t.word
	}
	if !name {
		if p.expecting["<string>"] && len(p.expecting) == 1 {
			return "A string is needed here, in single quotes"
		}
		return ""
	}
	source := p.text[t.start:t.end]
	if p.hive && hiveReserved[t.word] {
		return source + " is a reserved word; as a name it goes in backticks: " + QuoteHiveIdent(source)
	}
	if !p.hive && trinoReserved[t.word] && p.usedAsName(t, next) {
		return source + " is a reserved word; as a name it goes in double quotes: " + QuoteIdent(source)
	}
	return ""
}

// usedAsName guesses from the token behind a reserved word whether a name was meant: SELECT end FROM t,
// but not SELECT FROM t.
func (p *parser) usedAsName(t, next token) bool {
	switch t.word {
	case "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "WITH":
		return false
	}
	switch next.kind {
	case tokEOF:
		return true
	case tokOp:
		return next.word != "(" && next.word != "*"
	case tokWord:
		return strings.Contains(" FROM AS AND OR WHERE IN IS LIKE BETWEEN NOT DESC ASC GROUP ORDER ON ", " "+next.word+" ")
	}
	return false
}
