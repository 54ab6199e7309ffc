package query

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"strings"

	"flowlake/access"
	"flowlake/access/formation"
	"flowlake/access/policy"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/query/sql/translate"
)

// SetFormation tells the room where Lake Formation's locations are: what lies there and was granted is read with the
// role that each was registered with. Without it callers read with their own rights. It is for wiring: call it before Run.
func (q *Queries) SetFormation(f *formation.Store) {
	q.formation = f
	f.SetRowFilterCheck(CheckRowFilter)
}

// CheckRowFilter checks the expression of a data cells filter against its table; see translate.CheckFilter.
func CheckRowFilter(expression string, t formation.Table) error {
	columns := make([]translate.Column, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = translate.Column{Name: c.Name, Type: c.Type}
	}
	return translate.CheckFilter(expression, columns)
}

// readable is a table with the cells of it that a query's caller may read.
type readable struct {
	catalog.Table
	access formation.Access
}

// cells is what translate has to keep the query to; nil is all of the table.
func (r *readable) cells() []translate.Cells {
	if r.access.May(formation.Select) {
		return nil
	}
	out := make([]translate.Cells, len(r.access.Select))
	for i, c := range r.access.Select {
		out[i] = translate.Cells{Columns: c.Columns, Rows: c.Rows}
	}
	return out
}

// filtered reports whether some rows of the table, or cells of seen rows, are hidden from the caller.
func (r *readable) filtered() bool {
	for _, c := range r.cells() {
		if c.Rows != "" {
			return true
		}
	}
	return false
}

// reads reports whether some cell of a column may be read.
func (r *readable) reads(column string) bool {
	for _, c := range r.access.Select {
		for _, name := range c.Columns {
			if name == column {
				return true
			}
		}
	}
	return false
}

// veiled is a failure about a table's definition or its files as the caller may know it: words about partitions, which
// are rows' values, are for those who read the whole table. The server's log has the rest.
func (q *Queries) veiled(e *Execution, t *readable, err error) error {
	if err == nil || t.cells() == nil {
		return err
	}
	if r, ok := errors.AsType[*access.Refusal](err); ok && strings.HasPrefix(r.Action, "s3:") {
		if wide := atLocation(r, t.Storage.Location); wide != nil {
			return wide
		}
		err = fault.Newf(fault.Invalid, "partition", "%w", err) // it lies elsewhere, and where is not for everybody
	}
	if fault.Is(err, fault.Denied) {
		return err
	}
	switch kind := fault.KindOf(err); kind {
	case fault.Invalid, fault.Unsupported, fault.NotFound:
		q.log.Warn("partitions not read", "id", e.ID, "table", t.Database+"."+t.Name, "err", err)
		return fault.Newf(fault.Invalid, "HIVE_CURSOR_ERROR", "table %s.%s, of which you may read a part, cannot be read; the server's log has the reason under query execution %s", t.Database, t.Name, e.ID)
	default:
		return err
	}
}

// atLocation is a refusal to read an object as one to read what lies below its table's location, without the object's name;
// nil for an object that lies elsewhere.
func atLocation(r *access.Refusal, location string) *access.Refusal {
	bucket, prefix, err := lake.ParseURL(location)
	if err != nil {
		return nil
	}
	if prefix != "" {
		prefix = folder(prefix)
	}
	other := *r
	switch {
	case r.Resource == lake.ARN(bucket, ""):
	case strings.HasPrefix(r.Resource, lake.ARN(bucket, prefix)):
		other.Resource = lake.ARN(bucket, prefix+"*")
	default:
		return nil
	}
	other.Decision.Detail = "" // which can name it
	return &other
}

// anonymous replaces the objects' URLs, which tell of partitions, in what an engine may say of them. The ends of their
// names stay: they say how files are packed.
func anonymous(t *readable, files []InputFile) []InputFile {
	if t.cells() == nil {
		return files
	}
	out := make([]InputFile, len(files))
	for i, f := range files {
		f.URL = "s3://…/" + t.Database + "." + t.Name + path.Ext(f.URL)
		out[i] = f
	}
	return out
}

