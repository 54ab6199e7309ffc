package destination

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowlake/catalog"
	"flowlake/delivery"
	"flowlake/delivery/prefix"
	"flowlake/fault"
	"flowlake/lake"
)

// A table's partition follows from the folder that a batch's object lies in, when the folder is below the table's location:
//
//   - `year=2026/month=11/…`: the first folders are the keys, in order, as k=v; values are unescaped. What is below them
//     belongs to the partition.
//   - `2026/11/21/10` with as many keys as folders: the folders are the keys' values, in order. With fewer keys the date would be cut, and
//     days would lie in one partition: it fits no rule.
//   - `2026/11/21/10` with one key: its value is the whole path, "2026/11/21/10".
//
// A projected table (projection.enabled=true) needs no registration; nor does a table without partition keys. The partition of a projected table's
// fresh rows follows from storage.location.template, or from k=v folders where it has none. Where none of
// this fits, nothing is registered, as on AWS; Check says so in the log.

// tablePlan is what a batch holds on to of its table. A change of the table applies to the next batch.
type tablePlan struct {
	delivery.TableRef
	Name      string          `json:"name"` // of the table
	Columns   []catalogColumn `json:"columns"`
	Keys      []string        `json:"keys,omitempty"`
	Location  string          `json:"location"`
	Template  string          `json:"template,omitempty"`
	Spans     []int           `json:"spans,omitempty"` // of a projected table's keys: the slashes in a value, as its format has them
	Projected bool            `json:"projected,omitempty"`
	Version   int64           `json:"version"`
}

// catalogColumn is a column's name and Hive type.
type catalogColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// planOf is what a batch holds on to of a table.
func planOf(ref delivery.TableRef, t catalog.Table) *tablePlan {
	p := &tablePlan{TableRef: ref, Name: t.Name, Location: t.Storage.Location, Version: t.Version,
		Projected: strings.EqualFold(t.Parameters["projection.enabled"], "true")}
	if p.Projected {
		p.Template = t.Parameters["storage.location.template"]
	}
	for _, col := range t.Storage.Columns {
		p.Columns = append(p.Columns, catalogColumn{col.Name, col.Type})
	}
	for _, key := range t.PartitionKeys {
		p.Keys = append(p.Keys, key.Name)
		if p.Projected {
			p.Spans = append(p.Spans, strings.Count(t.Parameters["projection."+key.Name+".format"], "/"))
		}
	}
	return p
}

// table reads the conversion's table as the schema's role. It returns fault.Invalid for a table that does not read Parquet.
//
// Differs from AWS: it takes the columns of any table, and the table cannot be read then.
func (w *Writer) table(ctx context.Context, s delivery.Stream, settings *compiled) (*tablePlan, error) {
	ref := settings.Settings.table(s)
	as, err := w.schemaRole(ctx, s, settings)
	if err != nil {
		return nil, err
	}
	as = as.In(ref.Region)
	t, err := w.tables.Schema(ctx, as, ref.Database, ref.Table) // with columns hidden, records would be converted to fewer
	if err != nil {
		return nil, err
	}
	if serde := t.Storage.SerDe.Library; serde != "" && serde != parquetSerDe {
		return nil, fault.Newf(fault.Invalid, "SchemaConfiguration.TableName", "table %s.%s has the SerDe %s, which does not read the Parquet files that the stream would put there: its SerDe must be %s",
			t.Database, t.Name, serde, parquetSerDe)
	}
	return planOf(ref, t), nil
}

// parquetSerDe reads Parquet files.
const parquetSerDe = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"

// Plan reads the table that a stream converts by. While the table is not there, the stream's records wait, and its failure says so:
// as on AWS, where delivery stops until the table is there again.
func (w *Writer) Plan(ctx context.Context, s delivery.Stream) (json.RawMessage, error) {
	settings, err := w.settings(s)
	if err != nil || !settings.converts() {
		return nil, err
	}
	plan, err := w.table(ctx, s, settings)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Newf(fault.NotFound, "delivery stream "+s.Name, "its records wait for the table that they are converted by: %w", err)
	}
	if fault.Is(err, fault.Denied) {
		return nil, fault.Newf(fault.Denied, "delivery stream "+s.Name, "its records wait until its schema's role may read the table that they are converted by: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if _, err := plan.converter(settings); err != nil {
		return nil, err
	}
	return json.Marshal(plan)
}

// below returns the folder without a location, and whether it lies there.
func below(location, bucket, folder string) (string, bool) {
	at, key, err := lake.ParseURL(location)
	if err != nil || at != bucket {
		return "", false
	}
	if key != "" && !strings.HasSuffix(key, "/") {
		key += "/"
	}
	return strings.CutPrefix(folder, key)
}

