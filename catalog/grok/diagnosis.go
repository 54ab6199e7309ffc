package grok

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"

	"flowlake/fault"
	"flowlake/flow"
)

// Diagnosis is what the classifier doctor found. Its JSON is a contract: the crawler keeps it and
// commands print it.
type Diagnosis struct {
	Pattern string  `json:"pattern"`
	Custom  string  `json:"customPatterns,omitempty"`
	Fields  []Field `json:"fields"`

	Lines    int64   `json:"lines"`
	Matched  int64   `json:"matched"`
	NullRows int64   `json:"nullRows"` // lines that do not match, each a row of NULLs in SQL
	Share    float64 `json:"share"`    // of lines that match, 0 to 1; 0 without lines
	Headers  int64   `json:"headers"`  // lines that are a header of flow logs, matched or not
	Whole    int64   `json:"whole"`    // lines that the match covers from end to end

	Misses     []Miss      `json:"misses,omitempty"` // the first lines that do not match, but headers
	Warnings   []string    `json:"warnings,omitempty"`
	Suggestion *Suggestion `json:"suggestion,omitempty"` // nil: none is needed, or none was found
}

// Miss is a line that does not match, and how far the pattern came.
type Miss struct {
	Line  int64  `json:"line"`            // from 1
	Text  string `json:"text"`            // the line, or a part around Column
	Caret int    `json:"caret"`           // characters of Text before the place where matching stopped
	Field string `json:"field,omitempty"` // whose value was expected there
	Found string `json:"found,omitempty"` // the word that stands there
	Why   string `json:"why"`
}

// Suggestion is a pattern that covers lines whole. It was matched against every line that it counts.
type Suggestion struct {
	Pattern string   `json:"pattern"`
	Custom  string   `json:"customPatterns,omitempty"`
	Covers  int64    `json:"covers"` // lines, from end to end
	Notes   []string `json:"notes,omitempty"`
}

// Options bounds a diagnosis. The zero value works.
type Options struct {
	Misses  int // how many lines that do not match are explained; 0 means 5
	MaxLine int // bytes; a longer line counts as one that does not match; 0 means 1 MiB
}

// Diagnose reads lines to the end of r, matches each against the pattern, and says what a table with
// this classifier would miss and which pattern would not. It keeps nothing of the input but the lines
// that it explains, however long it is.
//
// It fails only with r's error.
func Diagnose(r io.Reader, p *Pattern, opts Options) (*Diagnosis, error) {
	if opts.Misses <= 0 {
		opts.Misses = 5
	}
	if opts.MaxLine <= 0 {
		opts.MaxLine = 1 << 20
	}
	d := &doctor{
		Diagnosis: Diagnosis{Pattern: p.source, Custom: p.custom, Fields: append([]Field{}, p.fields...)},
		p:         p, opts: opts,
		values:   make([][]byte, len(p.fields)),
		misfits:  make([]misfits, len(p.fields)),
		explain:  newExplainer(p),
		proposer: newProposer(p),
	}
	in := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for {
		line, tooLong, err := readLine(in, &long, opts.MaxLine)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Newf(fault.KindOf(err), "grok test", "line %d: %w", d.Lines+1, err)
		}
		d.line(line, tooLong)
	}
	d.finish()
	return &d.Diagnosis, nil
}

// readLine returns the next line without its end, as Hive's text reader has it: "\n" and "\r\n" end lines. The line
// is valid until the next call. What a line has beyond limit bytes is read and forgotten.
func readLine(in *bufio.Reader, long *[]byte, limit int) (line []byte, tooLong bool, err error) {
	line, err = in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		*long = append((*long)[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = in.ReadSlice('\n')
			if room := limit + 2 - len(*long); room > 0 {
				*long = append(*long, line[:min(room, len(line))]...)
			}
		}
		line = *long
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	if err != nil {
		return nil, false, err
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
	if len(line) > limit {
		return line[:limit], true, nil
	}
	return line, false, nil
}

// doctor is a diagnosis under way.
type doctor struct {
	Diagnosis
	p        *Pattern
	opts     Options
	values   [][]byte
	misfits  []misfits // by field: values that are not of the field's type
	explain  *explainer
	proposer *proposer

	exported         int64 // matched lines with an export timestamp that the match leaves out
	before, after    int64 // matched lines with other text outside the match
	beforeEx, afterE string
	tooLong          int64
}

// misfits counts values of a field that its type cannot hold.
type misfits struct {
	count   int64
	example string
}

func (d *doctor) line(line []byte, tooLong bool) {
	d.Lines++
	if tooLong {
		d.tooLong++
		d.miss(Miss{Line: d.Lines, Text: excerpt(line, 0).text, Why: "the line is longer than " + strconv.Itoa(d.opts.MaxLine) + " bytes"})
		return
	}
	start, end, ok := d.p.find(line, d.values)
	header, isHeader := flow.ParseHeader(line)
	isHeader = isHeader && len(header) > 1 // one word alone may be anything
	if isHeader {
		d.Headers++
		d.proposer.header(header, d.Lines)
	} else {
		d.proposer.line(line)
	}
	if !ok {
		if !isHeader {
			if len(d.Misses) < d.opts.Misses {
				d.miss(d.explain.miss(d.Lines, line))
			}
		}
		return
	}
	d.Matched++
	d.outside(line, start, end)
	for i, f := range d.p.fields {
		if v := d.values[i]; v != nil && !fits(f.Type, v) {
			m := &d.misfits[i]
			if m.count++; m.count == 1 {
				m.example = excerpt(v, 0).text
			}
		}
	}
}

func (d *doctor) miss(m Miss) {
	if len(d.Misses) < d.opts.Misses {
		d.Misses = append(d.Misses, m)
	}
}

// outside notes what the match leaves out of the line.
func (d *doctor) outside(line []byte, start, end int) {
	if start == 0 && end == len(line) {
		d.Whole++
		return
	}
	if start > 0 {
		if stamp, _, ok := flow.CutExportTimestamp(line); ok && start == len(stamp)+1 {
			d.exported++
		} else if d.before++; d.before == 1 {
			d.beforeEx = excerpt(line[:start], start).text
		}
	}
	if end < len(line) {
		if d.after++; d.after == 1 {
			d.afterE = excerpt(line[end:], 0).text
		}
	}
}

// fits reports whether a field of that Hive type can hold the text; types whose text has many forms hold any.
func fits(hiveType string, text []byte) bool {
	size := 0
	switch hiveType {
	case "tinyint":
		size = 8
	case "smallint":
		size = 16
	case "int":
		size = 32
	case "bigint":
		size = 64
	default:
		return true
	}
	if len(text) <= 2 && len(text) > 0 { // the shortest need no parser
		for _, c := range text {
			if c < '0' || c > '9' {
				return false
			}
		}
		return true
	}
	_, err := strconv.ParseInt(string(text), 10, size)
	return err == nil
}

func (d *doctor) finish() {
	d.NullRows = d.Lines - d.Matched
	if d.Lines > 0 {
		d.Share = float64(d.Matched) / float64(d.Lines)
	}
	d.Warnings = d.warnings()
	if d.Whole < d.Lines {
		d.Suggestion = d.proposer.suggestion(d.Whole)
	}
}