// reader finds as whom the objects below a table's location are read. Where Lake Formation governs the table and its
// location is registered, that is the role it was registered with, and the caller needs lakeformation:GetDataAccess; otherwise it is
// the caller. Partitions that lie elsewhere are read as the caller in any case: a grant is for what lies below the
// table's own location.
//
// Source: Lake Formation developer guide, "Underlying data access control"; Athena user guide, "Considerations and
// limitations for querying data registered with Lake Formation": locations of partitions are below their table's.
func (q *Queries) reader(ctx context.Context, e *Execution, t *readable) (access.Caller, error) {
	c := e.as()
	if q.formation == nil || !t.access.Governed {
		return c, nil
	}
	l, ok, err := q.formation.Location(ctx, c, t.Storage.Location)
	if err != nil || !ok {
		return c, err
	}
	if err := q.guard.Allow(ctx, c, "lakeformation:GetDataAccess", "*"); err != nil {
		return c, err
	}
	as, err := q.guard.Assume(ctx, access.ServicePrincipal(c.Account, c.Region, formation.Service, l.ARN), l.RoleARN, "athena-"+e.ID)
	if fault.Is(err, fault.Denied) {
		err = fault.Newf(fault.Denied, "table "+t.Database+"."+t.Name, "Lake Formation cannot read its location %s with the role %s: %w", l.ARN, l.RoleARN, err)
	}
	return as, err
}

// belowAs pins the objects below each of a table's locations, as the one who may read there.
func (p *pinned) belowAs(ctx context.Context, as access.Caller, t *readable, locations []string) ([][]InputFile, error) {
	own := p.caller
	defer func() { p.caller = own }()
	p.caller = as
	if as == own {
		found, err := p.below(ctx, locations)
		return found, mend(err, t.Storage.Location)
	}
	var inside, outside []int
	for i, l := range locations {
		if catalog.Below(l, t.Storage.Location) {
			inside = append(inside, i)
		} else {
			outside = append(outside, i)
		}
	}
	found := make([][]InputFile, len(locations))
	for _, part := range []struct {
		as      access.Caller
		indices []int
	}{{as, inside}, {own, outside}} {
		if len(part.indices) == 0 {
			continue
		}
		p.caller = part.as
		chosen := make([]string, len(part.indices))
		for n, i := range part.indices {
			chosen[n] = locations[i]
		}
		files, err := p.below(ctx, chosen)
		if err != nil {
			return nil, mend(err, t.Storage.Location)
		}
		for n, i := range part.indices {
			found[i] = files[n]
		}
	}
	return found, nil
}

// mayReadBelow asks whether objects below a table's location may be read: of rows that are in none yet.
func (q *Queries) mayReadBelow(ctx context.Context, e *Execution, t *readable) error {
	as, err := q.reader(ctx, e, t)
	if err != nil {
		return err
	}
	bucket, prefix, err := lake.ParseURL(t.Storage.Location)
	if err != nil {
		return err
	}
	return mend(q.guard.Allow(ctx, as, "s3:GetObject", lake.ARN(bucket, folder(prefix))), t.Storage.Location)
}

// mend makes the statement that would allow reading one object, or one listing, one that allows it below the whole
// location: who pastes it need not come back for the next object.
func mend(err error, location string) error {
	r, ok := errors.AsType[*access.Refusal](err)
	bucket, prefix, perr := lake.ParseURL(location)
	if !ok || perr != nil || r.Statement == "" {
		return err
	}
	if prefix != "" {
		prefix = folder(prefix)
	}
	if !strings.HasPrefix(r.Resource+"/", lake.ARN(bucket, prefix)) && r.Resource != lake.ARN(bucket, "") {
		return err
	}
	return restated(r, func(s *statement) {
		switch r.Action {
		case "s3:GetObject":
			s.Resource = lake.ARN(bucket, prefix+"*")
		case "s3:ListBucket":
			s.Condition = nil
			if prefix != "" {
				s.Condition = map[string]map[string]any{"StringLike": {"s3:prefix": prefix + "*"}}
			}
		}
	})
}

