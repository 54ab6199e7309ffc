package sql

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is, before the parser knows what it means.
type tokenKind uint8

const (
	tokEOF      tokenKind = iota
	tokWord               // an identifier or keyword without quotes
	tokDigits             // an identifier that begins with a digit: 2022_logs
	tokQuoted             // "…": an identifier in Trino, a string in Hive's DDL
	tokBacktick           // `…`
	tokString             // '…'
	tokUnicode            // U&'…'
	tokBinary             // X'…'
	tokInteger            // 12
	tokDecimal            // 1.5
	tokDouble             // 1.5e3
	tokOp                 // punctuation
	tokBad                // what no statement can hold
)

// token is one word, literal or sign of the text.
type token struct {
	kind       tokenKind
	start, end int
	word       string // of tokWord in upper case, of tokOp the sign itself; else empty
}

// flaw says what is wrong with a tokBad.
type flaw struct{ message, hint string }

// lexer cuts text into tokens. In Hive's DDL strings know backslash escapes; in Trino's queries a
// backslash is a character like any other.
type lexer struct {
	text string
	hive bool
	pos  int
	flaw flaw // of the tokBad, if there is one
}

// lex cuts text whole, or up to what cannot be a token, which is then the last but one. The last token
// is tokEOF, at the end of text.
func lex(text string, hive bool) ([]token, flaw) {
	l := &lexer{text: text, hive: hive}
	toks := make([]token, 0, len(text)/5+2)
	for {
		t := l.next()
		toks = append(toks, t)
		if t.kind == tokEOF {
			return toks, l.flaw
		}
	}
}

// lexHead returns the first n tokens, fewer when the text is shorter.
func lexHead(text string, n int) []token {
	l := &lexer{text: text}
	toks := make([]token, 0, n)
	for len(toks) < n {
		t := l.next()
		if t.kind == tokEOF {
			break
		}
		toks = append(toks, t)
	}
	return toks
}

// at returns the byte at offset i from the position, 0 beyond the end.
func (l *lexer) at(i int) byte {
	if l.pos+i < len(l.text) {
		return l.text[l.pos+i]
	}
	return 0
}

func (l *lexer) next() token {
	if bad, ok := l.skip(); !ok {
		return bad
	}
	start := l.pos
	if start >= len(l.text) {
		return token{kind: tokEOF, start: len(l.text), end: len(l.text)}
	}
	c := l.text[start]
	switch {
	case c == '\'':
		return l.quoted(tokString, 0, l.hive)
	case c == '"':
		return l.quoted(tokQuoted, 0, l.hive)
	case c == '`':
		return l.quoted(tokBacktick, 0, false)
	case (c == 'x' || c == 'X') && l.at(1) == '\'':
		return l.quoted(tokBinary, 1, false)
	case (c == 'u' || c == 'U') && l.at(1) == '&' && l.at(2) == '\'':
		return l.quoted(tokUnicode, 2, false)
	case isDigit(c), c == '.' && isDigit(l.at(1)):
		return l.number()
	case isWordByte(c):
		return l.name()
	case c >= utf8.RuneSelf:
		if r, _ := utf8.DecodeRuneInString(l.text[start:]); unicode.IsLetter(r) {
			return l.name()
		}
		return l.foreign()
	}
	return l.sign()
}

// skip passes white space and comments. It returns a tokBad when a comment does not end.
func (l *lexer) skip() (token, bool) {
	if l.pos == 0 && strings.HasPrefix(l.text, "\ufeff") {
		l.pos = len("\ufeff") // a byte order mark, as editors leave it
	}
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			l.pos++
		case c == '-' && l.at(1) == '-':
			end := strings.IndexByte(l.text[l.pos:], '\n')
			if end < 0 {
				end = len(l.text) - l.pos
			}
			l.pos += end
		case c == '/' && l.at(1) == '*':
			end := strings.Index(l.text[l.pos+2:], "*/")
			if end < 0 {
				return l.bad(len(l.text), "the comment that begins here does not end", "Close it with */"), false
			}
			l.pos += 2 + end + 2
		default:
			return token{}, true
		}
	}
	return token{}, true
}

// bad makes the text from the position to end a token that the parser reports when it gets there.
// Nothing behind it is read.
func (l *lexer) bad(end int, message, hint string) token {
	t := token{kind: tokBad, start: l.pos, end: end}
	l.flaw = flaw{message, hint}
	l.pos = len(l.text)
	return t
}

// quoted reads a literal or identifier whose opening quote is prefix bytes ahead. A doubled quote
// stands for one.
func (l *lexer) quoted(kind tokenKind, prefix int, backslash bool) token {
	start := l.pos
	quote := l.text[start+prefix]
	i := start + prefix + 1
	for i < len(l.text) {
		switch {
		case backslash && l.text[i] == '\\':
			i += 2
		case l.text[i] != quote:
			i++
		case kind != tokBinary && i+1 < len(l.text) && l.text[i+1] == quote:
			i += 2
		default:
			l.pos = i + 1
			if !utf8.ValidString(l.text[start:l.pos]) {
				l.pos = start
				return l.bad(i+1, "the text is not valid UTF-8", "")
			}
			return token{kind: kind, start: start, end: l.pos}
		}
	}
	what := "string"
	if kind == tokQuoted && !l.hive || kind == tokBacktick {
		what = "quoted identifier"
	}
	return l.bad(len(l.text), "the "+what+" that begins here does not end",
		fmt.Sprintf("Close it with %c; write %c%c for a %c inside", quote, quote, quote, quote))
}