// values are a folder's partition values, and the partition's location. ok is false where the rules do not fit.
func (p *tablePlan) values(bucket, folder string) (values []string, location string, ok bool) {
	folder = folder[:strings.LastIndexByte(folder, '/')+1] // what follows the last slash is part of the objects' names
	if p.Template != "" {
		values, ok = byTemplate(p.Template, p.Keys, p.Spans, lake.URL(bucket, folder))
		return values, lake.URL(bucket, folder), ok
	}
	rest, ok := below(p.Location, bucket, folder)
	if !ok {
		return nil, "", false
	}
	base := folder[:len(folder)-len(rest)]
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	if rest == "" {
		parts = nil
	}
	named := len(parts) > 0 && strings.Contains(parts[0], "=")
	switch {
	case !named && p.Projected: // without a template its partitions are in k=v folders
		return nil, "", false
	case !named && len(p.Keys) == 1 && len(parts) > 0:
		return []string{strings.Join(parts, "/")}, lake.URL(bucket, folder), true
	case len(parts) < len(p.Keys), !named && len(parts) > len(p.Keys):
		return nil, "", false
	}
	for i, key := range p.Keys {
		value := parts[i]
		if named {
			name, v, ok := strings.Cut(value, "=")
			if !ok || !strings.EqualFold(name, key) {
				return nil, "", false
			}
			value = v
			if plain, err := url.PathUnescape(v); err == nil {
				value = plain
			}
		} else if strings.Contains(value, "=") {
			return nil, "", false
		}
		if value == "" {
			return nil, "", false
		}
		values = append(values, value)
	}
	return values, lake.URL(bucket, base+strings.Join(parts[:len(p.Keys)], "/")+"/"), true
}

// byTemplate reads the values from a location that storage.location.template describes. A key's value has as many slashes as its span says;
// what is below the template's end belongs to the partition.
func byTemplate(template string, keys []string, spans []int, location string) ([]string, bool) {
	found := make([]string, len(keys))
	if !strings.HasSuffix(template, "/") {
		template += "/"
	}
	for {
		literal, rest, _ := strings.Cut(template, "${")
		if !strings.HasPrefix(location, literal) {
			return nil, false
		}
		location = location[len(literal):]
		if rest == "" {
			break
		}
		name, rest, ok := strings.Cut(rest, "}")
		at := slices.IndexFunc(keys, func(k string) bool { return strings.EqualFold(k, name) })
		if !ok || at < 0 {
			return nil, false
		}
		until, _, _ := strings.Cut(rest, "${")
		from := 0
		for range spans[at] {
			slash := strings.IndexByte(location[from:], '/')
			if slash < 0 {
				return nil, false
			}
			from += slash + 1
		}
		stop := strings.Index(location[from:], until)
		if stop <= 0 {
			return nil, false
		}
		found[at], location, template = location[:from+stop], location[from+stop:], rest
	}
	return found, !slices.Contains(found, "")
}

// unregistered says why the partitions of a stream's table are not registered, "" where they are or need not be.
func (c *compiled) unregistered(p *tablePlan) string {
	if p.Projected || len(p.Keys) == 0 {
		return ""
	}
	folder, err := c.sample(time.Unix(0, 0), "x")
	if err != nil {
		return err.Error()
	}
	if _, _, ok := p.values(c.bucket, folder); !ok {
		return "with the prefix " + strconv.Quote(c.Prefix) + " objects such as " + lake.URL(c.bucket, folder) + " do not show the keys " + strings.Join(p.Keys, ", ") + " below " + p.Location +
			": one folder for each key, as key=value or as its value"
	}
	return ""
}

// sample is the folder of objects at an instant, with one value for all partition keys.
func (c *compiled) sample(at time.Time, value string) (string, error) {
	keys := prefix.Keys{Query: map[string]string{}, Lambda: map[string]string{}}
	for _, k := range c.layout.QueryKeys() {
		keys.Query[k] = value
	}
	for _, k := range c.layout.LambdaKeys() {
		keys.Lambda[k] = value
	}
	return c.layout.Folder(prefix.Batch{Oldest: at}, keys)
}

// elsewhere reports whether no object of the stream can lie where the table's are, and where they lie. What a record's keys decide may be
// anything.
func (c *compiled) elsewhere(p *tablePlan, now time.Time) (string, bool) {
	const open = "\x00"
	folder, err := c.sample(now, open)
	if err != nil {
		return "", false
	}
	location := p.Location
	if p.Template != "" {
		location, _, _ = strings.Cut(p.Template, "${")
	}
	bucket, key, err := lake.ParseURL(location)
	if err != nil {
		return "", false
	}
	if key != "" && p.Template == "" && !strings.HasSuffix(key, "/") {
		key += "/"
	}
	known, _, decided := strings.Cut(folder, open)
	return lake.URL(c.bucket, known), bucket != c.bucket || !strings.HasPrefix(known, key) && !(decided && strings.HasPrefix(key, known))
}

// register has the partition registered that an object's folder is, as the role that the table is read as.
func (r *run) register(ctx context.Context, folder string) error {
	p := r.plan
	if p.Projected || len(p.Keys) == 0 {
		return nil
	}
	values, location, ok := p.values(r.settings.bucket, folder)
	if !ok {
		return nil
	}
	as, err := r.writer.schemaRole(ctx, r.batch.Stream, r.settings)
	if err == nil {
		r.out.Partition(delivery.NewPartition{As: as, Table: p.TableRef, Partition: catalog.Partition{Values: values, Storage: catalog.Storage{Location: location}}})
	}
	return err
}
