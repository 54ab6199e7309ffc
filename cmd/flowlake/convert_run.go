package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"flowlake/catalog"
	"flowlake/catalog/backfill"
	"flowlake/columnar/parquet"
	"flowlake/fault"
	"flowlake/flow"
)

// conversion is one run of flowlake convert.
type conversion struct {
	to, location, by, badLines string
	values                     []string
	maxBad                     int64
	redo, dryRun, quiet        bool
	workers                    int
	groupBytes                 int64

	cfg             aws.Config
	log             io.Writer
	database, table string
	format          []flow.Field
	compression     parquet.Compression
	constants       map[string]string
	byGiven         bool

	s3   *s3.Client
	glue *glue.Client
	made bool       // the table is not there yet
	mu   sync.Mutex // guards log
}

// say writes a line that --quiet leaves out.
func (v *conversion) say(format string, args ...any) {
	if !v.quiet {
		v.tell(format, args...)
	}
}

// tell writes a line.
func (v *conversion) tell(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	note(v.log, format, args...)
}

func (v *conversion) run(ctx context.Context, args []string) error {
	first := v.cfg // its retries are patient: a server that was never there is told at once
	v.glue = glue.NewFromConfig(first)
	t, err := v.findTable(ctx)
	if err != nil {
		return err
	}
	v.cfg.Retryer = newSteadfast
	v.glue = glue.NewFromConfig(v.cfg)
	v.s3 = s3.NewFromConfig(v.cfg, func(o *s3.Options) { o.UsePathStyle = true })

	partitions := convertPartitions{v.glue, v.database, v.table}
	var examples []catalog.Partition
	if !v.made && len(t.PartitionKeys) > 0 && !strings.EqualFold(t.Parameters["projection.enabled"], "true") {
		if examples, err = partitions.some(ctx); err != nil {
			return err
		}
	}
	layout, err := backfill.NewLayout(t, v.constants, examples)
	if err != nil {
		return err
	}
	inputs, err := convertInputs(ctx, v.s3, args, t.Storage.Location)
	if err != nil {
		return err
	}
	look := &sniffer{source: convertSource{v.s3}, format: v.format, timed: layout.Timed(), seen: map[string]backfill.Found{}}
	if v.made { // its columns follow from what all files have
		if t, err = v.newTable(ctx, t, look, inputs); err != nil {
			return err
		}
	}
	plan, err := backfill.Prepare(ctx, convertObjects{v.s3, v.cfg}, t.Storage.Location, inputs, v.redo, backfill.Sizes{Workers: v.workers, Text: v.groupBytes}, look.look)
	if err != nil {
		return err
	}
	v.explain(plan, t)
	if v.dryRun {
		v.sayPlan(plan, t, layout)
		return v.findings(plan, backfill.Summary{})
	}
	if plan.Groups() > 0 && v.made {
		if err := v.makeTable(ctx, t); err != nil {
			return err
		}
	}
	return v.convert(ctx, plan, &backfill.Run{Table: t, Layout: layout, Source: convertSource{v.s3}, Objects: convertObjects{v.s3, v.cfg}, Partitions: partitions,
		Format: v.format, Compression: v.compression, Workers: v.workers, MaxBad: v.maxBad,
		Left: func(name, why string) { v.tell("left out %s: %s", name, why) }})
}

// findTable returns the table, or what it will be if it is not there.
func (v *conversion) findTable(ctx context.Context) (t catalog.Table, err error) {
	out, err := v.glue.GetTable(ctx, &glue.GetTableInput{DatabaseName: &v.database, Name: &v.table})
	var missing *gluetypes.EntityNotFoundException
	if errors.As(err, &missing) {
		v.made = true
		where, err := v.place(ctx)
		if err != nil {
			return t, err
		}
		t, err = backfill.NewTable(v.database, v.table, where, v.by, [][]flow.Field{flow.DefaultFormat()})
		return t, err
	}
	if err != nil {
		return t, err
	}
	t = tableFromGlue(out.Table)
	if _, err := backfill.Columns(t); err != nil {
		return t, err
	}
	where := folderURL(t.Storage.Location)
	if v.location != "" && folderURL(v.location) != where {
		return t, usagef("table %s.%s is there already, at %s: leave --location out", v.database, v.table, where)
	}
	if v.byGiven {
		as, err := backfill.NewTable(v.database, v.table, where, v.by, [][]flow.Field{flow.DefaultFormat()})
		if err != nil {
			return t, err
		}
		if !sameColumns(as.PartitionKeys, t.PartitionKeys) {
			return t, usagef("table %s.%s is there already, and is not partitioned as --partition %s would: leave it out", v.database, v.table, v.by)
		}
	}
	t.Storage.Location = where
	return t, nil
}