// number reads a numeric literal, or an identifier that begins with a digit.
func (l *lexer) number() token {
	start, i := l.pos, l.pos
	digits := func() {
		for i < len(l.text) && isDigit(l.text[i]) {
			i++
		}
	}
	kind := tokInteger
	digits()
	if i < len(l.text) && l.text[i] == '.' {
		kind = tokDecimal
		i++
		digits()
	}
	if i < len(l.text) && (l.text[i] == 'e' || l.text[i] == 'E') {
		mantissa := i
		i++
		if i < len(l.text) && (l.text[i] == '+' || l.text[i] == '-') {
			i++
		}
		if exponent := i; exponent < len(l.text) && isDigit(l.text[exponent]) {
			digits()
			kind = tokDouble
		} else {
			i = mantissa
		}
	}
	// 2022_logs and 0x1F are longer than the number that they begin with.
	if word := wordEnd(l.text, start); word > i {
		l.pos = word
		return token{kind: tokDigits, start: start, end: word}
	}
	l.pos = i
	return token{kind: kind, start: start, end: i}
}

// name reads a word and spells it in upper case for the parser.
func (l *lexer) name() token {
	start := l.pos
	l.pos = wordEnd(l.text, start)
	return token{kind: tokWord, start: start, end: l.pos, word: upperWord(l.text[start:l.pos])}
}

func wordEnd(text string, i int) int {
	for i < len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			if !isWordByte(c) && !isDigit(c) {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			return i
		}
		i += size
	}
	return i
}

// signs of several characters, longest first where one begins another. There is no ">>": the two
// close nested types.
var signs = [...]string{"<>", "<=", ">=", "!=", "==", "||", "->", "=>", "::"}

func (l *lexer) sign() token {
	start := l.pos
	for _, s := range signs {
		if strings.HasPrefix(l.text[start:], s) {
			l.pos += len(s)
			return token{kind: tokOp, start: start, end: l.pos, word: s}
		}
	}
	if c := l.text[start]; strings.IndexByte("()[],.;?+-*/%<>=:{}", c) < 0 {
		message := fmt.Sprintf("unexpected character '%c'", c)
		if c < ' ' || c == 0x7f {
			message = fmt.Sprintf("unexpected control character U+%04X", c)
		}
		hint := ""
		switch c {
		case '$', '@', '#':
			hint = "A name with this character needs " + l.quoteName() + " around it"
		case '\\':
			hint = "A backslash has a meaning only inside the strings of DDL"
		}
		return l.bad(start+1, message, hint)
	}
	l.pos++
	return token{kind: tokOp, start: start, end: l.pos, word: l.text[start:l.pos]}
}

func (l *lexer) quoteName() string {
	if l.hive {
		return "backticks"
	}
	return "double quotes"
}

// foreign refuses a character beyond ASCII that is no letter, and names the ones that word processors
// and web pages put where a program wants ASCII.
func (l *lexer) foreign() token {
	r, size := utf8.DecodeRuneInString(l.text[l.pos:])
	end := l.pos + size
	if r == utf8.RuneError && size == 1 {
		return l.bad(end, "the text is not valid UTF-8", "")
	}
	hint := ""
	switch r {
	case '‘', '’', '‚', '‛', '′', '＇':
		hint = "This is a typographic quotation mark; strings take the straight one, '"
	case '“', '”', '„', '‟', '″', '＂':
		hint = "This is a typographic quotation mark; quoted identifiers take the straight one, \", and strings '"
	case '–', '—', '−', '‐', '‑', '－':
		hint = "This is a typographic dash; write -"
	case '，', '；', '（', '）', '＝':
		hint = "This is a full-width character; write its ASCII form"
	case '\u00a0', '\u2007', '\u202f', '\u3000', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u2028', '\u2029':
		hint = "It looks like a space, or like nothing, and comes from copied web pages; write an ordinary space"
	}
	if unicode.IsGraphic(r) && !unicode.IsSpace(r) {
		return l.bad(end, fmt.Sprintf("unexpected character '%c'", r), hint)
	}
	return l.bad(end, fmt.Sprintf("unexpected character U+%04X", r), hint)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWordByte(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

// upperWord returns word in upper case, without allocating for the words of the language.
func upperWord(word string) string {
	var buf [24]byte
	if len(word) > len(buf) {
		return strings.ToUpper(word)
	}
	for i := range len(word) {
		c := word[i]
		if c >= utf8.RuneSelf {
			return strings.ToUpper(word)
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	if known, ok := spellings[string(buf[:len(word)])]; ok {
		return known
	}
	return string(buf[:len(word)])
}
