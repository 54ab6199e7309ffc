package compact

import (
	"context"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/lake"
)

// sortedBy is the metadata of a compacted object: the columns that it is sorted by, with commas. It goes with the
// object when that is copied, and away when it is overwritten.
const sortedBy = "flowlake-sorted-by"

// maxInputs bounds the objects of one step: its plan is one row.
const maxInputs = 5000

// folder is where objects that may become one lie: all have the same partition values, whatever a table says of them.
type folder struct{ bucket, prefix string }

// group is objects of one folder that are to become one.
type group struct {
	folder
	objects []lake.Object
}

func (g group) total() (t Total) {
	for _, o := range g.objects {
		t.add(Total{Objects: 1, Bytes: o.Size})
	}
	return t
}

// layout is what a run wants of objects.
type layout struct {
	Options
	mark string // of objects that are sorted so
}

func layoutOf(o Options) layout { return layout{Options: o, mark: strings.Join(o.SortBy, ",")} }

func (l layout) sorted(o lake.Object) bool { return o.Metadata[sortedBy] == l.mark }

// settled objects need nothing.
func (l layout) settled(o lake.Object) bool { return l.sorted(o) && o.Size >= l.Target/2 }

// worthwhile reports whether queries gain enough from making the objects one.
func (l layout) worthwhile(objects []lake.Object) bool {
	if len(objects) >= max(l.MinFiles, 2) {
		return true
	}
	var size int64
	unsorted := false
	for _, o := range objects {
		size += o.Size
		unsorted = unsorted || !l.sorted(o)
	}
	return unsorted && (l.MinFiles == 1 || size >= l.Target/2)
}

// groups chooses among the objects of a folder, which are in order of their keys.
func (l layout) groups(f folder, objects []lake.Object, now time.Time) (chosen []group, kept Total) {
	keep := func(objects ...lake.Object) { kept.add(group{objects: objects}.total()) }
	for _, o := range objects {
		// Compaction's own objects do not make a folder young.
		if !l.sorted(o) && now.Sub(o.Modified) < l.MinAge {
			keep(objects...)
			return nil, kept
		}
	}
	var open []lake.Object
	var size int64
	closed := func() {
		if l.worthwhile(open) {
			chosen = append(chosen, group{f, open})
		} else {
			keep(open...)
		}
		open, size = nil, 0
	}
	for _, o := range objects {
		if l.settled(o) {
			keep(o)
			continue
		}
		if len(open) > 0 && (size+o.Size > l.Target+l.Target/4 || len(open) == maxInputs) {
			closed()
		}
		open, size = append(open, o), size+o.Size
	}
	if len(open) > 0 {
		closed()
	}
	return chosen, kept
}

// folders lists what lies below a location, by folder.
func (k *Compactor) folders(ctx context.Context, c access.Caller, location string, seen map[folder]bool, do func(folder, []lake.Object)) error {
	bucket, prefix, err := lake.ParseURL(location)
	if err != nil {
		return err
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	found := map[folder][]lake.Object{} // a folder's objects do not follow each other: those of its folders come between
	var order []folder
	for o, err := range k.lake.Walk(ctx, c, bucket, prefix) {
		if err != nil {
			return err
		}
		if o.Size == 0 || !catalog.IsData(o.Key[len(prefix):]) {
			continue
		}
		f := folder{bucket, o.Key[:strings.LastIndexByte(o.Key, '/')+1]}
		if seen[f] {
			continue
		}
		if found[f] == nil {
			order = append(order, f)
		}
		found[f] = append(found[f], o)
	}
	for _, f := range order {
		seen[f] = true
		do(f, found[f])
	}
	return nil
}

// plan is the groups of a request, and what needs nothing.
func (k *Compactor) plan(ctx context.Context, run *Run, t catalog.Table) (groups []group, kept Total, err error) {
	now, l := time.Now(), layoutOf(run.Request.Options)
	seen := map[folder]bool{}
	add := func(f folder, objects []lake.Object) {
		g, left := l.groups(f, objects, now)
		groups = append(groups, g...)
		kept.add(left)
	}
	if len(t.PartitionKeys) == 0 || projected(t) {
		location := t.Storage.Location
		if template := t.Parameters["storage.location.template"]; projected(t) && template != "" {
			location, _, _ = strings.Cut(template, "${")
			location = location[:strings.LastIndexByte(location, '/')+1]
		}
		err := k.folders(ctx, run.Caller, location, seen, add)
		return groups, kept, err
	}
	wanted := make([]string, len(t.PartitionKeys))
	for name, value := range run.Request.Partitions {
		i := slices.IndexFunc(t.PartitionKeys, func(key catalog.Column) bool { return strings.EqualFold(key.Name, name) })
		if i < 0 {
			continue // the table changed since the request was checked: nothing has that value
		}
		wanted[i] = value
	}
	chosen := func(values []string) bool {
		for i, v := range values {
			if wanted[i] != "" && wanted[i] != v {
				return false
			}
		}
		return true
	}
	partitions, _, err := k.tables.Partitions(ctx, run.Caller, t.Database, t.Name, catalog.PartitionFilter{Keep: chosen})
	if err != nil {
		return nil, kept, err
	}
	for _, p := range partitions {
		if err := checkFormat(t, p.Storage, "partition "+strings.Join(p.Values, "/")); err != nil {
			run.skip(err.Error())
			continue
		}
		if err := k.folders(ctx, run.Caller, p.Storage.Location, seen, add); err != nil {
			return nil, kept, err
		}
	}
	return groups, kept, nil
}

// maxSkipped bounds what a run says about objects that it left alone.
const maxSkipped = 100

func (r *Run) skip(reason string) {
	if len(r.Skipped) < maxSkipped && !slices.Contains(r.Skipped, reason) {
		r.Skipped = append(r.Skipped, reason)
	}
}
