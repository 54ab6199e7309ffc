package delivery

import (
	"context"
	"log/slog"
	"time"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/fault"
	"flowlake/lake"
	"flowlake/logs"
	"flowlake/state"
)

// Config says where the queues lie and what they may take. The zero values are the defaults.
type Config struct {
	Dir     string // holds queue/
	Scratch string // for converted rows of fresh tables; emptied at the start
	// QueueBytes bounds the records that wait in one stream's queue; a put beyond it is refused as fault.Throttled. 0 is 1 GiB.
	QueueBytes int64
	// ReserveBytes is the space on the disk that puts leave free. 0 is 64 MiB.
	ReserveBytes int64
	// Parallel is how many batches are written at a time. 0 is one for each CPU.
	Parallel int
	// RetryMin and RetryMax bound the waits between attempts to deliver a batch. 0 is 1 s and 1 min.
	RetryMin, RetryMax time.Duration
	Transform          Transform // nil: there are no functions
}

// Validate names the key that is wrong.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return fault.Newf(fault.Invalid, "delivery.dir", "is empty")
	case c.Scratch == "":
		return fault.Newf(fault.Invalid, "delivery.scratch", "is empty")
	case c.QueueBytes < 0:
		return fault.Newf(fault.Invalid, "delivery.queue_bytes", "%d is negative", c.QueueBytes)
	case c.ReserveBytes < 0:
		return fault.Newf(fault.Invalid, "delivery.reserve_bytes", "%d is negative", c.ReserveBytes)
	case c.Parallel < 0:
		return fault.Newf(fault.Invalid, "delivery.parallel", "%d is negative", c.Parallel)
	case c.RetryMin < 0 || c.RetryMax < 0:
		return fault.Newf(fault.Invalid, "delivery.retry", "%v and %v: one is negative", c.RetryMin, c.RetryMax)
	}
	return nil
}

// Store is the delivery room. It is safe for concurrent use.
type Store struct{}

// Open opens the room over its folder, making it when it is new. Nothing is delivered before Run.
func Open(cfg Config, st *state.Store, lk *lake.Store, lg *logs.Store, tables *catalog.Catalog, guard *access.Guard, log *slog.Logger) (*Store, error) {
	panic("delivery: under construction")
}

// Handle has w write the batches of a kind of streams. It is called before Run.
func (s *Store) Handle(kind string, w Writer) { panic("delivery: under construction") }

// Run delivers until ctx ends. What is under way then is left, and taken up by the next Run.
func (s *Store) Run(ctx context.Context) error { panic("delivery: under construction") }

// Close closes the queues. No call may be under way, and Run must have returned.
func (s *Store) Close() error { panic("delivery: under construction") }

// Create makes a stream, which is Creating until Run took it on. It returns fault.Exists, or fault.Invalid for settings that its
// Writer refuses.
func (s *Store) Create(ctx context.Context, c access.Caller, n NewStream) (Stream, error) {
	panic("delivery: under construction")
}

// Stream returns a stream, or fault.NotFound.
func (s *Store) Stream(ctx context.Context, c access.Caller, kind, name string) (Stream, error) {
	panic("delivery: under construction")
}

// Streams returns at most so many streams of a kind whose names come after one, in the order of names, and whether there are more.
func (s *Store) Streams(ctx context.Context, c access.Caller, kind, after string, most int) (page []Stream, more bool, err error) {
	panic("delivery: under construction")
}

// Update lets change alter a stream's Settings, Buffer and Tags. Version must be the stream's, unless it is 0:
// if not, it returns fault.Conflict. A batch under way is delivered with either settings.
func (s *Store) Update(ctx context.Context, c access.Caller, kind, name string, version int64, change func(*Stream) error) (Stream, error) {
	panic("delivery: under construction")
}

// Tag lets change alter a stream's tags; its Version stays.
func (s *Store) Tag(ctx context.Context, c access.Caller, kind, name string, change func(tags map[string]string) error) error {
	panic("delivery: under construction")
}

// Delete gives a stream up, and what waits in it. It is Deleting until Run is done with it.
//
// Source: Firehose API reference, DeleteDeliveryStream: records that are accepted meanwhile are not sure to be delivered.
func (s *Store) Delete(ctx context.Context, c access.Caller, kind, name string) error {
	panic("delivery: under construction")
}

// PutResult names the records of a put.
type PutResult struct {
	First   uint64 // the sequence of the first record; the others follow
	Arrival time.Time
	Stream  string // the stream's ID
}

// Put appends records to a stream's queue, all or none, and returns once they are on disk. It keeps no reference to them. Their sizes
// are the door's to check. It returns fault.Throttled when the queue is full, fault.Unavailable when the disk is.
func (s *Store) Put(ctx context.Context, c access.Caller, kind, name string, records [][]byte) (PutResult, error) {
	panic("delivery: under construction")
}

// Counters returns a stream's numbers.
func (s *Store) Counters(ctx context.Context, c access.Caller, kind, name string) (Counters, error) {
	panic("delivery: under construction")
}

// Subscribe accepts a log subscription to a Firehose stream: it exists, and takes the control message. It meets logs.Destinations.
func (s *Store) Subscribe(ctx context.Context, c access.Caller, sub logs.Subscription) error {
	panic("delivery: under construction")
}

// HasTransform reports whether there are functions; without, streams that want one are refused.
func (s *Store) HasTransform() bool { panic("delivery: under construction") }
