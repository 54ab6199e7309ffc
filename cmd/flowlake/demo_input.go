package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"flowlake/flow"
	"flowlake/flow/synthetic"
)

// demoRows is enough for the queries to have something to say, and quick.
const demoRows = 20_000

// demoAddress is the busiest host of the records that are made up.
const demoAddress = "192.168.1.10"

// demoPattern is the Grok pattern that people find when they look for one: it does not match NODATA
// records, which is what the classifier doctor is for.
const demoPattern = `%{NUMBER:version:int} %{NUMBER:account_id} %{NOTSPACE:interface_id} %{IP:srcaddr} %{IP:dstaddr} ` +
	`%{NUMBER:srcport:int} %{NUMBER:dstport:int} %{NUMBER:protocol:int} %{NUMBER:packets:int} %{NUMBER:bytes:int} ` +
	`%{NUMBER:start_time:long} %{NUMBER:end_time:long} %{WORD:action} %{WORD:log_status}`

// writeDemoRecords makes up the last hour of a small VPC. This seed has records without data among the first,
// which the classifier doctor is there for.
func writeDemoRecords(path string) error {
	g, err := synthetic.New(synthetic.Config{
		Seed: 1, Rows: demoRows, Fields: flow.DefaultFormat(),
		Start: time.Now().UTC().Add(-time.Hour).Truncate(time.Minute),
	})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	var line []byte
	for {
		var ok bool
		if line, ok = g.Next(line[:0]); !ok {
			return errors.Join(w.Flush(), f.Close())
		}
		w.Write(append(line, '\n'))
	}
}

// sighting is what the beginning of an input tells: its fields, which pattern fits them, and which address
// the first query can ask for.
type sighting struct {
	fields           []flow.Field
	pattern, address string
}

// look reads the first records of a file.
func look(input string) (sighting, error) {
	seen := sighting{pattern: demoPattern, fields: flow.DefaultFormat()}
	lines, err := openLines(input, io.Discard)
	if err != nil {
		return seen, err
	}
	defer lines.close()
	for records := 0; records < 5000 && seen.address != demoAddress; {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return seen, err
		}
		if headed, ok := flow.ParseHeader(line); ok {
			if seen.fields = headed; flow.Header(headed) != flow.Header(flow.DefaultFormat()) {
				seen.pattern = patternFor(headed)
			}
			continue
		}
		if _, record, ok := flow.CutExportTimestamp(line); ok {
			line = record
		}
		r, err := flow.Parse(seen.fields, line)
		if err != nil {
			continue
		}
		if a := r.Get("srcaddr").Text(); a == demoAddress || a != "" && seen.address == "" {
			seen.address = a
		}
		records++
	}
	if seen.address == "" {
		return seen, fmt.Errorf("%s has no flow-log record with a source address: the demo walks lines of text or gzip, "+
			"and a format other than version 2's default needs its header line", input)
	}
	return seen, nil
}

// patternFor is a Grok pattern for the columns of a header line, as an export writes the records: behind
// the event's time, which a pattern of such open fields would otherwise take for the first of them. Every
// value is taken as it is: what is no number becomes NULL in a column of numbers.
func patternFor(fields []flow.Field) string {
	parts := []string{"^%{TIMESTAMP_ISO8601:exported_at}"}
	for _, f := range fields {
		part := "%{NOTSPACE:" + f.Column()
		switch f.Type {
		case flow.Int32:
			part += ":int"
		case flow.Int64:
			part += ":long"
		}
		parts = append(parts, part+"}")
	}
	return strings.Join(parts, " ") + "$"
}
