package logs

// Event is an event as it is put.
type Event struct {
	TimeMillis int64 // Unix milliseconds, not negative
	Message    string
}

// Stored is an event as it is read.
type Stored struct {
	Sequence       uint64 // of its group: dense, from 1, in the order of ingestion
	TimeMillis     int64
	IngestedMillis int64
	Stream         string
	Message        string
}

// position is a place in time order, before the event with that time and sequence.
type position struct {
	time     int64 // milliseconds
	sequence uint64
}

func (p position) before(q position) bool {
	return p.time < q.time || p.time == q.time && p.sequence < q.sequence
}
