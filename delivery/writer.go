package delivery

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/google/uuid"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/logs"
	"flowlake/logs/pattern"
)

// Writer turns batches of a kind of streams into objects. It must be safe for concurrent use; one stream's batches
// come one at a time. Its implementations are delivery/destination and vpc.
type Writer interface {
	// Roles are the roles that a stream's settings hand to its service. The first one is who the stream's batches are written
	// as; without one it is the service itself.
	Roles(s Stream) ([]Role, error)
	// Check refuses settings that cannot be meant: asked when a stream is created or updated, behind Roles.
	Check(ctx context.Context, c access.Caller, s Stream) error
	// Plan returns what the batches of a stream hold on to, such as its table's schema; it is stored before the first
	// byte of a batch is written, and is the batch's Plan. It may be nil.
	Plan(ctx context.Context, s Stream) (json.RawMessage, error)
	// Write writes a batch. It reads the segments to their end, says in out what became of each row, and closes the
	// objects that it created; nothing is visible before it returned nil, and after an error nothing is kept but
	// what Output.Keep keeps. It is called again until it succeeds, after a crash too: for the same batch it gives the same keys.
	Write(ctx context.Context, b *Batch, out *Output) error
}

// Transform invokes a function: Lambda, once `function` exists.
type Transform interface {
	Invoke(ctx context.Context, c access.Caller, functionARN string, payload []byte) ([]byte, error)
}

// Batch is what one Write delivers: a run of each of its stream's inputs. Where it begins is fixed before its first
// byte; where it ends is fixed at the end of the first reading.
type Batch struct {
	Stream Stream // as it was when the batch was planned; its Caller is who the batch is written as
	Number uint64 // of the stream's batches, from 1
	ID     uuid.UUID
	Oldest time.Time       // arrival of its oldest record
	Plan   json.RawMessage // what Writer.Plan returned

	segments func(ctx context.Context) iter.Seq2[*Segment, error]
}

// NewBatch returns a batch over segments that are at hand: for tests of a Writer.
func NewBatch(s Stream, number uint64, oldest time.Time, plan json.RawMessage, segments ...*Segment) *Batch {
	return &Batch{Stream: s, Number: number, ID: batchID(s.ID, number), Oldest: oldest, Plan: plan,
		segments: func(context.Context) iter.Seq2[*Segment, error] {
			return func(yield func(*Segment, error) bool) {
				for _, g := range segments {
					if !yield(g, nil) {
						return
					}
				}
			}
		}}
}

// batchSpace is the name space of batches' ids.
var batchSpace = uuid.MustParse("6f1c8a3e-5d0b-4f5a-9c53-2d6c1f3e7b90")

func batchID(stream string, number uint64) uuid.UUID {
	name := append([]byte(stream), 0)
	for shift := 56; shift >= 0; shift -= 8 {
		name = append(name, byte(number>>shift))
	}
	return uuid.NewSHA1(batchSpace, name)
}

// UUID returns an id that follows from the batch and a name: the random-looking part of an object's key. The same
// batch and name give the same id.
func (b *Batch) UUID(name string) uuid.UUID { return uuid.NewSHA1(b.ID, []byte(name)) }

// Segments yields the batch in order. A segment and all that it holds are valid until the next one. It may be read
// again, and is the same then.
func (b *Batch) Segments(ctx context.Context) iter.Seq2[*Segment, error] { return b.segments(ctx) }

// Segment is a run of one input: either Records, or Events.
type Segment struct {
	Records []Record
	Events  *Events
}

// Events is a run of events that a log subscription's pattern let through, in the order of their sequences.
type Events struct {
	Subscription logs.Subscription
	Pattern      *pattern.Pattern // names the values: Pattern.NamesOf(len(Values))
	Events       []logs.Matched   // never empty; of several log streams. Their strings outlive the segment
}

// Envelopes renders the events as the records that a subscription's destination gets, those of each log stream on their own, in
// the order of the streams' first events. yield owns the record; its error ends the rendering.
func (e *Events) Envelopes(yield func(record Record, events int) error) error {
	var streams []string
	of := map[string][]logs.Matched{}
	for _, m := range e.Events {
		if _, ok := of[m.Stream]; !ok {
			streams = append(streams, m.Stream)
		}
		of[m.Stream] = append(of[m.Stream], m)
	}
	for _, name := range streams {
		events := of[name]
		err := logs.Envelopes(e.Subscription, e.Pattern, name, events, func(data []byte, n int) error {
			first := events[0]
			events = events[n:]
			return yield(Record{Data: data, Arrival: time.UnixMilli(first.IngestedMillis).UTC(), Sequence: first.Sequence}, n)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// TableRef names a table of the account's catalogue.
type TableRef struct {
	Region, Database, Table string
}

// Freshener is a Writer whose tables can be read before their batches are written: see Store.Fresh.
type Freshener interface {
	// FreshTable returns the table that a stream converts into, false when it converts into none. It returns the table and
	// fault.Unsupported, saying why, for a stream whose rows cannot be known early: one with a transform function.
	FreshTable(ctx context.Context, s Stream) (TableRef, bool, error)
	// FreshElsewhere reports whether a stream that converts into a table writes where none of the table's objects lie, and where it
	// writes: its rows do not get into the table.
	FreshElsewhere(s Stream, t catalog.Table) (where string, elsewhere bool)
	// Convert writes the rows of the batch that will be in the table into Parquet files in dir, with the table's columns. Rows that
	// will fail or be left out are passed over. The same rows may be converted again, in another company.
	Convert(ctx context.Context, b *Batch, t catalog.Table, dir string) ([]FreshFile, error)
}

// FreshFile is a Parquet file with rows of one partition.
type FreshFile struct {
	Path   string   // local
	Values []string // the partition's; none for a table without partition keys
	Size   int64    // bytes
	Rows   int64
}
