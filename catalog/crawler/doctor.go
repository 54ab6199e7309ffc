package crawler

import (
	"bytes"

	"flowlake/catalog/grok"
)

// Diagnosis is what the classifier doctor found out about one Grok classifier, over the sampled lines of
// files: those that it did not read whole first.
type Diagnosis struct {
	Classifier string          `json:"classifier"`
	URLs       []string        `json:"urls"` // the files that the lines are from
	Findings   *grok.Diagnosis `json:"findings"`
}

// diagnose asks the doctor about each Grok classifier that left lines unmatched.
func diagnose(sick []finding) []Diagnosis {
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
		d, err := grok.Diagnose(bytes.NewReader(bytes.Join(p.lines, []byte{'\n'})), p.pattern, grok.Options{})
		if err != nil {
			continue // the reader is memory: there is nothing to fail
		}
		out = append(out, Diagnosis{Classifier: name, URLs: p.urls, Findings: d})
	}
	return out
}
