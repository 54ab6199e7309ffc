package crawler

import (
	"bytes"
	"context"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"flowlake/access"
	"flowlake/access/policy"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/state"
)

// discovery is what a crawl found, before any of it is in the catalogue.
type discovery struct {
	as      access.Caller // the crawler's role, in this crawl's session
	crawler Crawler
	config  configuration
	tables  []found
	places  []place  // the targets that were looked at
	folders []string // the folders that files were found in, as URLs; under CrawlNewFolders only
	report  Report
}

// place is a target as a place in a bucket: a folder, whose prefix ends with a slash or is empty, or one object.
type place struct {
	bucket, prefix string
	object         bool
}

func (p place) url() string { return lake.URL(p.bucket, p.prefix) }

// holds reports whether a location lies in the place.
func (p place) holds(location string) bool {
	return location == p.url() || !p.object && strings.HasPrefix(location, p.url())
}

// discover does a crawl's reading, as c.
func (k *Crawlers) discover(ctx context.Context, c access.Caller, cr Crawler) (*discovery, error) {
	config, err := parseConfiguration(cr.Configuration)
	if err != nil {
		return nil, err
	}
	d := &discovery{as: c, crawler: cr, config: config}
	customs, err := k.prepare(ctx, c, cr.Classifiers)
	if err != nil {
		return nil, err
	}
	if _, err := k.cat.Database(ctx, c, cr.Database); err != nil {
		return nil, err
	}
	known, err := k.knownFolders(ctx, c, cr)
	if err != nil {
		return nil, err
	}
	owned, err := k.ownTables(ctx, c, cr)
	if err != nil {
		return nil, err
	}
	for _, t := range cr.Targets {
		listing, err := k.list(ctx, c, t, known)
		if err != nil {
			return nil, err
		}
		d.places = append(d.places, listing.place)
		findings, err := k.classifyAll(ctx, c, listing, customs)
		if err != nil {
			return nil, err
		}
		adopt(findings)
		d.report.add(listing, findings)
		if cr.Recrawl == CrawlNewFolders {
			d.folders = append(d.folders, listing.folders()...)
			var joined []found
			joined, findings = join(owned, listing, findings)
			d.tables = append(d.tables, joined...)
		}
		d.tables = append(d.tables, tables(listing, findings, cr, config)...)
	}
	if d.report.Diagnoses, err = diagnose(ctx, d.report.sick); err != nil {
		return nil, err
	}
	if max := config.CrawlerOutput.Tables.TableThreshold; max > 0 && len(d.tables) > max {
		return nil, fault.Newf(fault.Limit, "crawler "+cr.Name, "found %d tables, and its TableThreshold is %d", len(d.tables), max)
	}
	return d, nil
}

// knownFolders are the folders that earlier crawls saw, when they need not be looked at again.
func (k *Crawlers) knownFolders(ctx context.Context, c access.Caller, cr Crawler) (map[string]bool, error) {
	known := make(map[string]bool)
	if cr.Recrawl != CrawlNewFolders {
		return known, nil
	}
	err := k.st.View(ctx, func(tx *state.Tx) error {
		base := cr.Name + "\x1f"
		for row, err := range tx.List(id(c, kindFolder, base), "") {
			if err != nil {
				return err
			}
			known[strings.TrimPrefix(row.Key, base)] = true
		}
		return nil
	})
	return known, err
}

// ownTables are the tables that this crawler made.
func (k *Crawlers) ownTables(ctx context.Context, c access.Caller, cr Crawler) ([]catalog.Table, error) {
	all, _, err := k.cat.Tables(ctx, c, catalog.TableFilter{Database: cr.Database})
	if err != nil {
		return nil, err
	}
	var own []catalog.Table
	for _, t := range all {
		if t.Parameters[paramCrawler] == cr.Name {
			own = append(own, t)
		}
	}
	return own, nil
}

// listing is the files of a target.
type listing struct {
	target  Target
	place   place
	files   []file // to be read, in the order of their keys
	unread  []file // beyond the sample of their folder: they count, and are taken for like the others
	skipped int    // excluded, hidden, empty, or in folders that are known
}

// folders are the URLs of the folders that hold the listing's files.
func (l listing) folders() []string {
	var out []string
	last := ""
	for _, f := range l.files {
		if dir := folderOf(f); dir != last {
			last = dir
			out = append(out, dir)
		}
	}
	return out
}

func folderOf(f file) string { return lake.URL(f.bucket, f.key[:strings.LastIndexByte(f.key, '/')+1]) }

// list finds the files of a target.
func (k *Crawlers) list(ctx context.Context, c access.Caller, t Target, known map[string]bool) (l listing, err error) {
	l.target = t
	if l.place.bucket, l.place.prefix, err = lake.ParseURL(t.Path); err != nil {
		return l, err
	}
	exclusions := make([]*regexp.Regexp, len(t.Exclusions))
	for i, x := range t.Exclusions {
		if exclusions[i], err = compileGlob(x); err != nil {
			return l, err
		}
	}
	if p := l.place.prefix; p != "" && !strings.HasSuffix(p, "/") {
		o, err := k.lake.Head(ctx, c, l.place.bucket, p)
		switch {
		case err == nil:
			l.place.object = true
			l.files = []file{{o.Bucket, o.Key, o.Size}}
			return l, nil
		case !fault.Is(err, fault.NotFound) || fault.HasNoun(err, "bucket"):
			return l, err
		}
		l.place.prefix += "/"
	}
	perFolder := make(map[string]int)
	for o, err := range k.lake.Walk(ctx, c, l.place.bucket, l.place.prefix) {
		if err != nil {
			return l, err
		}
		if err := context.Cause(ctx); err != nil {
			return l, err
		}
		f := file{o.Bucket, o.Key, o.Size}
		relative := strings.TrimPrefix(o.Key, l.place.prefix)
		folder := folderOf(f)
		if o.Size == 0 || !catalog.IsData(relative) || known[folder] || excluded(exclusions, relative) {
			l.skipped++
			continue
		}
		if perFolder[folder]++; t.SampleSize > 0 && perFolder[folder] > t.SampleSize {
			l.unread = append(l.unread, f)
			continue
		}
		l.files = append(l.files, f)
	}
	return l, nil
}

