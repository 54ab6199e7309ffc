package crawler

import (
	"context"
	"io"

	"flowlake/catalog/grok"
)

// Diagnosis is what the classifier doctor found out about one Grok classifier, over the sampled lines of
// files: those that it did not read whole first.
type Diagnosis struct {
	Classifier string          `json:"classifier"`
	URLs       []string        `json:"urls"` // the files that the lines are from
	Findings   *grok.Diagnosis `json:"findings"`
}

// diagnose asks the doctor about each Grok classifier that left lines unmatched. It returns an error only when
// ctx ends: a pattern may be slow, and a crawl can be stopped.
func diagnose(ctx context.Context, sick []finding) ([]Diagnosis, error) {
	type patient struct {
		pattern *grok.Pattern
		urls    []string
		lines   [][]byte
	}
	patients := make(map[string]*patient)
	for _, f := range sick {
		for _, v := range f.tried {
			// A classifier that reads nothing of a file may not be meant for it, unless the file was
			// given to it in the end.
			if v.pattern == nil || v.matched == 0 && f.best.classifier != v.classifier {
				continue
			}
			p := patients[v.classifier]
			if p == nil {
				p = &patient{pattern: v.pattern}
				patients[v.classifier] = p
			}
			p.urls = append(p.urls, f.file.url())
			p.lines = append(p.lines, f.lines...)
		}
	}
	var out []Diagnosis
	for _, name := range sortedKeys(patients) {
		p := patients[name]
		d, err := grok.Diagnose(&lineSource{ctx: ctx, lines: p.lines}, p.pattern, grok.Options{})
		if err != nil {
			return nil, err
		}
		out = append(out, Diagnosis{Classifier: name, URLs: p.urls, Findings: d})
	}
	return out, nil
}

// lineSource reads lines, one for each Read, until its context ends.
type lineSource struct {
	ctx   context.Context
	lines [][]byte
	rest  []byte // of the line under way
}

func (l *lineSource) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if len(l.rest) == 0 {
		if len(l.lines) == 0 {
			return 0, io.EOF
		}
		l.rest, l.lines = append(l.lines[0][:len(l.lines[0]):len(l.lines[0])], '\n'), l.lines[1:]
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