func sameColumns(a, b []catalog.Column) bool {
	return slices.EqualFunc(a, b, func(a, b catalog.Column) bool { return a.Name == b.Name && a.Type == b.Type })
}

func folderURL(url string) string {
	if strings.HasSuffix(url, "/") {
		return url
	}
	return url + "/"
}

// place is where a new table goes.
func (v *conversion) place(ctx context.Context) (string, error) {
	if v.location != "" {
		rest, ok := strings.CutPrefix(v.location, "s3://")
		if bucket, _, _ := strings.Cut(rest, "/"); !ok || bucket == "" {
			return "", usagef("--location is s3://bucket/folder/, not %q", v.location)
		}
		return folderURL(v.location), nil
	}
	who, err := sts.NewFromConfig(v.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("s3://flowlake-%s-%s/%s/%s/", *who.Account, v.cfg.Region, v.database, v.table), nil
}

// newTable gives a new table the columns that the files have.
func (v *conversion) newTable(ctx context.Context, t catalog.Table, look *sniffer, inputs []backfill.Input) (catalog.Table, error) {
	found, err := look.look(ctx, inputs)
	if err != nil {
		return t, err
	}
	var formats [][]flow.Field
	for _, f := range found {
		if f.Why == "" {
			formats = append(formats, f.Fields)
		}
	}
	if !slices.ContainsFunc(formats, func(f []flow.Field) bool { return len(f) > 0 }) {
		for i, f := range found {
			if f.Why != "" && i < 3 {
				v.tell("%s %s", f.Name, f.Why)
			}
		}
		return t, errors.New("no file has a flow-log record: there is nothing to make a table of")
	}
	return backfill.NewTable(v.database, v.table, t.Storage.Location, v.by, formats)
}

// makeTable makes the bucket, the database and the table, as far as they are not there.
func (v *conversion) makeTable(ctx context.Context, t catalog.Table) error {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(t.Storage.Location, "s3://"), "/")
	if _, err := v.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket}); err != nil {
		b := &bucketImport{bucket: bucket, region: v.cfg.Region}
		var ours *s3types.BucketAlreadyOwnedByYou // an attempt whose answer was lost
		if _, err := v.s3.CreateBucket(ctx, b.newBucket()); err != nil && !errors.As(err, &ours) {
			return err
		}
		v.say("created bucket %s", bucket)
	}
	var exists *gluetypes.AlreadyExistsException
	_, err := v.glue.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: &v.database}})
	if err != nil && !errors.As(err, &exists) {
		return err
	}
	if err == nil {
		v.say("created database %s", v.database)
	}
	_, err = v.glue.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: &v.database, TableInput: &gluetypes.TableInput{Name: &v.table, TableType: &t.Kind,
		Parameters: t.Parameters, PartitionKeys: glueColumns(t.PartitionKeys), StorageDescriptor: descriptorOf(t.Storage)}})
	if errors.As(err, &exists) { // made by an attempt whose answer was lost, or by somebody else at this moment
		out, getErr := v.glue.GetTable(ctx, &glue.GetTableInput{DatabaseName: &v.database, Name: &v.table})
		if getErr != nil {
			return getErr
		}
		if there := tableFromGlue(out.Table); folderURL(there.Storage.Location) != t.Storage.Location || !sameColumns(there.Storage.Columns, t.Storage.Columns) || !sameColumns(there.PartitionKeys, t.PartitionKeys) {
			return fmt.Errorf("table %s.%s was made at this moment by somebody else: run again", v.database, v.table)
		}
		err = nil
	}
	if err != nil {
		return err
	}
	v.say("created table %s.%s, %s, at %s", v.database, v.table, partitionedBy(t), t.Storage.Location)
	return nil
}

func partitionedBy(t catalog.Table) string {
	var keys []string
	for _, k := range t.PartitionKeys {
		keys = append(keys, k.Name)
	}
	if len(keys) == 0 {
		return "not partitioned"
	}
	return "partitioned by " + strings.Join(keys, ", ")
}

// maxNamed is how many files of a kind are named.
const maxNamed = 10

