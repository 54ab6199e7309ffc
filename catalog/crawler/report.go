package crawler

import (
	"context"
	"time"

	"flowlake/access"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// What a crawl did with a table.
const (
	Created    = "CREATED"
	Updated    = "UPDATED"
	Unchanged  = "UNCHANGED"
	Logged     = "LOGGED" // a change that the policy keeps out of the catalogue
	Deleted    = "DELETED"
	Deprecated = "DEPRECATED"
)

// maxOutcomes bounds the files that a report names one by one: all that are UNKNOWN come first.
const maxOutcomes = 1000

// maxSick bounds the files that the classifier doctor looks at in one crawl, maxSickLines the lines of each.
const (
	maxSick      = 32
	maxSickLines = 500
)

// Report is the record of a crawler's last crawl that succeeded: which classifier matched which file with
// what certainty, what that did to the catalogue, and what is wrong with Grok classifiers.
type Report struct {
	ID        string        `json:"id"` // the crawl's
	Crawler   string        `json:"crawler"`
	Started   time.Time     `json:"started"`
	Ended     time.Time     `json:"ended"`
	Files     int           `json:"files"`   // that were looked at
	Unknown   int           `json:"unknown"` // of these, how many no classifier recognised
	Skipped   int           `json:"skipped"` // excluded, hidden or empty objects, and folders seen before
	Unread    int           `json:"unread"`  // beyond the sample size of their folders
	Tables    []TableChange `json:"tables"`
	Outcomes  []Outcome     `json:"outcomes"`
	More      int           `json:"more"` // outcomes that are not in Outcomes
	Diagnoses []Diagnosis   `json:"diagnoses,omitempty"`

	sick []finding
}

// Outcome is what became of one file.
type Outcome struct {
	URL            string  `json:"url"`
	Bytes          int64   `json:"bytes"`
	Classifier     string  `json:"classifier,omitempty"`
	Custom         bool    `json:"custom,omitempty"`
	Classification string  `json:"classification"` // "UNKNOWN" when nothing recognised it
	Certainty      float64 `json:"certainty"`
	Records        int     `json:"records"` // in the sample
	Matched        int     `json:"matched"` // of these, how many the classifier reads whole
	Reason         string  `json:"reason,omitempty"`
}

// TableChange is what a crawl did with one table.
type TableChange struct {
	Table                string `json:"table"`
	Location             string `json:"location"`
	Change               string `json:"change"`
	Reason               string `json:"reason,omitempty"`
	PartitionsAdded      int    `json:"partitionsAdded"`
	PartitionsRemoved    int    `json:"partitionsRemoved"`
	PartitionsDeprecated int    `json:"partitionsDeprecated"`
}

// Report returns the record of a crawler's last crawl that succeeded, or fault.NotFound. Of tables it has those that the caller
// may know of, and of lines those from files that the caller may read.
func (k *Crawlers) Report(ctx context.Context, c access.Caller, name string) (r Report, err error) {
	if err := k.allow(ctx, c, "GetCrawler", name); err != nil {
		return Report{}, err
	}
	var cr Crawler
	err = k.st.View(ctx, func(tx *state.Tx) error {
		if cr, err = get(tx, c, name); err != nil {
			return err
		}
		_, err := tx.Get(id(c, kindReport, name), &r)
		if fault.Is(err, fault.NotFound) {
			return fault.Newf(fault.NotFound, "crawl report "+name, "there is none: no crawl of it succeeded yet")
		}
		return err
	})
	if err == nil && !c.IsRoot() {
		err = k.veil(ctx, c, cr, &r)
	}
	return r, err
}

// veil leaves out of a report what its reader may not know: the role that crawled can see more.
func (k *Crawlers) veil(ctx context.Context, c access.Caller, cr Crawler, r *Report) error {
	seen := r.Tables[:0]
	for _, t := range r.Tables {
		_, err := k.cat.Table(ctx, c, cr.Database, t.Table)
		switch {
		case err == nil, t.Change == Deleted:
			seen = append(seen, t)
		case !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied):
			return err
		}
	}
	r.Tables = seen
	for i := range r.Diagnoses {
		d := &r.Diagnoses[i]
		for _, url := range d.URLs {
			bucket, key, err := lake.ParseURL(url)
			if err != nil {
				return err
			}
			v, err := k.guard.Decide(ctx, c, "s3:GetObject", lake.ARN(bucket, key))
			if err != nil {
				return err
			}
			if v.Refusal != nil {
				cut := *d.Findings
				cut.Misses, cut.Suggestion = nil, nil
				cut.Warnings = []string{"lines that do not match are told to who may read them: s3:GetObject on " + lake.ARN(bucket, key)}
				d.Findings = &cut
				break
			}
		}
	}
	return nil
}

// add records the files of one target.
func (r *Report) add(l listing, findings []finding) {
	r.Files += len(findings)
	r.Skipped += l.skipped
	r.Unread += len(l.unread)
	var unknowns, others []Outcome
	for _, f := range findings {
		o := Outcome{URL: f.file.url(), Bytes: f.file.size, Classifier: f.best.classifier, Custom: f.best.custom,
			Classification: f.best.format.classification, Certainty: f.best.certainty,
			Records: f.best.records, Matched: f.best.matched, Reason: f.reason}
		if len(f.lines) > 0 && len(r.sick) < maxSick {
			r.sick = append(r.sick, f)
		}
		if f.unknown {
			r.Unknown++
			o.Classifier, o.Classification = "", unknown
			unknowns = append(unknowns, o)
			continue
		}
		others = append(others, o)
	}
	for _, o := range append(unknowns, others...) {
		if len(r.Outcomes) == maxOutcomes {
			r.More++
			continue
		}
		r.Outcomes = append(r.Outcomes, o)
	}
}
