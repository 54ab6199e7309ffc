package catalog

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/fault"
	"flowlake/state"
)

const kindStatistics = "column statistics"

// ColumnStatistics is what an engine wrote down about a column of a table or of a partition. It is kept
// and given back; nothing here plans with it.
type ColumnStatistics struct {
	Column   string          `json:"column"`
	Type     string          `json:"type"`
	Analyzed time.Time       `json:"analyzed"`
	Data     json.RawMessage `json:"data"` // as the door writes it
}

// statisticsKey is of a column of the table, or with values of a partition. Its mark never occurs in
// values: their escape goes on differently.
func statisticsKey(t Table, values []string, column string) string {
	return partitionKey(t, values) + "\x1e9" + column
}

// PutStatistics keeps statistics of columns, of the table with nil values or of the partition that has
// them. It is all or nothing.
func (k *Catalog) PutStatistics(ctx context.Context, c access.Caller, database, table string, values []string, list []ColumnStatistics) error {
	return k.Edit(ctx, c, func(e *Edit) error {
		t, a, err := e.measured(ctx, "Update", database, table, values)
		if err == nil {
			err = e.check(ctx, t, a, formation.Alter)
		}
		if err != nil {
			return err
		}
		for _, s := range list {
			if s.Column = strings.ToLower(s.Column); !hasColumn(t, s.Column) {
				return fault.Newf(fault.NotFound, "column "+s.Column, "%s has none of that name", tableSubject(t.Database, t.Name))
			}
			if err := e.tx.Put(e.id(kindStatistics, statisticsKey(t, values, s.Column)), s); err != nil {
				return err
			}
		}
		return nil
	})
}

// Statistics returns the statistics of those columns, as many as there are, and the columns without.
func (k *Catalog) Statistics(ctx context.Context, c access.Caller, database, table string, values, columns []string) (found []ColumnStatistics, missing []string, err error) {
	err = k.View(ctx, c, func(s *Snapshot) error {
		t, a, err := s.measured(ctx, "Get", database, table, values)
		if err != nil {
			return err
		}
		for _, column := range columns {
			if !measures(a, strings.ToLower(column)) {
				missing = append(missing, column)
				continue
			}
			var one ColumnStatistics
			_, err := s.tx.Get(s.id(kindStatistics, statisticsKey(t, values, strings.ToLower(column))), &one)
			switch {
			case err == nil:
				found = append(found, one)
			case fault.Is(err, fault.NotFound):
				missing = append(missing, column)
			default:
				return err
			}
		}
		return nil
	})
	return found, missing, err
}

// DeleteStatistics forgets the statistics of one column, or returns fault.NotFound.
func (k *Catalog) DeleteStatistics(ctx context.Context, c access.Caller, database, table string, values []string, column string) error {
	return k.Edit(ctx, c, func(e *Edit) error {
		t, a, err := e.measured(ctx, "Delete", database, table, values)
		if err == nil {
			err = e.check(ctx, t, a, formation.Alter)
		}
		if err != nil {
			return err
		}
		err = e.tx.Delete(e.id(kindStatistics, statisticsKey(t, values, strings.ToLower(column))))
		if fault.Is(err, fault.NotFound) {
			return fault.Newf(fault.NotFound, "column statistics "+column, "not found")
		}
		return err
	})
}

// measured returns the table whose statistics, or whose partition's, a call is about.
func (s *Snapshot) measured(ctx context.Context, verb, database, table string, values []string) (t Table, a formation.Access, err error) {
	database, table = strings.ToLower(database), strings.ToLower(table)
	action := verb + "ColumnStatisticsForTable"
	if values != nil {
		action = verb + "ColumnStatisticsForPartition"
	}
	if err := s.allowTable(ctx, action, database, table); err != nil {
		return t, a, err
	}
	if t, a, err = s.seesTable(ctx, database, table); err != nil || values == nil {
		return t, a, err
	}
	how := t.listing(a)
	if how == listDeny {
		return t, a, s.lf.Missing(ctx, formation.Select, formation.OnTable(t.Database, t.Name))
	}
	if err := checkValues(cut(t, a), values); err != nil {
		return t, a, err
	}
	there := false
	if how == listAll {
		there, err = s.tx.Exists(s.id(kindPartition, partitionKey(t, values)))
	}
	if err == nil && !there {
		err = fault.Newf(fault.NotFound, partitionSubject(t, values), "not found")
	}
	return t, a, err
}

// measures reports whether the caller may know a column's extremes and counts, which are of all its rows.
func measures(a formation.Access, column string) bool {
	return a.May(formation.Select) || slices.ContainsFunc(a.Select, func(c formation.Cells) bool {
		return c.Rows == "" && slices.Contains(c.Columns, column)
	})
}

func hasColumn(t Table, name string) bool {
	for _, list := range [][]Column{t.Storage.Columns, t.PartitionKeys} {
		for _, col := range list {
			if col.Name == name {
				return true
			}
		}
	}
	return false
}

// forgetStatistics drops what is known of the partition with that key.
func (e *Edit) forgetStatistics(partition state.ID) error {
	return e.deleteAll(kindStatistics, partition.Key+"\x1e9")
}
