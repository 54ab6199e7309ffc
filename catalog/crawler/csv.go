package crawler

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"flowlake/catalog"
	"flowlake/columnar"
)

// delimiters are what the built-in CSV classifier tries, in the order that decides a draw.
//
// Differs from AWS: blanks are tried too, for three columns and more.
var delimiters = []string{",", "|", "\t", ";", "\x01", " "}

// classifyCSV tries to read lines as delimited text: as a custom classifier says, or with everything to be
// detected. It is as certain as the share of lines that have the same number of columns.
//
// Source: Glue developer guide, "Built-in CSV classifier"
func classifyCSV(lines [][]byte, cl catalog.CSVClassifier, custom bool) verdict {
	quote := '"'
	if cl.Quote != "" {
		quote, _ = utf8.DecodeRuneInString(cl.Quote)
	}
	try := delimiters
	if cl.Delimiter != "" {
		try = []string{cl.Delimiter}
	}
	var best verdict
	for _, d := range try {
		delimiter, _ := utf8.DecodeRuneInString(d)
		v := readCSV(lines, delimiter, quote, cl, custom)
		if v.certainty > best.certainty || v.certainty == best.certainty && len(v.columns) > len(best.columns) {
			best = v
		}
	}
	if best.certainty < 0.9 && !custom || len(best.columns) == 0 {
		best.certainty = 0 // text that happens to hold commas
	}
	best.classifier, best.rows, best.records = "csv", -1, len(lines)
	return best
}

func readCSV(lines [][]byte, delimiter, quote rune, cl catalog.CSVClassifier, custom bool) verdict {
	rows := make([][]string, 0, len(lines))
	quoted := false
	counts := make(map[int]int)
	for _, line := range lines {
		row, q := splitRow(string(line), delimiter, quote)
		quoted = quoted || q
		rows = append(rows, row)
		counts[len(row)]++
	}
	width, most := 0, 0
	for n, count := range counts {
		if count > most || count == most && n > width {
			width, most = n, count
		}
	}
	v := verdict{matched: most}
	switch {
	case width == 0, width == 1 && !cl.SingleColumn:
		return v
	case delimiter == ' ' && width < 3 && !custom:
		return v
	case len(rows) < 2 && !custom: // two rows at least tell a table from a sentence
		return v
	case len(cl.Header) > 0 && len(cl.Header) != width, len(cl.CustomTypes) > 0 && len(cl.CustomTypes) != width:
		return v
	}
	var whole [][]string
	for _, row := range rows {
		if len(row) == width {
			whole = append(whole, row)
		}
	}
	header := cl.ContainsHeader == catalog.HeaderPresent
	types := inferTypes(whole, width, cl.Trim)
	if len(rows[0]) == width && (cl.ContainsHeader == "" || cl.ContainsHeader == catalog.HeaderUnknown) {
		header = looksLikeHeader(rows[0], whole[1:], cl)
	}
	if header {
		types = inferTypes(whole[min(1, len(whole)):], width, cl.Trim)
	}
	names := make([]string, width)
	for i := range names {
		names[i] = "col" + strconv.Itoa(i)
	}
	switch {
	case len(cl.Header) > 0:
		names = columnNames(cl.Header)
	case header && len(rows[0]) == width:
		names = columnNames(rows[0])
	}
	given := cl.Types()
	for i, name := range names {
		t := types[i]
		if len(given) > 0 {
			t, _ = columnar.ParseType(given[i])
		}
		v.columns = append(v.columns, column{name, t})
	}
	v.certainty = float64(most) / float64(len(rows))
	v.csv = &dialect{delimiter: delimiter, quote: quote, quoted: quoted, header: header, serde: cl.SerDe, first: rows[0]}
	v.format = v.csv.format()
	return v
}

// dialect is how a file's delimited text is written.
type dialect struct {
	delimiter, quote rune
	quoted           bool     // there are values in quotes
	header           bool     // the first row holds the columns' names
	serde            string   // what a custom classifier asks for
	first            []string // the first row
}

