package catalog

import (
	"context"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
	"flowlake/state"
)

// SetFormation makes Lake Formation's grants count beside IAM's policies: what a caller was granted nothing on is not there
// for it, in lists and by name. Without it IAM decides alone. It is for wiring: call it before the catalogue is used.
func (k *Catalog) SetFormation(f *formation.Store) {
	k.formation = f
	f.SetCatalogue(k)
}

var _ formation.Catalogue = (*Catalog)(nil)

// unasked reads the catalogue as nobody: for those who decide what others may see.
func unasked(tx *state.Tx, account, region string) *Snapshot {
	return &Snapshot{tx: tx, c: access.Caller{Account: account, Region: region}}
}

// LakeDatabase implements formation.Catalogue.
func (k *Catalog) LakeDatabase(tx *state.Tx, account, region, name string) (formation.Database, error) {
	d, err := unasked(tx, account, region).database(name)
	return formation.Database{Name: d.Name, Location: d.Location}, err
}

// LakeTable implements formation.Catalogue.
func (k *Catalog) LakeTable(tx *state.Tx, account, region, database, name string) (formation.Table, error) {
	t, err := unasked(tx, account, region).table(database, name)
	return lakeTable(t), err
}

// LakeDatabases implements formation.Catalogue. It ends early when the store cannot be read.
func (k *Catalog) LakeDatabases(tx *state.Tx, account, region string) iter.Seq2[formation.Database, error] {
	return func(yield func(formation.Database, error) bool) {
		for row, err := range tx.List(unasked(tx, account, region).id(kindDatabase, ""), "") {
			var d Database
			if err == nil {
				err = row.Decode(&d)
			}
			if !yield(formation.Database{Name: d.Name, Location: d.Location}, err) || err != nil {
				return
			}
		}
	}
}

// LakeTables implements formation.Catalogue.
func (k *Catalog) LakeTables(tx *state.Tx, account, region, database string) iter.Seq2[formation.Table, error] {
	return func(yield func(formation.Table, error) bool) {
		for row, err := range tx.List(unasked(tx, account, region).id(kindTable, database+separator), "") {
			var t Table
			if err == nil {
				err = row.Decode(&t)
			}
			if !yield(lakeTable(t), err) || err != nil {
				return
			}
		}
	}
}

// lakeTable is a table as far as permissions go.
func lakeTable(t Table) formation.Table {
	out := formation.Table{Database: t.Database, Name: t.Name, Location: t.Storage.Location}
	for _, c := range t.columns() {
		out.Columns = append(out.Columns, formation.Column{Name: c.Name, Type: c.Type})
	}
	return out
}

// columns is all of a table's, partition keys last.
func (t Table) columns() iter.Seq2[int, Column] {
	return func(yield func(int, Column) bool) {
		for i, c := range t.Storage.Columns {
			if !yield(i, c) {
				return
			}
		}
		for i, c := range t.PartitionKeys {
			if !yield(len(t.Storage.Columns)+i, c) {
				return
			}
		}
	}
}

// access is what the caller may do with a table that exists.
func (s *Snapshot) access(ctx context.Context, t Table) (formation.Access, error) {
	if s.lf == nil {
		return open(t), nil
	}
	return s.lf.Table(ctx, lakeTable(t))
}

// open is the access of a caller for whom IAM decides alone.
func open(t Table) formation.Access {
	var names []string
	for _, c := range t.columns() {
		names = append(names, c.Name)
	}
	return formation.Access{Describe: true, Columns: names, Select: []formation.Cells{{Columns: names}},
		Permissions: []formation.Permission{formation.Select, formation.Insert, formation.Delete, formation.Describe, formation.Alter, formation.Drop}}
}

// seesDatabase returns fault.NotFound for a database that the caller may not know of, in the words for one that does
// not exist.
func (s *Snapshot) seesDatabase(ctx context.Context, name string) (Database, error) {
	d, err := s.database(name)
	if err != nil || s.lf == nil {
		return d, err
	}
	visible, err := s.lf.Database(ctx, name)
	if err == nil && !visible { // it is written down, and says that there is none
		if err = s.lf.Check(ctx, formation.Describe, formation.InDatabase(name)); err == nil {
			err = noDatabase(name)
		}
	}
	if err != nil {
		return Database{}, err
	}
	return d, nil
}

