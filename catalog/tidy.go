package catalog

import (
	"strings"

	"flowlake/fault"
)

// tidy brings a table's names and types to lower case and checks what it says.
func tidy(t *Table) (err error) {
	if t.Database, err = name(kindDatabase, t.Database); err != nil {
		return err
	}
	if t.Name, err = name(kindTable, t.Name); err != nil {
		return err
	}
	subject := tableSubject(t.Database, t.Name)
	seen := make(map[string]bool)
	if t.Storage.Columns, err = tidyColumns(subject, t.Storage.Columns, seen); err != nil {
		return err
	}
	if t.PartitionKeys, err = tidyColumns(subject, t.PartitionKeys, seen); err != nil {
		return err
	}
	if t.Kind == "" && t.ViewOriginalText == "" {
		t.Kind = ExternalTable
	}
	if t.Retention < 0 {
		return fault.Newf(fault.Invalid, subject, "the retention %d is negative", t.Retention)
	}
	if len(t.Description) > 2048 {
		return fault.Newf(fault.Invalid, subject, "the description has %d bytes; at most 2,048 are allowed", len(t.Description))
	}
	if len(t.ViewOriginalText) > 409_600 || len(t.ViewExpandedText) > 409_600 {
		return fault.Newf(fault.Invalid, subject, "the text of the view is longer than 409,600 bytes")
	}
	return tidyStorage(subject, &t.Storage, t.Parameters)
}

// tidyPartition fills what is missing from a partition's storage with the table's, and checks it.
func tidyPartition(t Table, p *Partition) (err error) {
	if err := checkValues(t, p.Values); err != nil {
		return err
	}
	subject := partitionSubject(t, p.Values)
	if p.Storage.Columns == nil {
		p.Storage.Columns = t.Storage.Columns
	} else if p.Storage.Columns, err = tidyColumns(subject, p.Storage.Columns, make(map[string]bool)); err != nil {
		return err
	}
	if p.Storage.InputFormat == "" {
		p.Storage.InputFormat, p.Storage.OutputFormat = t.Storage.InputFormat, t.Storage.OutputFormat
	}
	if p.Storage.SerDe.Library == "" {
		p.Storage.SerDe = t.Storage.SerDe
	}
	return tidyStorage(subject, &p.Storage, p.Parameters)
}

func tidyColumns(subject string, given []Column, seen map[string]bool) ([]Column, error) {
	out := make([]Column, 0, len(given))
	for _, col := range given {
		n, err := name("column", col.Name)
		if err != nil {
			return nil, fault.Newf(fault.Invalid, subject, "%w", err)
		}
		col.Name = n
		if seen[col.Name] {
			return nil, fault.Newf(fault.Invalid, subject, "the column %s is there twice", col.Name)
		}
		seen[col.Name] = true
		col.Type = strings.ToLower(strings.TrimSpace(col.Type))
		if err := checkType(col.Type); err != nil {
			return nil, fault.Newf(fault.Invalid, subject, "column %s: %w", col.Name, err)
		}
		if len(col.Comment) > 255 {
			return nil, fault.Newf(fault.Invalid, subject, "the comment of column %s has %d bytes; at most 255 are allowed", col.Name, len(col.Comment))
		}
		out = append(out, col)
	}
	return out, nil
}

func tidyStorage(subject string, s *Storage, parameters map[string]string) error {
	if len(s.Location) > 2056 {
		return fault.Newf(fault.Invalid, subject, "the location has %d bytes; at most 2,056 are allowed", len(s.Location))
	}
	for _, m := range []map[string]string{s.Parameters, s.SerDe.Parameters, parameters} {
		for key, value := range m {
			if key == "" || len(key) > 255 {
				return fault.Newf(fault.Invalid, subject, "the parameter %.40q: a key has 1 to 255 bytes", key)
			}
			if len(value) > 512_000 {
				return fault.Newf(fault.Invalid, subject, "the parameter %s has %d bytes; at most 512,000 are allowed", key, len(value))
			}
		}
	}
	return nil
}
