package query

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/query/sql"
)

// specValues reads a PARTITION (…) against a table's keys: a value for each key that it names, which the
// parser has seen to be once. With whole set, all keys must be named.
func specValues(t catalog.Table, s sql.PartitionSpec, whole bool) (map[string]string, error) {
	subject := "table " + t.Database + "." + t.Name
	if len(t.PartitionKeys) == 0 {
		return nil, fault.Newf(fault.Invalid, subject, "is not partitioned")
	}
	keys := map[string]bool{}
	for _, k := range t.PartitionKeys {
		keys[k.Name] = true
	}
	values := map[string]string{}
	for _, kv := range s.Keys {
		name := kv.Name.Key()
		if !keys[name] {
			return nil, fault.Newf(fault.Invalid, subject, "has no partition key %s: its keys are %s", name, keyList(t))
		}
		v, err := literal(kv.Value)
		if err != nil {
			return nil, err
		}
		values[name] = v
	}
	if whole && len(values) != len(t.PartitionKeys) {
		return nil, fault.Newf(fault.Invalid, subject, "a partition needs a value for each of its keys: %s", keyList(t))
	}
	return values, nil
}

func keyList(t catalog.Table) string {
	var names []string
	for _, k := range t.PartitionKeys {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

// literal is the text of a partition value.
func literal(e sql.Expr) (string, error) {
	switch v := e.(type) {
	case *sql.String:
		return v.Value, nil
	case *sql.Number:
		return v.Text, nil
	case *sql.Typed:
		return v.Value.Value, nil
	case *sql.Boolean:
		if v.Value {
			return "true", nil
		}
		return "false", nil
	case *sql.Unary:
		n, err := literal(v.X)
		if v.Op == "-" {
			n = "-" + n
		}
		return n, err
	}
	return "", fault.Newf(fault.Invalid, "query", "a partition value is a string, a number, a date or a boolean")
}

func inOrder(t catalog.Table, values map[string]string) []string {
	out := make([]string, len(t.PartitionKeys))
	for i, k := range t.PartitionKeys {
		out[i] = values[k.Name]
	}
	return out
}

// partitionPath is k=v/k=v, with Hive's escapes: where a partition lies when nobody says.
func partitionPath(t catalog.Table, values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = t.PartitionKeys[i].Name + "=" + catalog.EscapePath(v)
	}
	return strings.Join(parts, "/")
}

// inherited is the storage of a new partition: its table's. Columns and SerDe are left to the catalogue, which knows all of
// them, also those that the caller does not.
func inherited(t catalog.Table) catalog.Storage {
	s := t.Storage
	s.Columns, s.SerDe = nil, catalog.SerDe{}
	return s
}

func (d *ddl) addPartitions(ctx context.Context, s *sql.AddPartitions) error {
	database, name, err := d.split(s.Table)
	if err != nil {
		return err
	}
	return d.q.catalog.Edit(ctx, d.c, func(e *catalog.Edit) error {
		t, err := e.Table(ctx, database, name)
		if err != nil {
			return err
		}
		for _, n := range s.Partitions {
			values, err := specValues(t, n.Spec, true)
			if err != nil {
				return err
			}
			p := catalog.Partition{Values: inOrder(t, values), Storage: inherited(t)}
			if err := checkKeyValues(t, p.Values); err != nil {
				return err
			}
			if n.Location != nil {
				if _, _, err := lake.ParseURL(n.Location.Value); err != nil {
					return err
				}
				p.Storage.Location = n.Location.Value
			} else {
				p.Storage.Location = strings.TrimSuffix(t.Storage.Location, "/") + "/" + partitionPath(t, p.Values)
			}
			err = e.CreatePartition(ctx, database, name, p)
			if err != nil && !(s.IfNotExists && fault.Is(err, fault.Exists)) {
				return err
			}
		}
		return nil
	})
}

func (d *ddl) dropPartitions(ctx context.Context, s *sql.DropPartitions) error {
	database, name, err := d.split(s.Table)
	if err != nil {
		return err
	}
	return d.q.catalog.Edit(ctx, d.c, func(e *catalog.Edit) error {
		t, err := e.Table(ctx, database, name)
		if err != nil {
			return err
		}
		for _, spec := range s.Partitions {
			wanted, err := specValues(t, spec, false)
			if err != nil {
				return err
			}
			var found [][]string
			for p, err := range e.Partitions(ctx, database, name, chosen(t, wanted)) {
				if err != nil {
					return err
				}
				found = append(found, p.Values)
			}
			if len(found) == 0 && !s.IfExists {
				return fault.Newf(fault.NotFound, "partition "+spec.Of(d.e.Text), "table %s.%s has none of these values", database, name)
			}
			for _, v := range found {
				if err := e.DeletePartition(ctx, database, name, v); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// chosen is the partitions that have the wanted values.
func chosen(t catalog.Table, wanted map[string]string) (f catalog.PartitionFilter) {
	for _, k := range t.PartitionKeys {
		v, ok := wanted[k.Name]
		if !ok {
			break
		}
		f.Prefix = append(f.Prefix, v)
	}
	if len(f.Prefix) == len(wanted) {
		return f
	}
	f.Keep = func(values []string) bool {
		for i, k := range t.PartitionKeys {
			if w, ok := wanted[k.Name]; ok && (i >= len(values) || values[i] != w) {
				return false
			}
		}
		return true
	}
	return f
}

// repair is MSCK REPAIR TABLE: it registers the k=v folders below the table's location that are not
// registered yet. It reads names only, and registers all that it found or none.
func (d *ddl) repair(ctx context.Context, s *sql.RepairTable) (text, error) {
	out := text{}
	database, name, err := d.split(s.Table)
	if err != nil {
		return out, err
	}
	t, err := d.q.catalog.Table(ctx, d.c, database, name)
	if err != nil {
		return out, err
	}
	if len(t.PartitionKeys) == 0 {
		return out, fault.Newf(fault.Invalid, "table "+database+"."+name, "is not partitioned: there is nothing to repair")
	}
	bucket, prefix, err := lake.ParseURL(t.Storage.Location)
	if err != nil {
		return out, err
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	found, err := d.folders(ctx, t, bucket, prefix, nil)
	if err != nil {
		return out, err
	}
	var added []string
	var left []error // folders whose names are no values of the keys' types
	found = slices.DeleteFunc(found, func(p catalog.Partition) bool {
		err := checkKeyValues(t, p.Values)
		if err != nil {
			left = append(left, err)
		}
		return err != nil
	})
	err = d.q.catalog.Edit(ctx, d.c, func(e *catalog.Edit) error {
		added = nil
		for _, p := range found {
			err := e.CreatePartition(ctx, database, name, p)
			if fault.Is(err, fault.Exists) {
				continue
			}
			if err != nil {
				return err
			}
			added = append(added, name+":"+partitionPath(t, p.Values))
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	if len(added) > 0 {
		out.add("Partitions not in metastore:\t" + strings.Join(added, "\t"))
	}
	for _, a := range added {
		out.add("Repair: Added partition to metastore " + a)
	}
	for _, err := range left {
		out.add("Repair: Left out a folder: " + err.Error())
	}
	return out, nil
}

// folders finds the partitions below prefix whose first keys have those values.
func (d *ddl) folders(ctx context.Context, t catalog.Table, bucket, prefix string, values []string) ([]catalog.Partition, error) {
	if len(values) == len(t.PartitionKeys) {
		p := catalog.Partition{Values: append([]string(nil), values...), Storage: inherited(t)}
		p.Storage.Location = lake.URL(bucket, prefix)
		return []catalog.Partition{p}, nil
	}
	key := t.PartitionKeys[len(values)].Name
	var out []catalog.Partition
	in := lake.ListInput{Prefix: prefix, Delimiter: "/"}
	for {
		page, err := d.q.lake.List(ctx, d.c, bucket, in)
		if err != nil {
			return nil, err
		}
		for _, folder := range page.Prefixes {
			k, v, ok := strings.Cut(strings.TrimSuffix(folder[len(prefix):], "/"), "=")
			if !ok || v == "" || !strings.EqualFold(k, key) {
				continue
			}
			if plain, err := url.PathUnescape(v); err == nil {
				v = plain
			}
			below, err := d.folders(ctx, t, bucket, folder, append(values[:len(values):len(values)], v))
			if err != nil {
				return nil, err
			}
			out = append(out, below...)
		}
		if !page.More {
			return out, nil
		}
		in.After = page.Next
	}
}