// explain says what is left alone, and why.
func (v *conversion) explain(p *backfill.Plan, t catalog.Table) {
	shown := 0
	for _, f := range p.Skipped {
		if f.Quiet {
			continue
		}
		if shown++; shown <= maxNamed {
			v.tell("left out %s: it %s", f.Name, strings.TrimPrefix(f.Why, "it "))
		}
	}
	if shown > maxNamed {
		v.tell("… and %s more", count(int64(shown-maxNamed), "file"))
	}
	for i, in := range p.Changed {
		if i == maxNamed {
			v.tell("… and %s more", count(int64(len(p.Changed)-maxNamed), "file"))
			break
		}
		v.tell("left alone %s: it changed since it was converted; --redo converts it anew, in place of what it gave", in.Name)
	}
	if p.Already > 0 {
		v.say("%s converted already", count(int64(p.Already), "file"))
	}
	if p.Resumed > 0 {
		v.say("going on with %s of an earlier run", count(int64(p.Resumed), "file"))
	}
	var formats [][]flow.Field
	for _, f := range p.New {
		formats = append(formats, f.Fields)
	}
	if lost := backfill.Unkept(t, formats); len(lost) > 0 {
		v.tell("the table has no column for %s: such values are dropped", strings.Join(lost, ", "))
	}
}

// sayPlan says what a run would do.
func (v *conversion) sayPlan(p *backfill.Plan, t catalog.Table, l *backfill.Layout) {
	if v.made && p.Groups() > 0 {
		v.tell("would create table %s.%s, %s, at %s, with %s", v.database, v.table, partitionedBy(t), t.Storage.Location, count(int64(len(t.Storage.Columns)), "column"))
	}
	formats := map[string]int{}
	for _, f := range p.New {
		formats[flow.FormatString(f.Fields)]++
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for k := range formats {
			if !yield(k) {
				return
			}
		}
	}) {
		if name != "" {
			v.tell("%s of the format %s", count(int64(formats[name]), "file"), name)
		}
	}
	v.tell("would convert %s, %s, in %s, into %s.%s", count(int64(p.Files), "file"), humanBytes(p.Bytes), count(int64(p.Groups()), "group"), v.database, v.table)
	if now := time.Now(); len(t.PartitionKeys) > 0 {
		v.tell("a record of this moment would go below %s", l.Location(l.Values(now), now))
	}
}

// convert runs the plan, and says what came of it.
func (v *conversion) convert(ctx context.Context, p *backfill.Plan, r *backfill.Run) error {
	began := time.Now()
	meter := newMeter(v, p, r)
	s, err := r.Do(ctx, p)
	meter.stop()
	took := time.Since(began)
	if s.Files > 0 || err == nil && p.Groups() > 0 {
		v.say("converted %s into %s of %s: %s, %s → %s, in %s, %s rows/s", count(int64(s.Files), "file"), count(int64(s.Objects), "object"), count(int64(s.Partitions), "partition"),
			count(s.Rows, "row"), humanBytes(s.Text), humanBytes(s.Written), roundTime(took), humanCount(float64(s.Rows)/max(took.Seconds(), 1e-3)))
	}
	if s.Bad > 0 {
		v.say("kept %s aside below %s", count(s.Bad, "bad line"), s.BadFolder)
		for _, b := range s.Shown {
			v.say("  %s", b)
		}
	}
	if err != nil {
		if ctx.Err() == nil && p.Groups() > 0 && !fault.Is(err, fault.Limit) { // too many bad lines are too many again
			v.say("what is whole stays: run the same command again to go on")
		}
		return err
	}
	if v.badLines != "" {
		if err := v.writeBadLines(ctx, p, r); err != nil {
			return err
		}
	}
	if p.Groups() == 0 {
		v.say("nothing to convert")
	} else if v.made {
		v.say("ask it: flowlake query \"SELECT * FROM %s.%s LIMIT 10\"", v.database, v.table)
	}
	return v.findings(p, s)
}

// writeBadLines writes the file of bad lines whole, or leaves what is there.
func (v *conversion) writeBadLines(ctx context.Context, p *backfill.Plan, r *backfill.Run) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(v.badLines), ".flowlake-bad-*")
	if err != nil {
		return fmt.Errorf("--bad-lines: %w", err)
	}
	defer os.Remove(tmp.Name())
	w := bufio.NewWriter(tmp)
	if err := errors.Join(r.BadLines(ctx, p, w), w.Flush(), tmp.Close()); err != nil {
		return fmt.Errorf("--bad-lines: %w", err)
	}
	return os.Rename(tmp.Name(), v.badLines)
}

// findings makes files that gave nothing the command's end.
func (v *conversion) findings(p *backfill.Plan, s backfill.Summary) error {
	n := len(p.Changed) + s.LeftOut
	for _, f := range p.Skipped {
		if !f.Quiet {
			n++
		}
	}
	if n > 0 {
		return &exitError{exitFindings, fmt.Errorf("%s left out, as said above", count(int64(n), "file"))}
	}
	return nil
}
