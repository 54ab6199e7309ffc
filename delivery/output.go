package delivery

import (
	"context"
	"io"

	"flowlake/access"
	"flowlake/catalog"
	"flowlake/lake"
)

// Output takes what a Writer makes of a batch. It is used by one goroutine at a time; its Objects may each have a
// goroutine of their own.
type Output struct {
	// Transform invokes functions; nil when there is none.
	Transform Transform

	engine output
	tally  tally
}

// tally is what became of a batch's rows.
type tally struct {
	Extra     int64 `json:"extra,omitempty"`
	Delivered int64 `json:"delivered,omitempty"`
	Failed    int64 `json:"failed,omitempty"`
	Dropped   int64 `json:"dropped,omitempty"`
	Bytes     int64 `json:"bytes,omitempty"`
	Objects   int64 `json:"objects,omitempty"`
}

// output is what is behind an Output.
type output interface {
	create(ctx context.Context, as access.Caller, in lake.PutInput) (io.WriteCloser, error)
	partition(p NewPartition)
	keep(ctx context.Context, name string, do func() ([]byte, error)) ([]byte, error)
}

// NewPartition is a partition that a batch writes into.
type NewPartition struct {
	As        access.Caller // who registers it
	Table     TableRef
	Partition catalog.Partition // values and location; the rest of its storage is taken from the table
}

// Create begins an object of as, who may be another than the batch is written as; in describes it but for its body. What is written goes to disk as it comes, and is visible when
// the whole batch is. A key may be created once in a batch. Close ends the object; an object that is not closed fails the batch.
func (o *Output) Create(ctx context.Context, as access.Caller, in lake.PutInput) (io.WriteCloser, error) {
	return o.engine.create(ctx, as, in)
}

// Partition has a partition registered, if it is not, before the batch becomes visible. One that may not be registered is left
// out, and the log says so.
func (o *Output) Partition(p NewPartition) { o.engine.partition(p) }

// Delivered, Failed and Dropped say what became of rows: that they are in an object of the destination, in one under the
// error prefix, or nowhere because a transform or a rule said so. At the end of Write the three must add up to the rows that
// the segments held (a record is one, an event is one) and those that More added: if not, the batch fails.
func (o *Output) Delivered(rows int64) { o.tally.Delivered += rows }

// Failed counts rows under the error prefix.
func (o *Output) Failed(rows int64) { o.tally.Failed += rows }

// Dropped counts rows that were left out on purpose.
func (o *Output) Dropped(rows int64) { o.tally.Dropped += rows }

// More says that a record held so many rows beside its first.
func (o *Output) More(rows int64) { o.tally.Extra += rows }

// Keep returns what do returned when it was first called for this batch and name: that is durable before Keep returns, so
// that a function is not asked twice for the same records. It is forgotten with the batch. An error of do is
// returned, and kept for nobody.
func (o *Output) Keep(ctx context.Context, name string, do func() ([]byte, error)) ([]byte, error) {
	return o.engine.keep(ctx, name, do)
}
