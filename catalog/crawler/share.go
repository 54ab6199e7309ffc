package crawler

import (
	"strings"
	"sync"
)

// sharing keeps one copy of what files have in common: a crawl of a million flow-log files has a million
// findings and one schema. What is shared is not changed afterwards.
type sharing struct {
	mu      sync.Mutex // guards columns, formats
	columns map[string][]column
	formats map[string]format
}

func newSharing() *sharing {
	return &sharing{columns: make(map[string][]column), formats: make(map[string]format)}
}

// slim replaces what a finding shares with others, and drops what only its classification needed.
func (s *sharing) slim(f *finding) {
	tried := f.tried
	f.tried = nil
	for _, v := range tried { // only of Grok classifiers it matters what they found: see adopt and diagnose
		if v.pattern != nil {
			f.tried = append(f.tried, verdict{classifier: v.classifier, certainty: v.certainty, records: v.records, matched: v.matched, pattern: v.pattern})
		}
	}
	if f.unknown {
		return
	}
	var b strings.Builder
	for _, col := range f.best.columns {
		b.WriteString(col.name)
		b.WriteByte(0)
		b.WriteString(col.typ.String())
		b.WriteByte(1)
	}
	schema, kind := b.String(), f.best.format.key()
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.columns[schema]; ok {
		f.best.columns = known
	} else {
		s.columns[schema] = f.best.columns
	}
	if known, ok := s.formats[kind]; ok {
		f.best.format = known
	} else {
		s.formats[kind] = f.best.format
	}
}
