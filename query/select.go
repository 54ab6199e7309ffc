package query

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/query/sql"
	"flowlake/query/sql/translate"
)

// selectRows runs a query: plan, prune, pin the files, run the engine.
func (q *Queries) selectRows(ctx context.Context, e *Execution, stmt *sql.Query, file string) (out outcome, err error) {
	tables := q.relations(e)
	plan, err := translate.Query(ctx, stmt, e.Text, tables, e.options())
	if err != nil {
		return out, tables.explain(ctx, e, err)
	}
	job := Job{SQL: plan.SQL, Output: file, Started: e.Submitted, MaxMemory: q.cfg.MaxMemory}
	for _, c := range plan.Columns {
		job.Columns = append(job.Columns, ResultColumn{Name: c.Label, Type: c.Type, Precision: c.Precision, Scale: c.Scale, Nullable: "UNKNOWN"})
	}
	fresh, err := q.snapshot(ctx, e, plan.Tables, tables.seen, filepath.Dir(file))
	defer fresh.release()
	if err != nil {
		return out, err
	}
	parts, err := q.registered(ctx, e, plan.Tables, tables.seen)
	if err != nil {
		return out, err
	}
	uses, seen := map[[2]string]int{}, map[[2]string]map[string][]InputFile{}
	for _, use := range plan.Tables {
		key := [2]string{use.Database, use.Name}
		if uses[key]++; uses[key] == 2 {
			seen[key] = map[string][]InputFile{}
		}
	}
	files := &pinned{lake: q.lake, caller: e.as()}
	defer files.release()
	silent := false // counts would tell of hidden rows
	for i, use := range plan.Tables {
		if use.Database == informationSchema {
			scan, err := q.information(ctx, e, use, filepath.Dir(file))
			if err != nil {
				return out, err
			}
			job.Scans = append(job.Scans, scan)
			continue
		}
		key := [2]string{use.Database, use.Name}
		files.skip, files.seen = fresh[key].Skip, seen[key]
		t := tables.seen[key]
		scan, err := q.scan(ctx, e, t, use, parts[i], files)
		if err == nil {
			err = scan.addFresh(e, t.Table, fresh[key].Inputs, use.Constraint)
		}
		if err = q.veiled(e, t, err); err != nil {
			return out, err
		}
		for i := range scan.Inputs {
			scan.Inputs[i].Files = anonymous(t, scan.Inputs[i].Files)
		}
		silent = silent || t.filtered()
		bytes, err := q.scannedBytes(scan)
		if err = q.veiled(e, t, err); err != nil {
			return out, err
		}
		out.scanned += bytes
		job.Scans = append(job.Scans, scan)
	}
	fresh.release() // everything is pinned
	if e.Cutoff > 0 && out.scanned > e.Cutoff {
		out.scanned = 0
		return out, errCutoff
	}
	if silent {
		out.scanned = 0
	}
	began := time.Now()
	res, err := q.engine.Run(ctx, job)
	if err != nil {
		return out, err
	}
	out.took = time.Since(began)
	out.file, out.table, out.columns, out.rows, out.unmatched = file, true, job.Columns, res.Rows, res.Unmatched
	if silent {
		out.unmatched = 0
	}
	return out, nil
}

// options is what the execution's query means beyond its text.
func (e *Execution) options() translate.Options {
	return translate.Options{Database: e.database(), User: e.Caller.Principal, Now: e.Submitted}
}

// relations is the catalogue as one query sees it: each table is read once, so that a change under
// way cannot show two versions of it.
type relations struct {
	q      *Queries
	caller access.Caller
	seen   map[[2]string]*readable
}

func (q *Queries) relations(e *Execution) *relations {
	return &relations{q: q, caller: e.as(), seen: map[[2]string]*readable{}}
}

// explain writes down what the query's user is not told: why a row filter cannot be applied, and that a column is there
// which was not granted.
func (r *relations) explain(ctx context.Context, e *Execution, err error) error {
	switch {
	case fault.HasNoun(err, "COLUMN_NOT_FOUND"):
		r.note(ctx, err)
		return err
	case !fault.HasNoun(err, "INVALID_ROW_FILTER"):
		return err
	}
	for _, t := range r.seen {
		for _, c := range t.access.Select {
			if c.Rows == "" {
				continue
			}
			if why := translate.CheckFilter(c.Rows, slices.Concat(relationColumns(t.Storage.Columns), relationColumns(t.PartitionKeys))); why != nil {
				r.q.log.Warn("row filter not applied", "id", e.ID, "table", t.Database+"."+t.Name, "filter", c.Rows, "err", why)
			}
		}
	}
	return err
}