// statement is one of a policy, as refusals print it.
type statement struct {
	Effect    string
	Principal map[string]any `json:",omitempty"`
	Action    any
	Resource  any                       `json:",omitempty"`
	Condition map[string]map[string]any `json:",omitempty"`
}

// restated is a refusal with its statement changed.
func restated(r *access.Refusal, change func(*statement)) error {
	var s statement
	if json.Unmarshal([]byte(r.Statement), &s) != nil {
		return r
	}
	change(&s)
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(s) != nil {
		return r
	}
	other := *r
	other.Statement = strings.TrimSpace(text.String())
	return &other
}

// mayWriteResult asks, before a statement runs, what writing its result will ask: a statement whose result has no place
// must not have an effect.
func (q *Queries) mayWriteResult(ctx context.Context, e *Execution) error {
	in, err := e.resultObject()
	if err != nil {
		return err
	}
	return e.unwritable(q.lake.MayPut(ctx, e.as(), in))
}

// unwritable puts a refusal to write the execution's result into Athena's words, with a statement that serves for the
// executions after it too.
func (e *Execution) unwritable(err error) error {
	r, ok := errors.AsType[*access.Refusal](err)
	if !ok {
		return err
	}
	wide := e.everyResult(r)
	return &outputRefusal{location: e.Output.Location, Refusal: wide}
}

// everyResult is a refusal about the execution's result with a statement about all results of its place.
func (e *Execution) everyResult(r *access.Refusal) *access.Refusal {
	bucket, key, err := lake.ParseURL(e.Output.Location)
	if err != nil || r.Statement == "" || r.Resource == lake.ARN(bucket, "") {
		return r
	}
	wide, ok := restated(r, func(s *statement) {
		s.Resource = lake.ARN(bucket, key[:strings.LastIndex(key, "/")+1]+"*")
	}).(*access.Refusal)
	if !ok {
		return r
	}
	return wide
}

// unreadable is a refusal to read the execution's result, with a statement about all results of its place.
func (e *Execution) unreadable(err error) error {
	if r, ok := errors.AsType[*access.Refusal](err); ok {
		return e.everyResult(r)
	}
	return err
}

// outputRefusal is a refusal to write a result.
type outputRefusal struct {
	location string
	*access.Refusal
}

// Error is Athena's sentence, and why.
func (o *outputRefusal) Error() string {
	return "Access denied when writing output to url: " + o.location + " . Please ensure you are allowed to access the S3 bucket. " +
		"If you are encrypting query results with KMS key, please ensure you are allowed to access your KMS key\n" + o.Explanation()
}

// Unwrap gives the refusal.
func (o *outputRefusal) Unwrap() error { return o.Refusal }

// refusalWords is what an execution's caller reads of a refusal: Athena's sentence where it has one, then the guard's explanation.
// "" is for other failures.
func refusalWords(err error) string {
	if o, ok := errors.AsType[*outputRefusal](err); ok {
		return o.Error()
	}
	r, ok := errors.AsType[*access.Refusal](err)
	if !ok {
		return ""
	}
	before, _, wrapped := strings.Cut(err.Error(), r.Error())
	switch {
	case wrapped && before != "":
		return before + r.Explanation()
	case r.Words != "" || r.Hidden:
		return r.Explanation()
	case strings.HasPrefix(r.Action, "s3:") && r.Decision.Reason != policy.NoTrust:
		return "Permission denied on S3 path: s3://" + strings.TrimPrefix(r.Resource, "arn:aws:s3:::") + "\n" + r.Explanation()
	}
	return "Insufficient permissions to execute the query. " + r.Explanation()
}
