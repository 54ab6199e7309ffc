package backfill

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"flowlake/fault"
)

// Bounds of a group's text. Small files are joined up to the least, so that objects are well-sized; there are
// at most so many bytes that a kill loses little work, unless one file alone has more.
const (
	leastGroup = 64 << 20
	mostGroup  = 512 << 20
	zipped     = 8 // how much more text there is than gzip data of flow logs, about
)

// Plan is what a run has to do.
type Plan struct {
	Already int     // files that an earlier run converted
	Changed []Input // files that changed after they were converted: nothing is done with them
	Skipped []Found // files that are no flow logs
	New     []Found // files that are planned now
	Resumed int     // files of groups that an earlier run left unfinished
	Bytes   int64   // of all files to convert, as they are stored
	Files   int     // to convert

	pending []*group
	ledger  *ledger
	named   []string // the groups that hold the files which were named, converted or not
	next    plan     // to be written, as the next
}

// Sizes says how groups are cut.
type Sizes struct {
	Workers int   // there are some groups for each of them, where there is enough to do
	Text    int64 // of a group, in bytes; 0: 64 to 512 MiB, as there is
}

// Groups is how many groups are to be converted.
func (p *Plan) Groups() int { return len(p.pending) + len(p.next.Groups) }

// Prepare finds what is to be done with inputs: what an earlier run began is gone on with, what it converted is left
// alone, and what is new is grouped. With again, files that are converted already are converted again in place of
// what they gave. sniff is asked about files that no plan has. Nothing is written.
func Prepare(ctx context.Context, objects Objects, location string, inputs []Input, again bool, size Sizes, sniff func(context.Context, []Input) ([]Found, error)) (*Plan, error) {
	j, err := newJournal(objects, location)
	if err != nil {
		return nil, err
	}
	l := &ledger{}
	if j.objects != nil {
		if l, err = j.load(ctx); err != nil {
			return nil, err
		}
	}
	p := &Plan{ledger: l}
	fresh, stale := p.sort(inputs, again)
	all := slices.Clone(fresh)
	for _, g := range stale {
		all = append(all, g.Files...)
	}
	found, err := sniff(ctx, all)
	if err != nil {
		return nil, err
	}
	take := map[string]bool{}
	for _, f := range found {
		if f.Why != "" {
			p.Skipped = append(p.Skipped, f)
			continue
		}
		p.New = append(p.New, f)
		take[f.Name] = true
	}
	not := func(in Input) bool { return !take[in.Name] }
	p.next.Again = again
	for _, g := range stale {
		if g.Files = slices.DeleteFunc(g.Files, not); len(g.Files) > 0 {
			p.next.Groups = append(p.next.Groups, g)
		}
	}
	p.next.Groups = append(p.next.Groups, gather(slices.DeleteFunc(fresh, not), size)...)
	for i := range p.next.Groups {
		g := &p.next.Groups[i]
		g.name(location, len(l.plans)+1)
		p.named = append(p.named, g.ID)
	}
	for _, g := range slices.Concat(p.pending, pointers(p.next.Groups)) {
		for _, f := range g.Files {
			p.Files++
			p.Bytes += f.Size
		}
	}
	return p, nil
}

func pointers(groups []group) (out []*group) {
	for i := range groups {
		out = append(out, &groups[i])
	}
	return out
}

// sort tells the inputs apart: those that no plan has, the groups to convert anew with their files as they are now, and the
// rest, which it notes in p.
func (p *Plan) sort(inputs []Input, again bool) (fresh []Input, stale []group) {
	l := p.ledger
	now, anew, wanted := map[string]Input{}, map[string]bool{}, map[string]bool{}
	for _, in := range inputs {
		now[in.Name] = in
	}
	for _, in := range inputs {
		id, planned := l.files[in.Name]
		if !planned || l.replaced[id] || l.leftOut[id][in.Name] {
			fresh = append(fresh, in)
			if l.replaced[id] { // by a group that did without this file
				wanted[l.replacement(id)] = true
			}
			continue
		}
		same, done := l.groups[id].has(in), l.done[id]
		switch {
		case done && again && !l.unfinishedAgain(id):
			anew[id] = true
		case done && same:
			p.Already++
			wanted[id] = true
		case done:
			p.Changed = append(p.Changed, in)
		case same:
			wanted[id] = true
		default: // unfinished, and its files are others now: what it wrote goes
			anew[id] = true
		}
	}
	for id := range anew {
		delete(wanted, id)
		g := group{Replaces: []string{id}}
		for _, f := range l.groups[id].Files { // those that were not named come along
			if l.leftOut[id][f.Name] {
				continue
			}
			if in, named := now[f.Name]; named {
				f = in
			}
			g.Files = append(g.Files, f)
		}
		stale = append(stale, g)
	}
	slices.SortFunc(stale, func(a, b group) int { return strings.Compare(a.Replaces[0], b.Replaces[0]) })
	ids := slices.SortedFunc(maps.Keys(wanted), func(a, b string) int {
		return cmp.Or(cmp.Compare(l.planOf[a], l.planOf[b]), strings.Compare(l.groups[a].Files[0].Name, l.groups[b].Files[0].Name))
	})
	for _, id := range ids {
		p.named = append(p.named, id)
		if g := l.groups[id]; !l.done[id] {
			p.pending = append(p.pending, g)
			p.Resumed += len(g.Files)
		}
	}
	slices.SortFunc(fresh, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	return fresh, stale
}

// replacement is the group that replaces another.
func (l *ledger) replacement(id string) string {
	for _, g := range l.groups {
		if slices.Contains(g.Replaces, id) {
			return g.ID
		}
	}
	return ""
}

// unfinishedAgain reports whether a group is of a plan that converts again and is not through: it is not begun once more.
func (l *ledger) unfinishedAgain(id string) bool {
	p := l.plans[l.planOf[id]]
	return p.Again && slices.ContainsFunc(p.Groups, func(g group) bool { return !l.done[g.ID] && !l.replaced[g.ID] })
}

// gather makes groups of files in the order of their names. A group ends when it has enough text, sooner at the end of
// a folder, which is often a day.
func gather(files []Input, size Sizes) (groups []group) {
	total := int64(0)
	for _, f := range files {
		total += text(f)
	}
	target := size.Text
	if target <= 0 {
		target = min(max(total/int64(4*max(size.Workers, 1)), leastGroup), mostGroup)
	}
	var g group
	sum := int64(0)
	for i, f := range files {
		g.Files = append(g.Files, f)
		sum += text(f)
		last := i == len(files)-1
		if last || sum >= target || sum >= target/2 && path.Dir(files[i+1].Name) != path.Dir(f.Name) {
			groups = append(groups, g)
			g, sum = group{}, 0
		}
	}
	return groups
}

// text guesses how much text a file holds.
func text(f Input) int64 {
	if strings.HasSuffix(f.Name, ".gz") {
		return f.Size * zipped
	}
	return f.Size
}

// newJournal is the journal of the table at a location.
func newJournal(objects Objects, location string) (journal, error) {
	rest, ok := strings.CutPrefix(location, "s3://")
	bucket, prefix, _ := strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return journal{}, fault.Newf(fault.Invalid, "location "+location, "is not s3://bucket/prefix/")
	}
	if prefix != "" {
		prefix = folder(prefix)
	}
	return journal{objects: objects, bucket: bucket, prefix: prefix}, nil
}
