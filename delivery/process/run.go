package process

import (
	"context"
	"fmt"
	"slices"
	"time"

	"flowlake/delivery"
	"flowlake/delivery/prefix"
)

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Item is a record on its way.
type Item struct {
	Data   []byte
	Rows   int64 // how many rows of the batch it stands for, at least 1
	Query  map[string]string
	Lambda map[string]string
	Source Source
}

// Source is what came in: a record as it was put, or events of a subscription.
type Source struct {
	Arrival  time.Time
	Sequence uint64

	data   []byte
	events *delivery.Events
	first  int // of events
	count  int
}

// Raw is the record as it came in. Events are rendered as the record that their destination gets.
func (s Source) Raw() ([]byte, error) {
	if s.events == nil {
		return s.data, nil
	}
	part := *s.events
	part.Events = part.Events[s.first : s.first+s.count]
	var raw []byte
	err := part.Envelopes(func(r delivery.Record, _ int) error {
		raw = append(raw, r.Data...) // gzip members in a row are one gzip file
		return nil
	})
	return raw, err
}

// keep returns the source in memory of its own.
func (s Source) keep() Source {
	if s.events == nil {
		s.data = append([]byte(nil), s.data...)
		return s
	}
	own := *s.events
	own.Events = slices.Clone(own.Events[s.first : s.first+s.count])
	for i := range own.Events {
		own.Events[i].Values = slices.Clone(own.Events[i].Values)
	}
	s.events, s.first = &own, 0
	return s
}

// EventSource is the source of the i-th of a segment's events.
func EventSource(e *delivery.Events, i int) Source {
	m := &e.Events[i]
	return Source{Arrival: time.UnixMilli(m.IngestedMillis).UTC(), Sequence: m.Sequence, events: e, first: i, count: 1}
}

// RecordSource is the source of a record that was put.
func RecordSource(r delivery.Record) Source {
	return Source{Arrival: r.Arrival, Sequence: r.Sequence, data: r.Data}
}

// Sink takes what comes out. An item's memory is its own until the sink returned, unless it says otherwise.
type Sink interface {
	Item(ctx context.Context, it *Item) error
	Fail(ctx context.Context, it *Item, f *Failure) error
	Drop(rows int64) // by a rule or a function
	More(rows int64) // an item held so many rows beside those that were known
}

// Env is what a run needs beside its records.
type Env struct {
	Batch  *delivery.Batch
	Output *delivery.Output // its Transform and Keep; nil where no function is invoked
}

// Run takes one batch's records through a pipeline, in order.
type Run struct {
	p    *Pipeline
	env  Env
	sink Sink
	gzip unpacker

	buffered []*Item // for the function
	bytes    int
	calls    int
}

// Start begins a run.
func (p *Pipeline) Start(env Env, sink Sink) *Run { return &Run{p: p, env: env, sink: sink} }

// Record takes a record that was put.
func (r *Run) Record(ctx context.Context, record delivery.Record) error {
	return r.arrived(ctx, &Item{Data: record.Data, Rows: 1, Source: RecordSource(record)})
}

// Events takes a segment's events.
func (r *Run) Events(ctx context.Context, e *delivery.Events) error {
	if r.p.decompress && r.p.extract != whole {
		for i := range e.Events {
			it := &Item{Rows: 1, Source: EventSource(e, i)}
			var f *Failure
			if r.p.extract == messages {
				it.Data = []byte(e.Events[i].Message)
			} else if it.Data, f = object(e.Pattern.NamesOf(len(e.Events[i].Values)), e.Events[i].Values); f != nil {
				if err := r.sink.Fail(ctx, it, f); err != nil {
					return err
				}
				continue
			}
			if err := r.extracted(ctx, it); err != nil {
				return err
			}
		}
		return nil
	}
	return e.Envelopes(func(record delivery.Record, events int) error {
		it := &Item{Data: record.Data, Rows: int64(events), Source: RecordSource(record)}
		return r.arrived(ctx, it)
	})
}

