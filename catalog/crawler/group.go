package crawler

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flowlake/catalog"
)

// group is folders, or one file, whose files make one table.
type group struct {
	root    string // relative to the include path: "" or "a/b/"; a file's whole relative key when single
	single  bool   // of one file, in a folder whose files differ
	format  format
	kind    string // the format's key
	columns []column
	folders []folder
}

// folder is a folder that holds files of a group.
type folder struct {
	path string // relative to the include path, with a slash at its end, or empty
	stats
}

// stats describe files.
type stats struct {
	objects, bytes int64
	sampled        int64 // bytes of the files that were sampled whole …
	rows           int64 // records that are known or estimated
}

func (s *stats) add(t stats) {
	s.objects += t.objects
	s.bytes += t.bytes
	s.sampled += t.sampled
	s.rows += t.rows
}

// tree is the folders below an include path.
type tree struct {
	path     string
	depth    int // of the folder in the bucket, the bucket's own being 1
	files    []finding
	unread   stats
	children []*tree // in the order of their names
	byName   map[string]*tree
}

func (t *tree) child(name string) *tree {
	c := t.byName[name]
	if c == nil {
		c = &tree{path: t.path + name + "/", depth: t.depth + 1}
		if t.byName == nil {
			t.byName = make(map[string]*tree)
		}
		t.byName[name] = c
		t.children = append(t.children, c)
	}
	return c
}

func (t *tree) at(relative string) *tree {
	for {
		name, rest, ok := strings.Cut(relative, "/")
		if !ok {
			return t
		}
		t, relative = t.child(name), rest
	}
}

// plant makes the tree of a listing.
func plant(l listing, findings []finding) *tree {
	root := &tree{depth: 1 + strings.Count(l.place.prefix, "/")}
	for _, f := range findings {
		if !f.unknown {
			t := root.at(strings.TrimPrefix(f.file.key, l.place.prefix))
			t.files = append(t.files, f)
		}
	}
	for _, f := range l.unread {
		t := root.at(strings.TrimPrefix(f.key, l.place.prefix))
		t.unread.add(stats{objects: 1, bytes: f.size})
	}
	return root
}

// grouping is how a crawler makes groups.
type grouping struct {
	combine bool // schemas need not be similar where formats agree
	level   int  // folders above this depth are never tables; 0: no such bound
	prefix  string
}

// alike reports whether the files of two groups may be one table's.
func (g grouping) alike(a, b group) bool {
	return a.kind == b.kind &&
		(g.combine || similarity(a.columns, b.columns, a.format.positional) > similar)
}

// merge makes one group of two. It takes a's folders over: a folder of ten thousand others is merged one by one.
func merge(a, b group) group {
	a.columns = mergeColumns(a.columns, b.columns, a.format.positional)
	a.folders = append(a.folders, b.folders...)
	return a
}

// groups finds the tables in a folder and below. Folders become partitions of one table when most of those
// beside each other hold alike files; the table's root is the highest such folder.
//
// Files that lie beside folders are in no partition. Where all are alike, the table is the folder as a whole,
// which readers read with all that is below; where not, each such file is a table by itself, since
// no folder holds it alone.
//
// Source: Glue developer guide, "How does a crawler determine when to create partitions?"
func (g grouping) groups(t *tree) []group {
	own := g.ofFiles(t)
	var below [][]group
	for _, child := range t.children {
		if found := g.groups(child); len(found) > 0 {
			below = append(below, found)
		}
	}
	if len(below) == 0 {
		if len(own) == 1 && !g.tooHigh(t) {
			return own
		}
		return g.singles(t)
	}
	if g.tooHigh(t) {
		return append(g.singles(t), slices.Concat(below...)...)
	}
	// The children that are one table each, by kind.
	var kinds []group
	var members [][]int
	for i, found := range below {
		if len(found) != 1 || found[0].single {
			continue
		}
		if j := slices.IndexFunc(kinds, func(k group) bool { return g.alike(k, found[0]) }); j >= 0 {
			kinds[j] = merge(kinds[j], found[0])
			members[j] = append(members[j], i)
		} else {
			kinds = append(kinds, found[0])
			members = append(members, []int{i})
		}
	}
	most := -1
	for j := range kinds {
		if most < 0 || len(members[j]) > len(members[most]) {
			most = j
		}
	}
	if most < 0 || 2*len(members[most]) <= len(below) {
		return append(g.singles(t), slices.Concat(below...)...)
	}
	table := kinds[most]
	table.root = t.path
	if len(own) == 1 && len(kinds) == 1 && len(members[0]) == len(below) && g.alike(own[0], table) {
		table = merge(own[0], table)
		return []group{table}
	}
	out := append(g.singles(t), table)
	for _, i := range members[most] {
		below[i] = nil
	}
	return append(out, slices.Concat(below...)...)
}