func noDatabase(name string) error { return fault.Newf(fault.NotFound, "database "+name, "not found") }

// seesTable returns a table, whole, with what the caller may do with it: fault.NotFound for one that the caller may not
// know of, as for one that is not there, and about its database where that is hidden too.
func (s *Snapshot) seesTable(ctx context.Context, database, name string) (Table, formation.Access, error) {
	t, err := s.table(database, name)
	if err == nil {
		var a formation.Access
		if a, err = s.access(ctx, t); err == nil && a.Describe {
			return t, a, nil
		}
		if err == nil { // it is written down, and says that there is none
			err = s.lf.Check(ctx, formation.Describe, formation.OnTable(database, name))
		}
	}
	if err == nil || fault.Is(err, fault.NotFound) {
		if _, err = s.seesDatabase(ctx, database); err == nil {
			err = fault.Newf(fault.NotFound, tableSubject(database, name), "not found")
		}
	}
	return Table{}, formation.Access{}, err
}

// Readable returns a table as it is, with the cells of it that the caller may read: for an engine, which shows those and
// nothing else. It is fault.NotFound as Table is, and fault.Denied for a table of which the caller may know and read
// nothing.
func (s *Snapshot) Readable(ctx context.Context, database, name string) (Table, formation.Access, error) {
	database, name = strings.ToLower(database), strings.ToLower(name)
	if err := s.allowTable(ctx, "GetTable", database, name); err != nil {
		return Table{}, formation.Access{}, err
	}
	t, a, err := s.seesTable(ctx, database, name)
	if err == nil && len(a.Select) == 0 {
		err = s.lf.Missing(ctx, formation.Select, formation.OnTable(database, name))
	}
	if err != nil {
		return Table{}, formation.Access{}, err
	}
	return t, a, nil
}

// Readable is Snapshot.Readable in a snapshot of its own.
func (k *Catalog) Readable(ctx context.Context, c access.Caller, database, name string) (t Table, a formation.Access, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error { t, a, err = s.Readable(ctx, database, name); return err })
	return t, a, err
}

// Whole is Table for those who write by a table's definition: with some columns hidden it would be another table, so that is
// refused, with the grant that shows all of them.
func (s *Snapshot) Whole(ctx context.Context, database, name string) (Table, error) {
	database, name = strings.ToLower(database), strings.ToLower(name)
	if err := s.allowTable(ctx, "GetTable", database, name); err != nil {
		return Table{}, err
	}
	t, a, err := s.seesTable(ctx, database, name)
	if err == nil && len(a.Columns) < len(t.Storage.Columns)+len(t.PartitionKeys) {
		err = s.lf.Missing(ctx, formation.Describe, formation.OnTable(database, name))
	}
	if err == nil {
		t, err = s.shown(ctx, t, a)
	}
	if err != nil {
		return Table{}, err
	}
	return t, nil
}

// Whole is Snapshot.Whole in a snapshot of its own.
func (k *Catalog) Whole(ctx context.Context, c access.Caller, database, name string) (t Table, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error { t, err = s.Whole(ctx, database, name); return err })
	return t, err
}

// Schema is Whole for those who convert by a table's versions: it asks for glue:GetTableVersions, too.
func (k *Catalog) Schema(ctx context.Context, c access.Caller, database, name string) (t Table, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error {
		if err := s.allowTable(ctx, "GetTableVersions", strings.ToLower(database), strings.ToLower(name)); err != nil {
			return err
		}
		t, err = s.Whole(ctx, database, name)
		return err
	})
	return t, err
}

// check asks for one of several Lake Formation permissions on a table; the first is the one that a refusal names.
func (s *Snapshot) check(ctx context.Context, t Table, a formation.Access, oneOf ...formation.Permission) error {
	if s.lf == nil || !a.Governed || slices.ContainsFunc(oneOf, a.May) {
		return nil
	}
	return s.lf.Check(ctx, oneOf[0], formation.OnTable(t.Database, t.Name))
}

// checkDatabase asks for a Lake Formation permission on a database that exists.
func (s *Snapshot) checkDatabase(ctx context.Context, p formation.Permission, name string) error {
	if s.lf == nil {
		return nil
	}
	return s.lf.Check(ctx, p, formation.InDatabase(name))
}

