package vpc

import (
	"fmt"
	"strings"
	"time"

	"flowlake/fault"
	"flowlake/flow"
)

// Table is a table over the files that a flow log writes to S3: all that its DDL follows from.
type Table struct {
	Database, Name  string
	Fields          []flow.Field
	Options         Options
	Bucket, Folder  string // Folder ends in a slash, or is empty
	Account, Region string
	From            time.Time // the first day, or hour, of the partitions
	To              time.Time // the last; zero: now, whenever a query runs
}

// TableOf describes the table of a flow log. It returns fault.Invalid for a flow log that writes no files.
func TableOf(f FlowLog) (Table, error) {
	if f.Type != ToS3 {
		return Table{}, fault.Newf(fault.Invalid, "log destination", "%s delivers to %s: only flow logs to s3 have files that a table can read", f.ID, f.Type)
	}
	bucket, folder := splitBucket(f.Destination)
	return Table{Database: "vpcflowlogs", Name: strings.ReplaceAll(f.ID, "-", "_"), Fields: f.Fields(), Options: f.Options, Bucket: bucket, Folder: folder,
		Account: f.Creator.Account, Region: f.Creator.Region, From: f.Created}, nil
}

// Location is the folder that the table's files lie below.
func (t Table) Location() string {
	return fileURL(t.Bucket, t.Options.Prefix(t.Folder, t.Account, t.Region))
}

// property is a name with its value; DDL and templates keep their order.
type property struct{ name, value string }

// partitionKeys are the table's partition columns. Without Hive's folders the whole of the time is one column, which
// compares as time does: day >= '2026/11/20'.
func (t Table) partitionKeys() []property {
	switch {
	case t.Options.Hive && t.Options.Hourly:
		return []property{{"year", "int"}, {"month", "int"}, {"day", "int"}, {"hour", "int"}}
	case t.Options.Hive:
		return []property{{"year", "int"}, {"month", "int"}, {"day", "int"}}
	case t.Options.Hourly:
		return []property{{"hour", "string"}}
	}
	return []property{{"day", "string"}}
}

// years is how far a Hive layout's projection looks ahead: its year is an integer, which has no word for now.
const years = 10

// properties are the table's: the projection of its partitions, and the header line to be skipped.
//
// Source: Athena user guide, "Partition projection".
func (t Table) properties() []property {
	var p []property
	add := func(name, value string) { p = append(p, property{name, value}) }
	if !t.Options.Parquet {
		add("skip.header.line.count", "1")
	}
	add("projection.enabled", "true")
	if t.Options.Hive {
		last := t.From.UTC().Year() + years
		if !t.To.IsZero() {
			last = t.To.UTC().Year()
		}
		integer := func(name, from, to string, digits string) {
			add("projection."+name+".type", "integer")
			add("projection."+name+".range", from+","+to)
			add("projection."+name+".digits", digits)
		}
		integer("year", t.From.UTC().Format("2006"), fmt.Sprint(last), "4")
		integer("month", "1", "12", "2")
		integer("day", "1", "31", "2")
		template := "year=${year}/month=${month}/day=${day}/"
		if t.Options.Hourly {
			integer("hour", "0", "23", "2")
			template += "hour=${hour}/"
		}
		add("storage.location.template", t.Location()+template)
		return p
	}
	name, format, layout, unit := "day", "yyyy/MM/dd", "2006/01/02", "DAYS"
	if t.Options.Hourly {
		name, format, layout, unit = "hour", "yyyy/MM/dd/HH", "2006/01/02/15", "HOURS"
	}
	to := "NOW"
	if !t.To.IsZero() {
		to = t.To.UTC().Format(layout)
	}
	add("projection."+name+".type", "date")
	add("projection."+name+".format", format)
	add("projection."+name+".range", t.From.UTC().Format(layout)+","+to)
	add("projection."+name+".interval", "1")
	add("projection."+name+".interval.unit", unit)
	add("storage.location.template", t.Location()+"${"+name+"}/")
	return p
}

// DDL is the statement that makes the table, for Athena's API here and on AWS. Every name is quoted, so that none of
// them, end and start among them, is taken for a word of the language.
func (t Table) DDL() string {
	var b strings.Builder
	b.WriteString("CREATE EXTERNAL TABLE IF NOT EXISTS " + tick(t.Database) + "." + tick(t.Name) + " (\n")
	for i, f := range t.Fields {
		b.WriteString("  " + tick(f.Column()) + " " + f.Type.Hive() + comma(i, len(t.Fields)))
	}
	b.WriteString(")\nPARTITIONED BY (")
	for i, k := range t.partitionKeys() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(tick(k.name) + " " + k.value)
	}
	b.WriteString(")\n")
	if t.Options.Parquet {
		b.WriteString("STORED AS PARQUET\n")
	} else {
		b.WriteString("ROW FORMAT DELIMITED\nFIELDS TERMINATED BY ' '\n")
	}
	b.WriteString("LOCATION " + quote(t.Location()) + "\nTBLPROPERTIES (\n")
	properties := t.properties()
	for i, p := range properties {
		b.WriteString("  " + quote(p.name) + "=" + quote(p.value) + comma(i, len(properties)))
	}
	b.WriteString(")")
	return b.String()
}

func comma(i, n int) string {
	if i < n-1 {
		return ",\n"
	}
	return "\n"
}

func tick(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