func (g grouping) tooHigh(t *tree) bool { return t.depth < g.level }

// ofFiles groups the files that lie in a folder itself.
func (g grouping) ofFiles(t *tree) []group {
	var out []group
	for _, f := range t.files {
		one := g.of(t, f)
		if i := slices.IndexFunc(out, func(k group) bool { return g.alike(k, one) }); i >= 0 {
			out[i].columns = mergeColumns(out[i].columns, one.columns, one.format.positional)
			out[i].folders[0].add(one.folders[0].stats)
		} else {
			out = append(out, one)
		}
	}
	if len(out) == 1 {
		out[0].folders[0].add(t.unread)
	}
	return out
}

// singles makes each file that lies in the folder itself a table of its own.
func (g grouping) singles(t *tree) []group {
	var out []group
	for _, f := range t.files {
		one := g.of(t, f)
		one.root, one.single = strings.TrimPrefix(f.file.key, g.prefix), true
		out = append(out, one)
	}
	return out
}

func (g grouping) of(t *tree, f finding) group {
	return group{root: t.path, format: f.best.format, kind: f.best.format.key(), columns: f.best.columns,
		folders: []folder{{path: t.path, stats: statsOf(f)}}}
}

func statsOf(f finding) stats {
	s := stats{objects: 1, bytes: f.file.size}
	switch {
	case f.best.rows >= 0: // the file says it
		s.rows, s.sampled = f.best.rows, s.bytes
	case f.best.whole:
		s.rows, s.sampled = int64(f.best.records), s.bytes
		if f.best.format.params["skip.header.line.count"] != "" {
			s.rows--
		}
	}
	return s
}

// partition is a folder of a found table with its keys' values.
type partition struct {
	values   []string
	location string
	stats
}

// layout finds the partition keys and partitions of a group: as many levels of folders as all of its
// files have above them. Deeper ones are read with the partition that holds them.
func layout(l listing, g group) (keys []catalog.Column, partitions []partition) {
	if g.single {
		return nil, nil
	}
	var paths [][]string
	levels := -1
	for _, f := range g.folders {
		var segments []string
		if below := strings.TrimSuffix(strings.TrimPrefix(f.path, g.root), "/"); below != "" {
			segments = strings.Split(below, "/")
		}
		paths = append(paths, segments)
		if levels < 0 || len(segments) < levels {
			levels = len(segments)
		}
	}
	if levels <= 0 {
		return nil, nil
	}
	columns := make(map[string]bool)
	for _, col := range g.columns {
		columns[strings.ToLower(col.name)] = true
	}
	named := make([]bool, levels)
	for i := range levels {
		name := "partition_" + strconv.Itoa(i)
		if key, ok := keyOf(paths, i); ok && !columns[key] && len(key) <= 255 {
			name, named[i] = key, true
		}
		for columns[name] {
			name += "_"
		}
		columns[name] = true
		keys = append(keys, catalog.Column{Name: name, Type: "string"})
	}
	at := make(map[string]int)
	for i, f := range g.folders {
		root := g.root + strings.Join(paths[i][:levels], "/") + "/"
		if j, ok := at[root]; ok {
			partitions[j].add(f.stats)
			continue
		}
		at[root] = len(partitions)
		p := partition{location: l.place.url() + root, stats: f.stats}
		for j, segment := range paths[i][:levels] {
			if named[j] {
				segment = valueOf(segment)
			}
			p.values = append(p.values, segment)
		}
		partitions = append(partitions, p)
	}
	return keys, partitions
}

// valueOf is the value in a folder's name like "day=08". Hive percent-encodes what paths cannot hold.
func valueOf(segment string) string {
	_, value, _ := strings.Cut(segment, "=")
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

// keyOf returns the key that all folders of a level name, as in "year=2026".
func keyOf(paths [][]string, level int) (string, bool) {
	key := ""
	for _, segments := range paths {
		k, _, ok := strings.Cut(segments[level], "=")
		k = plainName(k)
		if !ok || k == "" || key != "" && k != key {
			return "", false
		}
		key = k
	}
	return key, true
}
