package crawler

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"flowlake/catalog"
	"flowlake/lake"
)

// The parameters that a crawler writes on its tables, besides those of their formats.
const (
	paramCrawler    = "UPDATED_BY_CRAWLER"
	paramDeprecated = "DEPRECATED_BY_CRAWLER"
)

// found is a table as a crawl sees it.
type found struct {
	table      catalog.Table
	partitions []catalog.Partition
	joins      bool // partitions only, for a table that is there
}

// tables makes the tables of a target's files.
func tables(l listing, findings []finding, cr Crawler, config configuration) []found {
	g := grouping{combine: config.Grouping.TableGroupingPolicy != "", level: config.Grouping.TableLevelConfiguration, prefix: l.place.prefix}
	var out []found
	for _, group := range g.groups(plant(l, findings)) {
		if len(tableColumns(group.columns)) > 0 {
			out = append(out, tableOfGroup(l, group, cr))
		}
	}
	return out
}

// tableOfGroup makes the table of one group.
func tableOfGroup(l listing, g group, cr Crawler) found {
	keys, folders := layout(l, g)
	var total stats
	for _, f := range g.folders {
		total.add(f.stats)
	}
	location := l.place.url() + g.root
	name := base(l.place.bucket, l.place.prefix+g.root)
	columns := tableColumns(g.columns)
	t := catalog.Table{Database: cr.Database, Name: tableName(cr.TablePrefix, name), Owner: "owner", Kind: catalog.ExternalTable,
		PartitionKeys: keys, Parameters: parameters(l, g, cr, total)}
	t.Storage = storage(g, columns, location)
	t.Storage.Parameters = t.Parameters
	f := found{table: t}
	for _, p := range folders {
		s := t.Storage
		s.Location, s.Parameters = p.location, nil
		f.partitions = append(f.partitions, catalog.Partition{Values: p.values, Storage: s, Parameters: partitionParameters(g, p.stats)})
	}
	return f
}

func storage(g group, columns []catalog.Column, location string) catalog.Storage {
	s := catalog.Storage{Columns: columns, Location: location, InputFormat: textInput, OutputFormat: textOutput,
		Compressed: g.format.compression != "none", NumberOfBuckets: -1,
		SerDe: catalog.SerDe{Library: g.format.serde, Parameters: maps.Clone(g.format.serdeParams)}}
	if g.format.parquet {
		s.InputFormat, s.OutputFormat = parquetInput, parquetOutput
	}
	if g.format.serde == serdeJSON {
		names := make([]string, len(columns))
		for i, col := range columns {
			names[i] = col.Name
		}
		slices.Sort(names)
		s.SerDe.Parameters = map[string]string{"paths": strings.Join(names, ",")}
	}
	return s
}

// parameters are what Glue's crawlers say about a table.
func parameters(l listing, g group, cr Crawler, total stats) map[string]string {
	p := map[string]string{"CrawlerSchemaSerializerVersion": "1.0", "CrawlerSchemaDeserializerVersion": "1.0", paramCrawler: cr.Name}
	maps.Copy(p, partitionParameters(g, total))
	if len(l.target.Exclusions) > 0 {
		text, _ := json.Marshal(exclusionURLs(l))
		p["exclusions"] = string(text)
	}
	return p
}

// exclusionURLs are the exclude patterns as Glue writes them on tables.
func exclusionURLs(l listing) []string {
	out := make([]string, len(l.target.Exclusions))
	for i, x := range l.target.Exclusions {
		out[i] = l.place.url() + x
	}
	return out
}

func partitionParameters(g group, s stats) map[string]string {
	rows, average := s.estimate()
	p := map[string]string{
		"classification": g.format.classification, "compressionType": g.format.compression, "typeOfData": "file",
		"objectCount": strconv.FormatInt(s.objects, 10), "sizeKey": strconv.FormatInt(s.bytes, 10),
		"recordCount": strconv.FormatInt(rows, 10), "averageRecordSize": strconv.FormatInt(average, 10),
	}
	maps.Copy(p, g.format.params)
	return p
}