// format chooses the SerDe: the lazy one knows no quotes.
func (d *dialect) format() format {
	f := format{classification: "csv", positional: true, params: map[string]string{
		"delimiter": string(d.delimiter), "areColumnsQuoted": strconv.FormatBool(d.quoted), "columnsOrdered": "true"}}
	if d.header {
		f.params["skip.header.line.count"] = "1"
	}
	if d.serde == catalog.SerDeOpenCSV || d.quoted && d.serde != catalog.SerDeLazy {
		f.serde = serdeCSV
		f.serdeParams = map[string]string{"separatorChar": string(d.delimiter), "quoteChar": string(d.quote), "escapeChar": `\`}
		return f
	}
	f.serde = serdeLazy
	f.serdeParams = map[string]string{"field.delim": string(d.delimiter)}
	return f
}

// splitRow splits a line at delimiters outside quotes. Two quotes within quotes are one.
func splitRow(line string, delimiter, quote rune) (row []string, quoted bool) {
	var b strings.Builder
	inside, start := false, true
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case inside && r == quote && i+1 < len(runes) && runes[i+1] == quote:
			b.WriteRune(quote)
			i++
		case inside && r == quote:
			inside = false
		case !inside && start && r == quote:
			inside, quoted, start = true, true, false
		case !inside && r == delimiter:
			row = append(row, b.String())
			b.Reset()
			start = true
		default:
			b.WriteRune(r)
			start = false
		}
	}
	return append(row, b.String()), quoted
}

// looksLikeHeader applies Glue's rules: every column of the first row is a string of fewer than 150
// characters, no two are alike, and the rows below differ from it in the type of at least one column.
func looksLikeHeader(first []string, rest [][]string, cl catalog.CSVClassifier) bool {
	if len(rest) == 0 {
		return false
	}
	seen := make(map[string]bool)
	for i, name := range first {
		name = strings.ToLower(strings.TrimSpace(name))
		last := i == len(first)-1
		if name == "" && !last || utf8.RuneCountInString(name) >= 150 || seen[name] {
			return false
		}
		seen[name] = true
		if valueType(name).Kind != columnar.String && name != "" {
			return false
		}
	}
	if len(cl.Header) > 0 {
		return slices.EqualFunc(first, cl.Header, func(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), b) })
	}
	return slices.ContainsFunc(inferTypes(rest, len(first), cl.Trim), func(t columnar.Type) bool { return t.Kind != columnar.String && t.Kind != 0 })
}

// columnNames makes column names of header fields: lower case, without what SQL needs quotes for.
func columnNames(fields []string) []string {
	names := make([]string, len(fields))
	seen := make(map[string]bool)
	for i, f := range fields {
		n := plainName(f)
		if n == "" {
			n = "col" + strconv.Itoa(i)
		}
		for base, j := n, 1; seen[n]; j++ {
			n = base + "_" + strconv.Itoa(j)
		}
		seen[n] = true
		names[i] = n
	}
	return names
}

func plainName(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' {
			return unicode.ToLower(r)
		}
		return '_'
	}, strings.TrimSpace(s)), "_")
}

// inferTypes finds the type of each column that holds the values of all rows.
func inferTypes(rows [][]string, width int, trim bool) []columnar.Type {
	types := make([]columnar.Type, width)
	for _, row := range rows {
		for i, v := range row {
			if trim {
				v = strings.TrimSpace(v)
			}
			if v != "" {
				types[i] = mergeTypes(types[i], valueType(v))
			}
		}
	}
	return types
}

// valueType is the type of one text value. Whole numbers are bigint as in Glue; numbers that begin with
// a 0 are text: postcodes lose it otherwise.
func valueType(v string) columnar.Type {
	digits := strings.TrimPrefix(v, "-")
	if digits == "" || len(digits) > 64 {
		return columnar.Type{Kind: columnar.String}
	}
	if c := digits[0]; c >= '0' && c <= '9' || c == '.' {
		if len(digits) > 1 && c == '0' && digits[1] != '.' {
			return columnar.Type{Kind: columnar.String}
		}
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return columnar.Type{Kind: columnar.BigInt}
		}
		if strings.Trim(v, "-+0123456789.eE") == "" {
			if _, err := strconv.ParseFloat(v, 64); err == nil {
				return columnar.Type{Kind: columnar.Double}
			}
		}
	}
	if strings.EqualFold(v, "true") || strings.EqualFold(v, "false") {
		return columnar.Type{Kind: columnar.Boolean}
	}
	return columnar.Type{Kind: columnar.String}
}