func excluded(patterns []*regexp.Regexp, relative string) bool {
	for _, re := range patterns {
		if re.MatchString(relative) {
			return true
		}
	}
	return false
}

// classifyAll reads and classifies the files of a listing, some at once.
func (k *Crawlers) classifyAll(ctx context.Context, c access.Caller, l listing, customs []custom) ([]finding, error) {
	findings := make([]finding, len(l.files))
	var healthy, sick atomic.Int32
	shared := newSharing()
	life := ctx
	work, ctx := errgroup.WithContext(ctx) // ends with the first failure
	work.SetLimit(k.cfg.Files)
	for i, f := range l.files {
		if ctx.Err() != nil {
			break
		}
		work.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			s, err := k.read(ctx, c, f)
			if u, ok := errors.AsType[unreadable](err); ok {
				findings[i] = finding{file: f, unknown: true, reason: u.reason}
				return nil
			}
			if fault.Is(err, fault.NotFound) { // removed since it was listed
				findings[i] = finding{file: f, unknown: true, reason: "it was removed while the crawl ran"}
				return nil
			}
			if refusal, ok := errors.AsType[*access.Refusal](err); ok && !l.place.object { // the next file would be refused, too
				wide := *refusal
				wide.Statement = refusal.StatementFor(policy.Literal(lake.ARN(l.place.bucket, l.place.prefix)) + "*")
				return &wide
			}
			if err != nil {
				return err
			}
			findings[i] = classify(ctx, s, customs)
			findings[i].keepLines(&healthy, &sick)
			shared.slim(&findings[i])
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return findings, context.Cause(life)
}

// keepLines keeps some of the lines for the classifier doctor when a Grok classifier was tried, apart from
// the sample, which can go. Of the files that were read whole, and of the others, the first few are enough.
func (f *finding) keepLines(healthy, sick *atomic.Int32) {
	lines := f.lines
	f.lines = nil
	for _, v := range f.tried {
		if v.pattern == nil || v.matched == 0 && f.best.flow == "" {
			continue
		}
		count := healthy
		if v.matched < v.records {
			count = sick
		}
		if count.Add(1) > maxSick/2 {
			continue
		}
		for _, line := range lines[:min(len(lines), maxSickLines)] {
			f.lines = append(f.lines, bytes.Clone(line))
		}
		return
	}
}

// adopt lets files that only their neighbours explain join them. Lines in the flow-log format that a custom
// Grok classifier reads in one file are its lines in every file: an interface without traffic has NODATA
// records only, which the usual pattern does not match. Delimited files agree on quotes, and on the header line
// that one of them cannot show because all of its columns are text.
func adopt(findings []finding) {
	type dialectKey struct {
		delimiter   rune
		compression string
	}
	byFlow := make(map[string]verdict)
	headers := make(map[string]bool)
	quoted := make(map[dialectKey]bool)
	keyOf := func(v verdict) dialectKey { return dialectKey{v.csv.delimiter, v.format.compression} }
	for _, f := range findings {
		v := f.best
		if v.custom && v.pattern != nil && v.certainty == 1 && v.flow != "" {
			if _, ok := byFlow[v.flow]; !ok {
				byFlow[v.flow] = v
			}
		}
		if v.csv != nil {
			if v.csv.header {
				headers[headerKey(v.csv)] = true
			}
			if v.csv.quoted {
				quoted[keyOf(v)] = true
			}
		}
	}
	for i := range findings {
		f := &findings[i]
		if as, ok := byFlow[f.best.flow]; ok && f.best.flow != "" && !f.best.custom {
			certainty, matched, records := 0.0, 0, 0
			for _, v := range f.tried {
				if v.classifier == as.classifier {
					certainty, matched, records = v.certainty, v.matched, v.records
				}
			}
			compression := f.best.format.compression
			f.best = as
			f.best.certainty, f.best.matched, f.best.records = certainty, matched, records
			f.best.format.compression = compression
			f.reason = "its lines have the same flow-log format as other files that the classifier reads"
			f.unknown = false
		}
		if d := f.best.csv; d != nil && f.best.classifier == "csv" {
			changed := *d
			if !d.header && headers[headerKey(d)] {
				changed.header = true
				f.best.columns = slices.Clone(f.best.columns)
				for j, n := range columnNames(d.first) {
					if j < len(f.best.columns) {
						f.best.columns[j].name = n
					}
				}
			}
			changed.quoted = quoted[keyOf(f.best)]
			compression := f.best.format.compression
			f.best.csv, f.best.format = &changed, changed.format()
			f.best.format.compression = compression
		}
	}
}

// headerKey is equal for first rows that hold the same names in the same way.
func headerKey(d *dialect) string {
	return string(d.delimiter) + strings.ToLower(strings.Join(d.first, "\x1f"))
}

// base is the last folder of a path, or its bucket: what a table is named after.
func base(bucket, prefix string) string {
	if prefix = strings.TrimSuffix(prefix, "/"); prefix == "" {
		return bucket
	}
	return path.Base(prefix)
}
