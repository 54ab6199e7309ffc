package crawler

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/state"
)

// commit ends a crawl: what it found, its report and the crawler's new state are one transaction, and
// this is the crawl's commit point. A crawl that was stopped meanwhile changes nothing.
func (k *Crawlers) commit(ctx context.Context, crawl state.ID, j job, d *discovery) error {
	return k.cat.Edit(ctx, d.as, func(e *catalog.Edit) error {
		tx := e.Tx()
		var now job
		if _, err := tx.Get(crawl, &now); err != nil {
			return err
		}
		cr, err := get(tx, j.Caller, crawl.Key)
		if err != nil {
			return err
		}
		if cr.State == Stopping {
			return errStopped
		}
		a := application{e: e, d: d, now: time.Now().UTC()}
		if err := a.apply(ctx); err != nil {
			return err
		}
		if cr.Recrawl == CrawlEverything { // a later crawl of new folders begins anew
			if err := forget(tx, j.Caller, crawl.Key); err != nil {
				return err
			}
		}
		for _, f := range d.folders {
			if err := tx.Put(id(j.Caller, kindFolder, crawl.Key+"\x1f"+f), struct{}{}); err != nil {
				return err
			}
		}
		d.report.Crawler, d.report.ID, d.report.Started, d.report.Ended = crawl.Key, j.ID, j.Started, a.now
		d.report.Tables = a.changes
		if err := tx.Put(id(j.Caller, kindReport, crawl.Key), d.report); err != nil {
			return err
		}
		return finish(tx, crawl, j, Succeeded, "")
	})
}

// application writes what a crawl found to the catalogue, by the crawler's policies.
type application struct {
	e       *catalog.Edit
	d       *discovery
	now     time.Time
	changes []TableChange
}

func (a *application) apply(ctx context.Context) error {
	cr := a.d.crawler
	there := make(map[string]catalog.Table)
	for t, err := range a.e.Tables(ctx, catalog.TableFilter{Database: cr.Database}) {
		if err != nil {
			return err
		}
		there[t.Name] = t
	}
	kept := make(map[string]bool)
	for _, f := range a.d.tables {
		if f.joins {
			t, ok := there[f.table.Name]
			if !ok {
				continue // dropped while the crawl ran
			}
			change := TableChange{Table: t.Name, Location: t.Storage.Location, Change: Unchanged}
			if err := a.addPartitions(ctx, f, &change); err != nil {
				return err
			}
			a.changes = append(a.changes, change)
			kept[t.Name] = true
			continue
		}
		f.table.Name = a.nameFor(f.table, there, kept)
		kept[f.table.Name] = true
		old, ok := there[f.table.Name]
		change, err := a.put(ctx, f, old, ok)
		if err != nil {
			return err
		}
		a.changes = append(a.changes, change)
	}
	if cr.Recrawl == CrawlNewFolders {
		return nil // the other folders were not looked at
	}
	for _, name := range sortedKeys(there) {
		t := there[name]
		if t.Parameters[paramCrawler] != cr.Name || kept[name] || !under(a.d.places, t.Storage.Location) {
			continue
		}
		change, err := a.gone(ctx, t)
		if err != nil {
			return err
		}
		a.changes = append(a.changes, change)
	}
	return nil
}

// nameFor finds the name of a table: that of the crawler's own table at this location, or its folder's,
// or one aside when somebody else's table, or one at another place, has that.
func (a *application) nameFor(t catalog.Table, there map[string]catalog.Table, kept map[string]bool) string {
	ours := func(name string) bool {
		old, ok := there[name]
		return ok && old.Parameters[paramCrawler] == a.d.crawler.Name && sameLocation(old.Storage.Location, t.Storage.Location)
	}
	for _, name := range []string{t.Name, aside(t.Name, t.Storage.Location)} {
		if _, taken := there[name]; !kept[name] && (!taken || ours(name)) {
			return name
		}
	}
	return aside(t.Name, t.Storage.Location+"\x00"+a.d.crawler.Name)
}

func sameLocation(a, b string) bool {
	return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/")
}

