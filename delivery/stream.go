package delivery

import (
	"encoding/json"
	"time"

	"flowlake/access"
)

// The kinds of streams. A kind's Writer owns the settings of its streams, and its door lists no others.
const (
	KindFirehose = "firehose"
	KindFlowLog  = "flow-log"
)

// The states of a stream. Source: Firehose API reference, DeliveryStreamDescription.
const (
	Creating = "CREATING"
	Active   = "ACTIVE"
	Deleting = "DELETING"
)

// Stream is a delivery stream: what it is told to do, and how it fares.
type Stream struct {
	ID       string            `json:"id"` // a UUID, never used twice
	Kind     string            `json:"kind"`
	Account  string            `json:"account"`
	Region   string            `json:"region"`
	Name     string            `json:"name"`
	ARN      string            `json:"arn"`
	Settings json.RawMessage   `json:"settings"` // the Writer's; the room keeps and never reads them
	Buffer   Buffer            `json:"buffer"`
	Tags     map[string]string `json:"tags,omitempty"`
	// Encrypted is what a client asked for and is shown: nothing here encrypts.
	Encrypted bool          `json:"encrypted,omitempty"`
	Status    string        `json:"status"`
	Created   time.Time     `json:"created"`
	Updated   time.Time     `json:"updated,omitzero"`
	Caller    access.Caller `json:"caller"` // who made it, as the service

	Version int64   `json:"version"` // grows by one with each update, from 1
	acts    string  // the service, where Caller is a session of the stream's role; "" where Caller says it
	Failure Failure `json:"-"` // what keeps it from delivering now; not kept over a restart, which tries again at once
}

// Buffer says when a batch is closed: when it holds so many bytes of record data, or when its oldest record
// arrived so long ago, whichever is first. Source: Firehose API reference, BufferingHints.
type Buffer struct {
	Bytes int64         `json:"bytes"` // 1 to 128 MiB
	Age   time.Duration `json:"age"`   // 0 to 900 s
}

// Failure is what a stream waits for to go away. The zero value is none.
type Failure struct {
	Message  string    // the obstacle, fit for the stream's owner
	Remedy   string    // the statement that would remove it, and where it belongs; "" where that is not what is missing
	Since    time.Time // of the first failure in a row
	Attempts int       // failures in a row
	Next     time.Time // when it tries again; zero once the batch is given up
	GivenUp  time.Time // when a batch was last put below the error prefix for it; zero: never
}

// Record is a record that was put into a stream.
type Record struct {
	Data     []byte
	Arrival  time.Time
	Sequence uint64 // of its stream: dense, from 1
}

// NewStream is what a stream is created with.
type NewStream struct {
	Kind     string
	Name     string
	ARN      string // its ARN, which its kind's door knows how to make
	Settings json.RawMessage
	Buffer   Buffer
	Tags     map[string]string
	// Encrypted is kept and shown, see Stream.
	Encrypted bool
	Service   string // the service that acts for the caller: "firehose.amazonaws.com"
}

// Counters are a stream's numbers since it was made. They are exact over crashes: In is always the sum of
// Delivered, Failed, Dropped and Waiting.
//
// A row is a record that was put, or one event of a log subscription; a record that turns out to hold several
// (JSON objects in a row, the events of an envelope) counts as so many, once it is looked into.
type Counters struct {
	In        int64 // rows taken in
	InBytes   int64
	Delivered int64 // rows in objects of the destination
	Failed    int64 // rows under the error prefix
	Dropped   int64 // rows that a transform, a processor or a rule left out
	Waiting   int64 // records in the stream's own queue
	WaitBytes int64
	Missed    int64 // log events that expired before the stream could read them; no part of In

	Batches        int64
	Objects        int64
	DeliveredBytes int64 // size of the objects of the destination
	Retries        int64 // attempts that failed, since the process started

	Behind int64     // log events that no batch has read, matching or not, as it is now
	Oldest time.Time // arrival of the oldest record or event that waits; zero when nothing does
}