// mayPlace asks whether the caller may give something in the catalogue a place in S3: a location that is registered needs
// DATA_LOCATION_ACCESS, except below what already has been given: a table's location, or its database's.
//
// Source: Lake Formation developer guide, "Underlying data access control".
func (s *Snapshot) mayPlace(ctx context.Context, location string, given ...string) error {
	if s.lf == nil || location == "" || slices.ContainsFunc(given, func(g string) bool { return Below(location, g) }) {
		return nil
	}
	return s.lf.Check(ctx, formation.DataLocationAccess, formation.AtLocation(location))
}

// Below reports whether an s3:// location is another or lies within it. Nothing lies within "".
func Below(location, within string) bool {
	folder := func(l string) string {
		for _, scheme := range []string{"s3a://", "s3n://"} {
			if rest, ok := strings.CutPrefix(l, scheme); ok {
				l = "s3://" + rest
			}
		}
		return strings.TrimSuffix(l, "/") + "/"
	}
	return within != "" && strings.HasPrefix(folder(location), folder(within))
}

// shown is a table as calls return it.
func (s *Snapshot) shown(ctx context.Context, t Table, a formation.Access) (_ Table, err error) {
	if s.lf != nil && t.Storage.Location != "" {
		if _, t.Registered, err = s.lf.Location(ctx, t.Storage.Location); err != nil {
			return t, err
		}
	}
	return cut(t, a), nil
}

// cut is a table as its caller may know it: with the columns that were granted, and without properties that name others.
func cut(t Table, a formation.Access) Table {
	var hidden []string
	for _, c := range t.columns() {
		if !slices.Contains(a.Columns, c.Name) {
			hidden = append(hidden, c.Name)
		}
	}
	if behindFilter(a) {
		t.Parameters, t.Storage.Parameters = uncounted(t.Parameters), uncounted(t.Storage.Parameters)
		if t.listing(a) != listAll { // the keys' values, in other words
			maps.DeleteFunc(t.Parameters, func(k, _ string) bool { return strings.HasPrefix(k, "projection.") && k != "projection.enabled" })
		}
	}
	if len(hidden) == 0 {
		return t
	}
	gone := hides(hidden)
	t.PartitionKeys = keep(t.PartitionKeys, a.Columns)
	t.Parameters = gone.from(t.Parameters)
	t.Storage = cutStorage(t.Storage, a.Columns, gone)
	if gone.re.MatchString(t.Description) {
		t.Description = ""
	}
	if t.ViewOriginalText != "" || t.ViewExpandedText != "" { // the query names them all
		t.ViewOriginalText, t.ViewExpandedText = "", ""
	}
	return t
}

// behindFilter reports whether a row filter hides rows from the caller, who may not read or change the whole table.
func behindFilter(a formation.Access) bool {
	return !slices.ContainsFunc([]formation.Permission{formation.Select, formation.Alter, formation.Insert, formation.Delete}, a.May) &&
		slices.ContainsFunc(a.Select, func(c formation.Cells) bool { return c.Rows != "" })
}

// counts are the properties in which crawlers and engines keep how many rows and bytes there are.
var counts = []string{"recordcount", "averagerecordsize", "sizekey", "objectcount", "numrows", "numfiles", "rawdatasize", "totalsize"}

// uncounted is properties without those that tell of rows that a filter hides.
func uncounted(properties map[string]string) map[string]string {
	out := maps.Clone(properties)
	maps.DeleteFunc(out, func(key, _ string) bool { return slices.Contains(counts, strings.ToLower(key)) })
	return out
}

func cutStorage(s Storage, seen []string, gone naming) Storage {
	s.Columns = keep(s.Columns, seen)
	s.Parameters, s.SerDe.Parameters = gone.from(s.Parameters), gone.from(s.SerDe.Parameters)
	s.BucketColumns, s.SortColumns, s.AdditionalLocations = nil, nil, nil
	s.SkewedColumns, s.SkewedValues, s.SkewedLocations = nil, nil, nil
	return s
}

func keep(columns []Column, names []string) []Column {
	return slices.DeleteFunc(slices.Clone(columns), func(c Column) bool { return !slices.Contains(names, c.Name) })
}