// arrived begins with a record as it came in.
func (r *Run) arrived(ctx context.Context, it *Item) error {
	if !r.p.decompress {
		return r.split(ctx, it)
	}
	plain, err := r.gzip.unpack(it.Data)
	if err != nil {
		return r.sink.Fail(ctx, it, &Failure{Kind: prefix.DecompressionFailed, Code: "Decompression.Failed", Message: err.Error(), Attempts: 1})
	}
	it.Data = plain
	if r.p.extract == whole {
		return r.split(ctx, it)
	}
	events, control, f := takeApart(plain, r.p.extract)
	switch {
	case f != nil:
		return r.sink.Fail(ctx, it, f)
	case control || len(events) == 0:
		r.sink.Drop(it.Rows)
		return nil
	}
	rows := r.share(it.Rows, len(events))
	for i, data := range events {
		one := &Item{Data: data, Rows: rows(i), Source: it.Source}
		if data == nil {
			if err := r.sink.Fail(ctx, one, NoFields()); err != nil {
				return err
			}
			continue
		}
		if err := r.extracted(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// share divides the rows that an item stands for among its parts, each of which stands for one at least.
func (r *Run) share(rows int64, parts int) func(i int) int64 {
	if more := int64(parts) - rows; more >= 0 {
		r.sink.More(more)
		return func(int) int64 { return 1 }
	}
	return func(i int) int64 {
		if i == 0 {
			return rows - int64(parts) + 1
		}
		return 1
	}
}

// extracted ends an event's message with a line feed, unless a delimiter will be appended.
func (r *Run) extracted(ctx context.Context, it *Item) error {
	if r.p.delimiter == nil {
		it.Data = append(it.Data, '\n')
	}
	return r.split(ctx, it)
}

// split is de-aggregation.
func (r *Run) split(ctx context.Context, it *Item) error {
	if r.p.split == nil {
		return r.transform(ctx, it)
	}
	parts, f := r.p.split.split(it.Data)
	if f != nil {
		return r.sink.Fail(ctx, it, f)
	}
	if len(parts) == 0 {
		r.sink.Drop(it.Rows) // blanks, or delimiters with nothing between them
		return nil
	}
	rows := r.share(it.Rows, len(parts))
	for i, part := range parts {
		one := &Item{Data: part, Rows: rows(i), Source: it.Source}
		if len(parts) > 1 { // what failed is the part, not its neighbours
			one.Source.data, one.Source.events = part, nil
		}
		if err := r.transform(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// transform gathers items for the function.
func (r *Run) transform(ctx context.Context, it *Item) error {
	if r.p.lambda == nil {
		return r.keys(ctx, it)
	}
	if len(r.buffered) > 0 && r.bytes+len(it.Data) > r.p.lambda.bytes {
		if err := r.Flush(ctx); err != nil {
			return err
		}
	}
	kept := *it // what a segment holds is gone when the function is invoked
	kept.Data = append([]byte(nil), it.Data...)
	kept.Source = it.Source.keep()
	r.buffered = append(r.buffered, &kept)
	r.bytes += len(it.Data)
	return nil
}

// Flush invokes the function for what was gathered. It is called at the end of the batch.
func (r *Run) Flush(ctx context.Context) error {
	if len(r.buffered) == 0 {
		return nil
	}
	items := r.buffered
	r.buffered, r.bytes = nil, 0
	r.calls++
	return r.invoke(ctx, items)
}

// keys extracts partition keys.
func (r *Run) keys(ctx context.Context, it *Item) error {
	if r.p.query != nil {
		keys, f := r.p.query.extract(ctx, it.Data)
		if f != nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			return r.sink.Fail(ctx, it, f)
		}
		it.Query = keys
	}
	if r.p.delimiter != nil {
		it.Data = append(it.Data[:len(it.Data):len(it.Data)], r.p.delimiter...)
	}
	return r.sink.Item(ctx, it)
}