// put creates or updates one table with its partitions.
func (a *application) put(ctx context.Context, f found, old catalog.Table, exists bool) (TableChange, error) {
	change := TableChange{Table: f.table.Name, Location: f.table.Storage.Location}
	if !exists {
		change.Change = Created
		if _, err := a.e.CreateTable(ctx, f.table); err != nil {
			return change, err
		}
		return change, a.addPartitions(ctx, f, &change)
	}
	next, differs := a.updated(old, f.table)
	if a.d.config.CrawlerOutput.Partitions.AddOrUpdateBehavior == "InheritFromTable" {
		if a.d.crawler.UpdateBehavior == LogOnly {
			f.inherit(old.Storage)
		} else {
			f.inherit(next.Storage)
		}
	}
	change.Change = Unchanged
	sameKeys := slices.EqualFunc(old.PartitionKeys, f.table.PartitionKeys, func(x, y catalog.Column) bool { return x.Name == y.Name })
	if a.d.crawler.UpdateBehavior == LogOnly {
		if differs {
			change.Change, change.Reason = Logged, "its schema differs from the data, and the update behavior is LOG"
		}
		if !sameKeys {
			return change, nil // partitions of other keys cannot be registered
		}
	} else if differs || !maps.Equal(next.Parameters, old.Parameters) {
		if differs {
			change.Change = Updated
		}
		if !sameKeys { // the old partitions say nothing any more
			removed, err := a.e.DeleteAllPartitions(ctx, old.Database, old.Name)
			if err != nil {
				return change, err
			}
			change.PartitionsRemoved = removed
		}
		if _, err := a.e.UpdateTable(ctx, next, ""); err != nil {
			return change, err
		}
	}
	if err := a.addPartitions(ctx, f, &change); err != nil {
		return change, err
	}
	return change, a.oldPartitions(ctx, f, old, &change)
}

// inherit makes the partitions' files be read as the table's are.
func (f *found) inherit(s catalog.Storage) {
	for i := range f.partitions {
		s.Location, s.Parameters = f.partitions[i].Storage.Location, nil
		f.partitions[i].Storage = s
	}
}

// updated is the table as the crawl would have it, and whether its definition differs from what is there;
// what only counts records and bytes does not.
func (a *application) updated(old, seen catalog.Table) (next catalog.Table, differs bool) {
	next = old
	next.Parameters = maps.Clone(seen.Parameters)
	next.Storage.Parameters = next.Parameters
	for name, value := range old.Parameters { // what people or other programs added stays
		if _, ok := next.Parameters[name]; !ok && name != paramDeprecated && name != "skip.header.line.count" {
			next.Parameters[name] = value
		}
	}
	next.PartitionKeys = seen.PartitionKeys
	columns := seen.Storage.Columns
	if a.d.config.CrawlerOutput.Tables.AddOrUpdateBehavior == "MergeNewColumns" {
		columns = withNew(old.Storage.Columns, columns)
	}
	next.Storage.Columns = keepComments(columns, old.Storage.Columns)
	next.Storage.SerDe, next.Storage.InputFormat, next.Storage.OutputFormat = seen.Storage.SerDe, seen.Storage.InputFormat, seen.Storage.OutputFormat
	next.Storage.Compressed = seen.Storage.Compressed
	sameColumns := func(x, y []catalog.Column) bool {
		return slices.EqualFunc(x, y, func(p, q catalog.Column) bool { return p.Name == q.Name && p.Type == q.Type })
	}
	differs = !sameColumns(next.Storage.Columns, old.Storage.Columns) || !sameColumns(next.PartitionKeys, old.PartitionKeys) ||
		next.Storage.SerDe.Library != old.Storage.SerDe.Library || !maps.Equal(next.Storage.SerDe.Parameters, old.Storage.SerDe.Parameters) ||
		next.Parameters["classification"] != old.Parameters["classification"] || old.Parameters[paramDeprecated] != "" ||
		next.Parameters["skip.header.line.count"] != old.Parameters["skip.header.line.count"]
	return next, differs
}

// withNew are the columns that are there, and the new ones behind them.
func withNew(old, seen []catalog.Column) []catalog.Column {
	out := slices.Clone(old)
	for _, col := range seen {
		if !slices.ContainsFunc(old, func(o catalog.Column) bool { return o.Name == col.Name }) {
			out = append(out, col)
		}
	}
	return out
}

func keepComments(columns, old []catalog.Column) []catalog.Column {
	out := slices.Clone(columns)
	for i, col := range out {
		for _, o := range old {
			if o.Name == col.Name && col.Comment == "" {
				out[i].Comment = o.Comment
			}
		}
	}
	return out
}

// addPartitions registers the partitions that are not there yet.
func (a *application) addPartitions(ctx context.Context, f found, change *TableChange) error {
	created, err := a.e.AddPartitions(ctx, f.table.Database, f.table.Name, f.partitions)
	change.PartitionsAdded = created
	return err
}

