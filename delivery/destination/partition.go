package destination

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"flowlake/access"
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
//   - `2026/11/21/10` with as many keys as folders, or fewer: the first folders are the keys' values, in order.
//   - `2026/11/21/10` with one key: its value is the whole path, "2026/11/21/10".
//   - a table with storage.location.template: what stands in the template's places.
//
// A projected table (projection.enabled=true) needs no registration; nor does a table without partition keys. Where none of
// this fits, nothing is registered, as on AWS; Check says so in the log.

// tablePlan is what a batch holds on to of its table. A change of the table applies to the next batch.
type tablePlan struct {
	delivery.TableRef
	Name      string          `json:"name"` // of the table
	Columns   []catalogColumn `json:"columns"`
	Keys      []string        `json:"keys,omitempty"`
	Location  string          `json:"location"`
	Template  string          `json:"template,omitempty"`
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
	}
	return p
}

// table reads the conversion's table.
func (w *Writer) table(ctx context.Context, c access.Caller, s delivery.Stream, settings *compiled) (*tablePlan, error) {
	ref := settings.Settings.table(s)
	t, err := w.tables.Table(ctx, c.In(ref.Region), ref.Database, ref.Table)
	if err != nil {
		return nil, err
	}
	return planOf(ref, t), nil
}

// Plan reads the table that a stream converts by. While the table is not there, the stream's records wait, and its failure says so:
// as on AWS, where delivery stops until the table is there again.
func (w *Writer) Plan(ctx context.Context, s delivery.Stream) (json.RawMessage, error) {
	settings, err := w.settings(s)
	if err != nil || !settings.converts() {
		return nil, err
	}
	plan, err := w.table(ctx, s.Caller, s, settings)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Newf(fault.NotFound, "delivery stream "+s.Name, "its records wait for the table that they are converted by: %w", err)
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
		values, ok = byTemplate(p.Template, p.Keys, lake.URL(bucket, folder))
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
	case !named && len(p.Keys) == 1 && len(parts) > 0:
		return []string{strings.Join(parts, "/")}, lake.URL(bucket, folder), true
	case len(parts) < len(p.Keys):
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

// byTemplate reads the values from a location that storage.location.template describes.
func byTemplate(template string, keys []string, location string) ([]string, bool) {
	found := map[string]string{}
	if !strings.HasSuffix(template, "/") {
		template += "/"
	}
	for template != "" {
		at := strings.Index(template, "${")
		if at < 0 {
			if !strings.HasPrefix(location, template) {
				return nil, false
			}
			break // what is below belongs to the partition
		}
		end := strings.IndexByte(template[at:], '}')
		if end < 0 || !strings.HasPrefix(location, template[:at]) {
			return nil, false
		}
		name := strings.ToLower(template[at+2 : at+end])
		location, template = location[at:], template[at+end+1:]
		until := template
		if next := strings.Index(until, "${"); next >= 0 {
			until = until[:next]
		}
		stop := strings.Index(location, until)
		if next := strings.Contains(template, "${"); !next { // the last key may span folders, such as a date's
			stop = strings.LastIndex(location, until)
		}
		if stop <= 0 {
			return nil, false
		}
		found[name] = location[:stop]
		location = location[stop:]
	}
	values := make([]string, len(keys))
	for i, key := range keys {
		value, ok := found[strings.ToLower(key)]
		if !ok {
			return nil, false
		}
		values[i] = value
	}
	return values, true
}

// unregistered says why the partitions of a stream's table are not registered, "" where they are or need not be.
func (c *compiled) unregistered(p *tablePlan) string {
	if p.Projected || len(p.Keys) == 0 {
		return ""
	}
	keys := prefix.Keys{Query: map[string]string{}, Lambda: map[string]string{}}
	for _, k := range c.layout.QueryKeys() {
		keys.Query[k] = "x"
	}
	for _, k := range c.layout.LambdaKeys() {
		keys.Lambda[k] = "x"
	}
	folder, err := c.layout.Folder(prefix.Batch{Oldest: time.Unix(0, 0)}, keys)
	if err != nil {
		return err.Error()
	}
	if _, _, ok := p.values(c.bucket, folder); !ok {
		return "objects such as " + lake.URL(c.bucket, folder) + " do not show the keys " + strings.Join(p.Keys, ", ") + " below " + p.Location
	}
	return ""
}

// register has the partition registered that an object's folder is.
func (p *tablePlan) register(out *delivery.Output, bucket, folder string) {
	if p.Projected || len(p.Keys) == 0 {
		return
	}
	if values, location, ok := p.values(bucket, folder); ok {
		out.Partition(delivery.NewPartition{Table: p.TableRef, Partition: catalog.Partition{Values: values, Storage: catalog.Storage{Location: location}}})
	}
}