var _ translate.Catalog = (*relations)(nil)

// missingColumn finds the name in the error about a column that is not there.
var missingColumn = regexp.MustCompile(`Column '([^']*)' `)

// note records, for those who may read the audit log, that a column was hidden from the query.
func (r *relations) note(ctx context.Context, err error) {
	m := missingColumn.FindStringSubmatch(err.Error())
	if m == nil || r.q.formation == nil {
		return
	}
	name := m[1][strings.LastIndex(m[1], ".")+1:]
	for _, t := range r.seen {
		if t.cells() == nil || t.reads(name) {
			continue
		}
		column := formation.Resource{Kind: formation.OfColumns, Database: t.Database, Table: t.Name, Columns: []string{name}}
		for _, c := range slices.Concat(t.Storage.Columns, t.PartitionKeys) {
			if c.Name != name {
				continue
			}
			// It is written down there; what it returns is not for the user.
			_ = r.q.formation.View(ctx, r.caller, func(v *formation.View) error { return v.Missing(ctx, formation.Select, column) })
		}
	}
}

// Relation implements translate.Catalog.
func (r *relations) Relation(ctx context.Context, database, name string) (translate.Relation, error) {
	if database == informationSchema {
		return informationRelation(name)
	}
	key := [2]string{database, name}
	t, ok := r.seen[key]
	if !ok {
		found, a, err := r.q.catalog.Readable(ctx, r.caller, database, name)
		if err != nil {
			return translate.Relation{}, err
		}
		t = &readable{found, a}
		r.seen[key] = t
	}
	if t.Kind == catalog.VirtualView {
		v, err := decodeView(t.Table)
		if err != nil {
			return translate.Relation{}, err
		}
		return translate.Relation{Columns: relationColumns(t.Storage.Columns), View: v.SQL, ViewDatabase: v.Database, Cells: t.cells()}, nil
	}
	return translate.Relation{Columns: relationColumns(t.Storage.Columns), Keys: relationColumns(t.PartitionKeys), Cells: t.cells()}, nil
}

func relationColumns(columns []catalog.Column) []translate.Column {
	out := make([]translate.Column, len(columns))
	for i, c := range columns {
		out[i] = translate.Column{Name: c.Name, Type: c.Type}
	}
	return out
}

// serdeFormats says how the SerDes that Athena knows for flow logs are read.
//
// Source: Athena user guide, "Supported SerDes and data formats".
var serdeFormats = map[string]Format{
	"org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": Parquet,
	"org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe":          Delimited,
	"org.apache.hadoop.hive.serde2.OpenCSVSerde":                  CSV,
	"com.amazonaws.glue.serde.GrokSerDe":                          Grok,
	"org.apache.hadoop.hive.serde2.RegexSerDe":                    Regex,
	"org.openx.data.jsonserde.JsonSerDe":                          JSON,
	"org.apache.hive.hcatalog.data.JsonSerDe":                     JSON,
}

// formatOf returns how a table's files are read, or fault.Unsupported that names the SerDe or the
// input format.
func formatOf(t catalog.Table) (Format, error) {
	library, input := t.Storage.SerDe.Library, t.Storage.InputFormat
	f, ok := serdeFormats[library]
	switch {
	case ok:
	case library != "":
		return "", fault.Newf(fault.Unsupported, "HIVE_UNSUPPORTED_FORMAT", "table %s.%s is read by the SerDe %s, which flowlake does not have", t.Database, t.Name, library)
	case strings.Contains(input, "parquet"):
		f = Parquet
	default:
		f = Delimited // Hive's default
	}
	// SerDes and input formats are named apart, and can contradict each other.
	if input != "" && (f == Parquet) != strings.Contains(input, "parquet") || f != Parquet && input != "" && input != textInput {
		return "", fault.Newf(fault.Unsupported, "HIVE_UNSUPPORTED_FORMAT", "table %s.%s has the input format %s, which does not go with its SerDe %s in flowlake", t.Database, t.Name, input, library)
	}
	return f, nil
}