// naming finds texts that name a column: a projection's properties, a Grok pattern, a JSON SerDe's paths.
type naming struct{ re *regexp.Regexp }

func hides(columns []string) naming {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = regexp.QuoteMeta(c)
	}
	return naming{regexp.MustCompile(`(?i)(?:^|[^a-z0-9])(?:` + strings.Join(quoted, "|") + `)(?:$|[^a-z0-9])`)}
}

func (n naming) from(properties map[string]string) map[string]string {
	out := maps.Clone(properties)
	maps.DeleteFunc(out, func(key, value string) bool { return n.re.MatchString(key) || n.re.MatchString(value) })
	return out
}

// listing says how a caller may know a table's partitions, whose values are those of rows.
type listing int

const (
	listAll  listing = iota
	listNone         // a key is hidden: as a table without partitions
	listDeny         // a row filter stands before values that the caller could learn here
)

func (t Table) listing(a formation.Access) listing {
	if len(a.Select) == 0 || slices.ContainsFunc([]formation.Permission{formation.Select, formation.Alter, formation.Insert, formation.Delete}, a.May) {
		return listAll // without SELECT it is DESCRIBE on the whole table that shows it
	}
	answer := listAll
	for _, k := range t.PartitionKeys {
		switch {
		case !slices.Contains(a.Columns, k.Name):
			return listNone
		case !slices.ContainsFunc(a.Select, func(c formation.Cells) bool { return c.Rows == "" && slices.Contains(c.Columns, k.Name) }):
			answer = listDeny
		}
	}
	return answer
}

// partitionsOf returns a table for a call that reads its partitions, how the caller may know one of them, the table cut for the
// caller, and whether there are any for it.
func (s *Snapshot) partitionsOf(ctx context.Context, action, database, table string) (t Table, show func(Partition) Partition, seen Table, some bool, err error) {
	database, table = strings.ToLower(database), strings.ToLower(table)
	if err := s.allowTable(ctx, action, database, table); err != nil {
		return t, nil, seen, false, err
	}
	t, a, err := s.seesTable(ctx, database, table)
	if err != nil {
		return t, nil, seen, false, err
	}
	how := t.listing(a)
	if how == listDeny {
		return t, nil, seen, false, s.lf.Missing(ctx, formation.Select, formation.OnTable(t.Database, t.Name))
	}
	seen = cut(t, a)
	return t, cutPartition(t, seen, a), seen, how == listAll, nil
}

// cutPartition makes a partition what who sees the table so may know of it.
func cutPartition(whole, seen Table, a formation.Access) func(Partition) Partition {
	filtered, columns := behindFilter(a), len(seen.Storage.Columns) < len(whole.Storage.Columns)
	if !filtered && !columns {
		return func(p Partition) Partition { return p }
	}
	var names, hidden []string
	for _, c := range seen.columns() {
		names = append(names, c.Name)
	}
	for _, c := range whole.columns() {
		if !slices.Contains(names, c.Name) {
			hidden = append(hidden, c.Name)
		}
	}
	var known naming
	if columns {
		known = hides(hidden)
	}
	return func(p Partition) Partition {
		if filtered {
			p.Parameters, p.Storage.Parameters = uncounted(p.Parameters), uncounted(p.Storage.Parameters)
		}
		if !columns {
			return p
		}
		own, gone := hidden, known
		for _, c := range p.Storage.Columns { // a partition can have columns that its table no longer has
			if !slices.Contains(names, c.Name) && !slices.Contains(own, c.Name) {
				own = append(slices.Clip(own), c.Name)
			}
		}
		if len(own) > len(hidden) {
			gone = hides(own)
		}
		p.Parameters, p.Storage = gone.from(p.Parameters), cutStorage(p.Storage, names, gone)
		return p
	}
}

// changing returns a table, whole, for a call that changes its partitions or what is known of them.
func (s *Snapshot) changing(ctx context.Context, action, database, table string, oneOf ...formation.Permission) (Table, error) {
	database, table = strings.ToLower(database), strings.ToLower(table)
	if err := s.allowTable(ctx, action, database, table); err != nil {
		return Table{}, err
	}
	t, a, err := s.seesTable(ctx, database, table)
	if err != nil {
		return Table{}, err
	}
	return t, s.check(ctx, t, a, oneOf...)
}
