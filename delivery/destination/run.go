package destination

import (
	"bufio"
	"context"
	"io"
	"slices"

	"flowlake/access"
	"flowlake/columnar/parquet"
	"flowlake/delivery"
	"flowlake/delivery/convert"
	"flowlake/delivery/prefix"
	"flowlake/delivery/process"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs/pattern"

	"github.com/google/uuid"
)

// contentType is what AWS gives every object that it delivers.
const contentType = "application/octet-stream"

// run is one batch on its way into objects.
type run struct {
	*ready
	writer     *Writer
	plan       *tablePlan
	batch      *delivery.Batch
	out        *delivery.Output
	processing *process.Run
	rows       convert.Rows
	fields     map[shape]convert.Fields
	barren     barren    // of what is converted
	fresh      *freshRun // set: the rows go into local files, and nothing else is written

	targets  map[string]*target        // by folder
	only     *target                   // the one target, where there is no dynamic partitioning
	failures map[string]io.WriteCloser // by kind
	backup   *target
}

// shape is a number of a pattern's values.
type shape struct {
	of *pattern.Pattern
	n  int
}

// sink is where an object's bytes go.
type sink struct {
	*bufio.Writer
	object io.WriteCloser
}

// target is an object being written.
type target struct {
	to   *sink
	text io.WriteCloser // compression, for text
	file *convert.File  // for Parquet
}

// key is what the batch's keys follow from.
func (r *run) key(id uuid.UUID) prefix.Batch {
	return prefix.Batch{Stream: r.batch.Stream.Name, Version: r.batch.Stream.Version, Oldest: r.batch.Oldest, ID: id}
}

// read takes the batch's records through their processors.
func (r *run) read(ctx context.Context) error {
	fused := r.settings.converts() && r.settings.pipeline.Fused() && !r.settings.partitions()
	backs := r.settings.backs() && r.fresh == nil
	for g, err := range r.batch.Segments(ctx) {
		if err != nil {
			return err
		}
		if backs {
			if err := r.back(ctx, g); err != nil {
				return err
			}
		}
		for _, record := range g.Records {
			if err := r.processing.Record(ctx, record); err != nil {
				return err
			}
		}
		switch {
		case g.Events == nil:
		case fused:
			err = r.fuse(ctx, g.Events)
		default:
			err = r.processing.Events(ctx, g.Events)
		}
		if err != nil {
			return err
		}
	}
	return r.processing.Flush(ctx)
}

// fuse converts events from their extracted values: what gzip, JSON, gunzip and JSON again would come to.
func (r *run) fuse(ctx context.Context, e *delivery.Events) error {
	for i := range e.Events {
		values := e.Events[i].Values
		if len(values) == 0 {
			if err := r.Fail(ctx, &process.Item{Rows: 1, Source: process.EventSource(e, i)}, process.NoFields()); err != nil {
				return err
			}
			continue
		}
		of := shape{e.Pattern, len(values)}
		fields, ok := r.fields[of]
		if !ok {
			if r.fields == nil {
				r.fields = map[shape]convert.Fields{}
			}
			fields = r.convert.Fields(e.Pattern.NamesOf(len(values)))
			r.fields[of] = fields
		}
		if err := r.convert.Values(fields, values, &r.rows); err != nil {
			if err := r.unconverted(ctx, &process.Item{Rows: 1, Source: process.EventSource(e, i)}, err); err != nil {
				return err
			}
			continue
		}
		if !r.barren.filled {
			r.barren.row(r.rows.Empty(), func() []string { return slices.Clone(e.Pattern.NamesOf(len(values))) })
		}
		if r.only == nil {
			t, err := r.target(ctx, prefix.Keys{})
			if err != nil {
				return err
			}
			r.only = t
		}
		if err := r.only.file.Append(&r.rows); err != nil {
			return err
		}
		r.out.Delivered(1)
	}
	return nil
}

// Item writes a record into its object. It meets process.Sink.
func (r *run) Item(ctx context.Context, it *process.Item) error {
	rows := it.Rows
	if r.settings.converts() {
		if err := r.convert.JSON(it.Data, &r.rows); err != nil {
			return r.unconverted(ctx, it, err)
		}
		if !r.barren.filled && r.rows.Len() > 0 {
			r.barren.row(r.rows.Empty(), func() []string { return keysOf(it.Data) })
		}
	}
	t := r.only
	if t == nil {
		var err error
		t, err = r.target(ctx, prefix.Keys{Query: it.Query, Lambda: it.Lambda})
		if fault.Is(err, fault.Invalid) && r.settings.partitions() { // the record's keys make no prefix
			return r.Fail(ctx, it, &process.Failure{Kind: prefix.PartitioningFailed, Code: "DynamicPartitioning.InvalidPrefix", Message: err.Error(), Attempts: 1})
		}
		if err != nil {
			return err
		}
		if t == nil {
			return r.Fail(ctx, it, &process.Failure{Kind: prefix.PartitioningFailed, Code: "DynamicPartitioning.ActivePartitionLimitExceeded",
				Message: "The batch has more active partitions than 500.", Attempts: 1})
		}
		if !r.settings.partitions() {
			r.only = t
		}
	}
	if t.file == nil {
		r.out.Delivered(rows)
		_, err := t.text.Write(it.Data)
		return err
	}
	if more := int64(r.rows.Len()) - rows; more > 0 {
		r.out.More(more)
		rows += more
	}
	r.out.Delivered(rows)
	return t.file.Append(&r.rows)
}