// estimate extends what is known of the files that were read whole to all of them.
func (s stats) estimate() (rows, averageBytes int64) {
	if s.rows == 0 || s.sampled == 0 {
		return 0, 0
	}
	average := float64(s.sampled) / float64(s.rows)
	return int64(float64(s.bytes) / average), int64(average)
}

// tableName makes a table's name of a folder's.
func tableName(prefix, folder string) string {
	if _, value, ok := strings.Cut(folder, "="); ok && value != "" {
		folder = strings.ReplaceAll(folder, "=", "_")
	}
	n := plainName(folder)
	if n == "" {
		n = "table"
	}
	n = strings.ToLower(prefix) + n
	if len(n) > 128 {
		n = strings.ToValidUTF8(n[:128], "")
	}
	return n
}

// aside is the name of a table whose own name is taken by one that lies elsewhere.
func aside(name, location string) string {
	sum := md5.Sum([]byte(location))
	return name + "_" + hex.EncodeToString(sum[:])
}

// join takes the folders that belong to tables which the crawler made before: below their location, of
// the same format, with enough levels of folders above the files. The rest is grouped as if it were new.
func join(own []catalog.Table, l listing, findings []finding) (joined []found, rest []finding) {
	type joining struct {
		table   catalog.Table
		group   group
		folders []partition
		at      map[string]int // the index in folders, by location
	}
	byTable := make(map[string]*joining)
	for _, f := range findings {
		t := tableOf(own, l, f)
		if t == nil {
			rest = append(rest, f)
			continue
		}
		j := byTable[t.Name]
		if j == nil {
			j = &joining{table: *t, group: group{format: f.best.format}, at: make(map[string]int)}
			byTable[t.Name] = j
		}
		segments := strings.Split(strings.TrimPrefix(f.file.url(), t.Storage.Location), "/")[:len(t.PartitionKeys)]
		location := t.Storage.Location + strings.Join(segments, "/") + "/"
		i, ok := j.at[location]
		if !ok {
			i = len(j.folders)
			j.at[location] = i
			p := partition{location: location}
			for n, segment := range segments {
				if key, _, ok := strings.Cut(segment, "="); ok && plainName(key) == t.PartitionKeys[n].Name {
					segment = valueOf(segment)
				}
				p.values = append(p.values, segment)
			}
			j.folders = append(j.folders, p)
		}
		j.folders[i].add(statsOf(f))
	}
	for _, name := range sortedKeys(byTable) {
		j := byTable[name]
		f := found{table: j.table, joins: true}
		for _, p := range j.folders {
			f.partitions = append(f.partitions, catalog.Partition{Values: p.values, Storage: j.table.Storage, Parameters: partitionParameters(j.group, p.stats)})
			s := &f.partitions[len(f.partitions)-1].Storage
			s.Location, s.Parameters = p.location, nil
		}
		joined = append(joined, f)
	}
	return joined, rest
}

// tableOf finds the table that a file's folder belongs to: the one whose location is nearest.
func tableOf(own []catalog.Table, l listing, f finding) *catalog.Table {
	if f.unknown {
		return nil
	}
	var best *catalog.Table
	for i := range own {
		t := &own[i]
		below, ok := strings.CutPrefix(f.file.url(), t.Storage.Location)
		switch {
		case !ok, len(t.PartitionKeys) == 0 || strings.Count(below, "/") < len(t.PartitionKeys):
		case t.Parameters["classification"] != f.best.format.classification || t.Parameters["compressionType"] != f.best.format.compression:
		case t.Storage.SerDe.Library != f.best.format.serde:
		case best == nil || cmp.Compare(len(t.Storage.Location), len(best.Storage.Location)) > 0:
			best = t
		}
	}
	return best
}

// under reports whether a table's location lies in one of the places.
func under(places []place, location string) bool {
	if bucket, key, err := lake.ParseURL(location); err == nil {
		location = lake.URL(bucket, key)
	}
	return slices.ContainsFunc(places, func(p place) bool { return p.holds(location) })
}
