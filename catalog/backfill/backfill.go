// Package backfill turns text flow logs that exist already into Parquet objects of a table. It groups
// the files so that objects are well-sized, writes the plan down beside the table's data before the first
// byte, converts groups in parallel, and registers the partitions whose objects are there.
//
// Killed at any point and run again, it gives each row once: a group's objects are named by a UUIDv5 of it, lie under
// names that no reader of tables looks at, noted before they are written, and become visible in one move together with
// the word that the group is done. So queries see a group whole or not at all, and a compaction between two runs meets whole
// groups only. A file is known by its name, size and stamp: one that changed after it was converted is told, and not
// read twice; converted anew, its rows take the old ones' place in that move.
//
// It runs on the client's side of the doors, which it knows as Objects and Partitions; it never opens a file,
// a socket or the terminal by itself, and never makes a table.
package backfill

import (
	"context"
	"io"
	"iter"

	"flowlake/catalog"
	"flowlake/lake"
)

// Input is a file of flow logs as it was when it was listed.
type Input struct {
	Name  string `json:"name"` // an absolute path, or s3://bucket/key
	Size  int64  `json:"size"` // in bytes, as it is stored
	Stamp string `json:"stamp"`
}

// Source opens inputs.
type Source interface {
	// Open returns an input's bytes from their beginning: all, or the first so many where limit is above 0. It
	// returns fault.Conflict when the file is not the one that was listed, fault.NotFound when it is gone, and fault.Denied
	// when it may not be read; another error, also of a read, is of the network or the disk.
	Open(ctx context.Context, in Input, limit int64) (io.ReadCloser, error)
}

// Objects is the lake as a client sees it. Its methods try again by themselves what is worth it.
type Objects interface {
	// Get returns a small object, or fault.NotFound.
	Get(ctx context.Context, bucket, key string) ([]byte, error)
	// Put writes an object over what is there, and returns its ETag.
	Put(ctx context.Context, bucket, key string, body io.ReadSeeker, size int64) (etag string, err error)
	// PutNew writes an object that must not be there yet: fault.Precondition when it is.
	PutNew(ctx context.Context, bucket, key string, body []byte) error
	// Move renames objects and removes others, at once or not at all, as lake.Store.Move does: fault.NotFound and
	// fault.Precondition where something is not as it must be, which is also what a move that was made already gives.
	Move(ctx context.Context, moves []lake.Move, removes []lake.Ref) error
	// Delete removes an object. One that is not there is no error.
	Delete(ctx context.Context, bucket, key string) error
	// Has reports whether there is such an object.
	Has(ctx context.Context, bucket, key string) (bool, error)
	// Keys yields the keys below a prefix, in order.
	Keys(ctx context.Context, bucket, prefix string) iter.Seq2[string, error]
}

// Partitions is a table's part of the catalogue as a client sees it.
type Partitions interface {
	// Find returns those of the partitions that are registered.
	Find(ctx context.Context, values [][]string) ([]catalog.Partition, error)
	// Add registers partitions; those that are there stay as they are.
	Add(ctx context.Context, ps []catalog.Partition) error
}