// Drop and More meet process.Sink.
func (r *run) Drop(rows int64) { r.out.Dropped(rows) }
func (r *run) More(rows int64) { r.out.More(rows) }

// target returns the object of some partition keys, and begins it when it is the first record's; nil when there are too many.
func (r *run) target(ctx context.Context, keys prefix.Keys) (*target, error) {
	folder, err := r.settings.layout.Folder(r.key(r.batch.ID), keys)
	if err != nil {
		return nil, err
	}
	if t := r.targets[folder]; t != nil {
		return t, nil
	}
	if len(r.targets) == maxActive {
		return nil, nil
	}
	id := r.batch.ID
	if r.settings.partitions() {
		id = r.batch.UUID(folder)
	}
	t, err := r.begin(ctx, folder, id)
	if err != nil {
		return nil, err
	}
	r.targets[folder] = t
	return t, nil
}

// begin begins an object of the destination.
func (r *run) begin(ctx context.Context, folder string, id uuid.UUID) (*target, error) {
	if r.fresh != nil {
		return r.fresh.begin(r, folder)
	}
	key := folder + r.settings.layout.Name(r.key(id)) // the folder is its partition's: evaluated again for id, it might have another random string
	headers := lake.Headers{ContentType: contentType}
	if !r.settings.converts() {
		headers.ContentEncoding = compressions[r.settings.Compression].encoding
		return r.text(ctx, r.batch.Stream.Caller, r.settings.bucket, key, r.settings.Compression, headers, id)
	}
	object, err := r.out.Create(ctx, r.batch.Stream.Caller, lake.PutInput{Bucket: r.settings.bucket, Key: key, Size: -1, Headers: headers})
	if err != nil {
		return nil, err
	}
	if err := r.register(ctx, folder); err != nil {
		return nil, err
	}
	return r.parquet(object)
}

// bufferSize is how much of an object is gathered before it is handed on: less where there may be maxActive of them.
func (r *run) bufferSize() int {
	if r.settings.partitions() {
		return 32 << 10
	}
	return 256 << 10
}

func (r *run) parquet(object io.WriteCloser) (*target, error) {
	to := &sink{bufio.NewWriterSize(object, r.bufferSize()), object}
	file, err := r.file(parquet.Options{Compression: r.settings.parquetCompression()}, to)
	return &target{to: to, file: file}, err
}

func (r *run) text(ctx context.Context, as access.Caller, bucket, key, format string, headers lake.Headers, id uuid.UUID) (*target, error) {
	object, err := r.out.Create(ctx, as, lake.PutInput{Bucket: bucket, Key: key, Size: -1, Headers: headers})
	if err != nil {
		return nil, err
	}
	to := &sink{bufio.NewWriterSize(object, r.bufferSize()), object}
	text, err := compress(format, to, uuid.NewSHA1(id, []byte("zip")))
	return &target{to: to, text: text}, err
}

// back writes a segment as it came in into the backup.
func (r *run) back(ctx context.Context, g *delivery.Segment) error {
	put := func(record delivery.Record, _ int) error {
		if r.backup == nil {
			id := r.batch.UUID("backup")
			key, err := r.settings.backup.Key(r.key(id), prefix.Keys{})
			if err != nil {
				return err
			}
			headers := lake.Headers{ContentType: contentType, ContentEncoding: compressions[r.settings.Backup.Compression].encoding}
			as := r.batch.Stream.Caller
			if role := r.settings.Backup.RoleARN; role != r.settings.RoleARN {
				if as, err = delivery.Assume(ctx, r.writer.guard, &r.batch.Stream, role, backupSession); err != nil {
					return err
				}
			}
			if r.backup, err = r.text(ctx, as, r.settings.backupBucket, key, r.settings.Backup.Compression, headers, id); err != nil {
				return err
			}
		}
		_, err := r.backup.text.Write(record.Data)
		return err
	}
	for _, record := range g.Records {
		if err := put(record, 1); err != nil {
			return err
		}
	}
	if g.Events == nil {
		return nil
	}
	return g.Events.Envelopes(put)
}

// close ends the objects.
func (r *run) close() error {
	for _, t := range r.targets {
		if err := r.end(t); err != nil {
			return err
		}
	}
	if r.backup != nil {
		if err := r.end(r.backup); err != nil {
			return err
		}
	}
	for _, f := range r.failures {
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// end ends an object.
func (r *run) end(t *target) error {
	if t.file != nil {
		if _, err := t.file.Close(); err != nil {
			return err
		}
		r.files.Put(t.file)
		t.file = nil
	} else if err := t.text.Close(); err != nil {
		return err
	}
	if err := t.to.Flush(); err != nil {
		return err
	}
	return t.to.object.Close()
}

// abort lets go of what a batch that fails has begun; its objects are the delivery room's.
func (r *run) abort() {
	for _, t := range r.targets {
		if t.file != nil {
			t.file.Abort()
		}
	}
}