// oldPartitions deals with the partitions that were there: those whose folders the crawl did not find by the delete
// behavior, and the others by the update behavior, so that a table and its partitions are read in one way.
func (a *application) oldPartitions(ctx context.Context, f found, old catalog.Table, change *TableChange) error {
	if len(f.table.PartitionKeys) == 0 {
		return nil
	}
	seen := make(map[string]catalog.Partition, len(f.partitions))
	for _, p := range f.partitions {
		seen[strings.Join(p.Values, "\x1f")] = p
	}
	var missing, stale []catalog.Partition
	for p, err := range a.e.Partitions(ctx, old.Database, old.Name, catalog.PartitionFilter{}) {
		if err != nil {
			return err
		}
		now, there := seen[strings.Join(p.Values, "\x1f")]
		switch {
		case there:
			if next, differs := a.refreshed(p, now); differs {
				stale = append(stale, next)
			}
		case under(a.d.places, p.Storage.Location):
			missing = append(missing, p)
		}
	}
	for _, p := range stale {
		if err := a.e.UpdatePartition(ctx, old.Database, old.Name, p.Values, p); err != nil {
			return err
		}
	}
	for _, p := range missing {
		switch a.d.crawler.DeleteBehavior {
		case DeleteFromDatabase:
			if err := a.e.DeletePartition(ctx, old.Database, old.Name, p.Values); err != nil {
				return err
			}
			change.PartitionsRemoved++
		case DeprecateInDatabase:
			if p.Parameters[paramDeprecated] != "" {
				continue
			}
			p.Parameters = maps.Clone(p.Parameters)
			if p.Parameters == nil {
				p.Parameters = make(map[string]string)
			}
			p.Parameters[paramDeprecated] = a.stamp()
			if err := a.e.UpdatePartition(ctx, old.Database, old.Name, p.Values, p); err != nil {
				return err
			}
			change.PartitionsDeprecated++
		}
	}
	return nil
}

// refreshed is a partition as the crawl would have it, and whether that differs from what is there; what only
// counts records and bytes does not.
func (a *application) refreshed(old, seen catalog.Partition) (next catalog.Partition, differs bool) {
	next = old
	next.Parameters = maps.Clone(old.Parameters)
	if _, differs = next.Parameters[paramDeprecated]; differs {
		delete(next.Parameters, paramDeprecated)
	}
	if a.d.crawler.UpdateBehavior == LogOnly || readAlike(old.Storage, seen.Storage) {
		return next, differs
	}
	next.Storage = seen.Storage
	if next.Parameters == nil {
		next.Parameters = make(map[string]string)
	}
	delete(next.Parameters, "skip.header.line.count")
	maps.Copy(next.Parameters, seen.Parameters)
	return next, true
}

// readAlike reports whether files are read in the same way, into the same columns. Where they are is another matter.
func readAlike(a, b catalog.Storage) bool {
	return a.SerDe.Library == b.SerDe.Library && maps.Equal(a.SerDe.Parameters, b.SerDe.Parameters) &&
		a.InputFormat == b.InputFormat && a.OutputFormat == b.OutputFormat && a.Compressed == b.Compressed &&
		slices.EqualFunc(a.Columns, b.Columns, func(x, y catalog.Column) bool { return x.Name == y.Name && x.Type == y.Type })
}

// stamp is the time as Glue writes it on what is deprecated: milliseconds since 1970.
func (a *application) stamp() string { return strconv.FormatInt(a.now.UnixMilli(), 10) }

// gone deals with a table whose files the crawl did not find, by the delete behavior.
func (a *application) gone(ctx context.Context, t catalog.Table) (TableChange, error) {
	change := TableChange{Table: t.Name, Location: t.Storage.Location, Change: Unchanged}
	switch a.d.crawler.DeleteBehavior {
	case DeleteFromDatabase:
		change.Change = Deleted
		err := a.e.DeleteTable(ctx, t.Database, t.Name)
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
		return change, err
	case DeprecateInDatabase:
		if t.Parameters[paramDeprecated] != "" {
			return change, nil
		}
		change.Change = Deprecated
		t.Parameters = maps.Clone(t.Parameters)
		t.Parameters[paramDeprecated] = a.stamp()
		_, err := a.e.UpdateTable(ctx, t, "")
		return change, err
	}
	change.Change, change.Reason = Logged, "its files are gone, and the delete behavior is LOG"
	return change, nil
}
